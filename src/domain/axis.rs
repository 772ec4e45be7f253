//! AXIS, the score of a whole conversation: three dimensions, each 1 to 5, and their mean.

use minicbor::{Decode, Encode};

/// The id of the built-in scorecard whose criteria are the three dimensions.
pub const SCORECARD: &str = "axis";

/// An AXIS score with what is derived beside it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Axis {
    /// Tenths, 10 to 50: the mean of the dimensions, half rounded up.
    #[n(0)]
    pub score_tenths: u32,
    #[n(1)]
    pub band: Band,
    #[n(2)]
    pub resolution_accuracy: Dimension,
    #[n(3)]
    pub interaction_effort: Dimension,
    #[n(4)]
    pub handoff_smoothness: Dimension,
    #[n(5)]
    pub resolution: Resolution,
    #[n(6)]
    pub ai_involvement: AiInvolvement,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Dimension {
    /// Thousandths, 1000 to 5000.
    #[n(0)]
    pub score_milli: u32,
    /// One sentence that says why.
    #[n(1)]
    pub reason: String,
}

/// Below 3 poor, below 4 fair, else excellent, on the rounded score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Band {
    #[n(0)]
    Poor,
    #[n(1)]
    Fair,
    #[n(2)]
    Excellent,
}

/// Whether the customer's concern was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Resolution {
    #[n(0)]
    Resolved,
    #[n(1)]
    Partial,
    #[n(2)]
    NotResolved,
}

/// Who answered: AI agents, people, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AiInvolvement {
    #[n(0)]
    AiOnly,
    #[n(1)]
    AiAssisted,
    #[n(2)]
    NoAi,
}
