//! A moment, to the millisecond.

use minicbor::{Decode, Encode};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct UnixMillis(#[n(0)] pub i64);

impl UnixMillis {
    /// 9999-12-31T23:59:59.999Z: the last moment that RFC 3339 and `google.protobuf.Timestamp` can say.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Whole seconds from `earlier` to this moment, rounded towards zero; negative when `earlier` is later. For display:
    /// what depends on which moment is earlier compares the moments themselves.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1000
    }
}
