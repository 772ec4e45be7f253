//! A point in time, to the millisecond.

use minicbor::{Decode, Decoder, Encode, decode};

/// Milliseconds since 1970-01-01T00:00:00Z.
///
/// Values from outside go through [`Self::checked`]. Values that an earlier build stored outside the range are clamped
/// when read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct UnixMillis(#[n(0)] pub i64);

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

    /// An end of a range, which may be arbitrarily far away.
    pub fn bound(seconds: i64, millis: i64) -> Self {
        Self(seconds.saturating_mul(1000).saturating_add(millis))
    }

    /// Truncated to seconds.
    pub fn whole_seconds(self) -> Self {
        Self(self.0.div_euclid(1000).saturating_mul(1000))
    }

    /// Seconds from `earlier` to this time, truncated; negative when `earlier` is later. For display only: to decide
    /// which is earlier, compare the times themselves.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1000
    }
}

impl<'b, C> Decode<'b, C> for UnixMillis {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Ok(Self(d.i64()?.clamp(Self::MIN.0, Self::MAX.0)))
    }
}
