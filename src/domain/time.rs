//! A point in time, to the millisecond.

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
            Some(millis) => Self::checked(millis),
            None => {
                let rule = "must lie between 1970-01-01 and the end of 9999 (0 to 253402300799 s)";
                Err(format!("{rule}, is {seconds} s"))
            }
        }
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
        const HOUR: i64 = 3_600_000;
        Self(self.0.saturating_sub(self.0.rem_euclid(HOUR)))
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

#[cfg(test)]
mod tests {
    use super::*;

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
