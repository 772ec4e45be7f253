//! A moment, to the millisecond.

use minicbor::{Decode, Decoder, Encode, decode};

/// Milliseconds since 1970-01-01T00:00:00Z.
///
/// What comes from outside goes through [`Self::checked`]. What an earlier build stored beyond the range is read as its nearer end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct UnixMillis(#[n(0)] pub i64);

impl UnixMillis {
    pub const MIN: Self = Self(0);
    /// 9999-12-31T23:59:59.999Z: the last moment that RFC 3339 and `google.protobuf.Timestamp` can say.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// A moment that somebody else says: one that every format can write.
    pub fn checked(millis: i64) -> Result<Self, String> {
        if (Self::MIN.0..=Self::MAX.0).contains(&millis) {
            return Ok(Self(millis));
        }
        let (first, last) = (Self::MIN.0, Self::MAX.0);
        let rule = format!("must lie between 1970-01-01 and the end of 9999 ({first} to {last} ms)");
        Err(format!("{rule}, is {millis} ms"))
    }

    /// The same of seconds and a part of a second.
    pub fn checked_seconds(seconds: i64, millis: i64) -> Result<Self, String> {
        match seconds.checked_mul(1000).and_then(|whole| whole.checked_add(millis)) {
            Some(millis) => Self::checked(millis),
            None => {
                let rule = "must lie between 1970-01-01 and the end of 9999 (0 to 253402300799 s)";
                Err(format!("{rule}, is {seconds} s"))
            }
        }
    }

    /// An end of a range, which may be as far away as one likes.
    pub fn bound(seconds: i64, millis: i64) -> Self {
        Self(seconds.saturating_mul(1000).saturating_add(millis))
    }

    /// Without its part of a second.
    pub fn whole_seconds(self) -> Self {
        Self(self.0.div_euclid(1000).saturating_mul(1000))
    }

    /// Whole seconds from `earlier` to this moment, rounded towards zero; negative when `earlier` is later. For display:
    /// what depends on which moment is earlier compares the moments themselves.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1000
    }
}

impl<'b, C> Decode<'b, C> for UnixMillis {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Ok(Self(d.i64()?.clamp(Self::MIN.0, Self::MAX.0)))
    }
}
