//! The arithmetic of an assessment, in integers of 1/1000 point: no float decides a state.

use minicbor::{Decode, Encode};

/// Thousandths of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct MilliPoints(#[n(0)] pub i64);

impl MilliPoints {
    pub fn points(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// What the criteria of one assessment add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Totals {
    #[n(0)]
    pub scored_points: MilliPoints,
    /// The maximum of the criteria that were scored.
    #[n(1)]
    pub used_max_points: MilliPoints,
    /// The maximum of all applicable criteria.
    #[n(2)]
    pub total_max_points: MilliPoints,
    /// Tenths of a percent, 0 to 1000, half rounded up; 0 when its denominator is 0.
    #[n(3)]
    pub percentage_tenths: u32,
}
