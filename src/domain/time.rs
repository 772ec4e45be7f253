//! A point in time, to the millisecond.

use std::fmt;

use minicbor::{Decode, Encode};

/// Milliseconds since 1970-01-01T00:00:00Z.
///
/// Values from outside go through [`Self::checked`]. Only decoding can yield one out of range, stored by an earlier build.
/// Computations clamp it, responses show what is stored ([`Self::as_stored`]), and rewriting the record keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct UnixMillis(#[n(0)] i64);

impl UnixMillis {
    pub const MIN: Self = Self(0);
    /// 9999-12-31T23:59:59.999Z: the last moment that RFC 3339 and `google.protobuf.Timestamp` can represent.
    pub const MAX: Self = Self(253_402_300_799_999);

    pub const HOUR_MILLIS: i64 = 60 * 60 * 1000;
    pub const DAY_MILLIS: i64 = 24 * Self::HOUR_MILLIS;

    /// How far the clock of a caller may be ahead of ours: a time beyond that is no time at which something has happened.
    const AHEAD_MILLIS: i64 = 5 * 60 * 1000;

    /// The latest time of something that a caller may say has happened by `self`, which is now.
    pub const fn horizon(self) -> Self {
        self.plus_millis(Self::AHEAD_MILLIS)
    }

    /// Whether a caller may say that something has happened at this time.
    pub fn has_happened(self, now: Self) -> Result<(), String> {
        if self <= now.horizon() {
            return Ok(());
        }
        Err(format!("must be at most 5 minutes later than the server's clock, which shows {now}, is {self}"))
    }

    /// A time from outside: one that every format can represent.
    pub fn checked(millis: i64) -> Result<Self, String> {
        if (Self::MIN.0..=Self::MAX.0).contains(&millis) {
            return Ok(Self(millis));
        }
        let (first, last) = (Self::MIN.0, Self::MAX.0);
        let rule = format!("must lie between 1970-01-01 and the end of 9999 ({first} to {last} ms)");
        Err(format!("{rule}, is {millis} ms"))
    }

    /// The same from seconds and milliseconds.
    pub fn checked_seconds(seconds: i64, millis: i64) -> Result<Self, String> {
        match seconds.checked_mul(1000).and_then(|whole| whole.checked_add(millis)) {
            Some(millis) => Self::checked_date(millis),
            None => Err(out_of_range(format!("{seconds} s"))),
        }
    }

    /// The same from a date.
    pub fn checked_date(millis: i64) -> Result<Self, String> {
        Self::checked(millis).map_err(|_| {
            out_of_range(match millis {
                // The years of RFC 3339.
                YEAR_1..=LAST => Date(millis).to_string(),
                beyond => format!("{beyond} ms"),
            })
        })
    }

    /// An end of a filter's range, which may be arbitrarily far away.
    pub const fn bound(seconds: i64, millis: i64) -> Self {
        Self(seconds.saturating_mul(1000).saturating_add(millis))
    }

    /// The nearest time in range.
    pub const fn clamped(millis: i64) -> Self {
        Self(if millis < Self::MIN.0 {
            Self::MIN.0
        } else if millis > Self::MAX.0 {
            Self::MAX.0
        } else {
            millis
        })
    }

    /// Milliseconds since 1970, in range.
    pub const fn millis(self) -> i64 {
        Self::clamped(self.0).0
    }

    /// Milliseconds since 1970 as decoded, possibly out of range.
    pub const fn as_stored(self) -> i64 {
        self.0
    }

    /// This time plus `millis`, which may be negative; clamped.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::clamped(self.millis().saturating_add(millis))
    }

    /// Truncated to seconds.
    pub fn whole_seconds(self) -> Self {
        Self(self.millis().div_euclid(1000) * 1000)
    }

    /// Truncated to hours.
    #[must_use]
    pub const fn whole_hours(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(Self::HOUR_MILLIS)))
    }

    /// Milliseconds from `earlier` to this time; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.millis() - earlier.millis()
    }

    /// Seconds from `earlier` to this time, truncated; negative when `earlier` is later. For display only: to decide
    /// which is earlier, compare the times themselves.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.millis_since(earlier) / 1000
    }
}

const YEAR_1: i64 = -62_135_596_800_000;
const LAST: i64 = UnixMillis::MAX.0;

fn out_of_range(given: String) -> String {
    format!("must lie between {} and {}, is {given}", UnixMillis::MIN, UnixMillis::MAX)
}

/// RFC 3339 in UTC, to the millisecond, whole seconds without a fraction: `2024-06-12T10:20:00Z`.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Date(self.millis()).fmt(f)
    }
}

/// Any milliseconds since 1970 as a date.
struct Date(i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = UnixMillis::DAY_MILLIS;
        let (days, of_day) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // Counted from 1 March of the year 0, so that a leap day ends its year; in eras of 400 years.
        let (era, day) = ((days + 719_468).div_euclid(146_097), (days + 719_468).rem_euclid(146_097));
        let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = 400 * era + year_of_era + i64::from(month <= 2);
        let (seconds, millis) = (of_day / 1000, of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if millis > 0 {
            write!(f, ".{millis:03}")?;
        }
        f.write_str("Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc() {
        for (millis, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (UnixMillis::MAX.millis(), "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(UnixMillis::clamped(millis).to_string(), shown);
        }
    }

    #[test]
    fn a_date_out_of_range_is_shown_as_what_it_is() {
        for (millis, shown) in [
            (-1, "1969-12-31T23:59:59.999Z"),
            (-315_619_200_000, "1960-01-01T00:00:00Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
            (UnixMillis::MAX.0 + 1, "253402300800000 ms"),
            (YEAR_1 - 1, "-62135596800001 ms"),
        ] {
            let rule = UnixMillis::checked_date(millis).unwrap_err();
            assert_eq!(
                rule,
                format!("must lie between 1970-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z, is {shown}")
            );
        }
        for end in [i64::MIN, i64::MAX] {
            assert!(UnixMillis::checked_seconds(end, 999).is_err());
        }
    }

    #[test]
    fn a_time_stored_out_of_range_is_kept_and_clamped_in_computations() {
        for (stored, end) in [(-1, UnixMillis::MIN), (i64::MIN, UnixMillis::MIN), (i64::MAX, UnixMillis::MAX)]
        {
            let bytes = minicbor::to_vec(stored).unwrap();
            let time: UnixMillis = minicbor::decode(&bytes).unwrap();
            assert_eq!((time.millis(), time.as_stored()), (end.millis(), stored));
            assert_eq!(time.plus_millis(0), end);
            assert_eq!(time.millis_since(end), 0);
            assert_eq!(minicbor::to_vec(time).unwrap(), bytes);
        }
        assert_eq!(UnixMillis::MAX.plus_millis(1), UnixMillis::MAX);
        assert_eq!(UnixMillis::MIN.plus_millis(i64::MIN), UnixMillis::MIN);
        assert_eq!(UnixMillis::clamped(1_999).whole_seconds(), UnixMillis::clamped(1_000));
    }
}
