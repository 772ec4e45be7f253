//! AXIS, the score of a whole conversation: three dimensions, each 1 to 5, and their mean.

use minicbor::{Decode, Encode};

use super::{CriterionResult, FactValue, ScoredFact};

/// The id of the built-in scorecard whose criteria are the three dimensions.
pub const SCORECARD: &str = "axis";

/// The ids of its criteria.
pub const RESOLUTION_ACCURACY: &str = "resolution_accuracy";
pub const INTERACTION_EFFORT: &str = "interaction_effort";
pub const HANDOFF_SMOOTHNESS: &str = "handoff_smoothness";

/// The facts from which resolution and involvement are derived; every AXIS assessment keeps them.
pub const FACTS: [&str; 6] = [
    "ai_messages",
    "assisted_replies",
    "confirmation_at_end",
    "teammate_messages",
    "teammate_notes",
    "unanswered_question",
];

/// An AXIS score with the values derived from it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Axis {
    /// Tenths, 10 to 50: the mean of the dimensions, rounded half up.
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
    /// One sentence of explanation.
    #[n(1)]
    pub reason: String,
}

/// Based on the rounded score: below 3 poor, below 4 fair, else excellent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Band {
    #[n(0)]
    Poor,
    #[n(1)]
    Fair,
    #[n(2)]
    Excellent,
}

/// Whether the customer's concern was resolved.
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

/// Who replied: AI agents, people, or both.
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

impl Axis {
    /// Computes the score; the mean is taken over the unrounded dimensions and rounded once.
    pub fn of(
        resolution_accuracy: Dimension,
        interaction_effort: Dimension,
        handoff_smoothness: Dimension,
        resolution: Resolution,
        ai_involvement: AiInvolvement,
    ) -> Self {
        let sum =
            resolution_accuracy.score_milli + interaction_effort.score_milli + handoff_smoothness.score_milli;
        let score_tenths = (sum + 150) / 300;
        let band = Band::of(score_tenths);
        Self {
            score_tenths,
            band,
            resolution_accuracy,
            interaction_effort,
            handoff_smoothness,
            resolution,
            ai_involvement,
        }
    }

    /// The AXIS score of an assessment against the built-in scorecard, preferring a person's answer to the system's;
    /// `None` unless all three dimensions have one.
    pub fn from_results(criteria: &[CriterionResult], facts: &[ScoredFact]) -> Option<Self> {
        let dimension = |id: &str| {
            let answer = criteria.iter().find(|result| result.criterion_id == id)?.answer()?;
            let score_milli = u32::try_from(answer.score.0.clamp(1_000, 5_000)).ok()?;
            Some(Dimension { score_milli, reason: answer.reason.clone() })
        };
        let accuracy = dimension(RESOLUTION_ACCURACY)?;
        let resolution = Resolution::of(&accuracy, facts);
        let (effort, handoff) = (dimension(INTERACTION_EFFORT)?, dimension(HANDOFF_SMOOTHNESS)?);
        Some(Self::of(accuracy, effort, handoff, resolution, AiInvolvement::of(facts)))
    }

    /// 1 to 5 with one decimal.
    pub fn score(&self) -> f64 {
        f64::from(self.score_tenths) / 10.0
    }

    /// The mean before rounding, by which conversations are ranked.
    pub fn unrounded(&self) -> f64 {
        let dimensions = [&self.resolution_accuracy, &self.interaction_effort, &self.handoff_smoothness];
        f64::from(dimensions.map(|dimension| dimension.score_milli).iter().sum::<u32>()) / 3000.0
    }
}

impl Dimension {
    /// 1 to 5.
    pub fn score(&self) -> f64 {
        f64::from(self.score_milli) / 1000.0
    }
}

impl Band {
    pub fn of(score_tenths: u32) -> Self {
        match score_tenths {
            ..30 => Self::Poor,
            30..40 => Self::Fair,
            _ => Self::Excellent,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poor => "Poor",
            Self::Fair => "Fair",
            Self::Excellent => "Excellent",
        }
    }
}

impl Resolution {
    /// Below this accuracy the concern is unresolved.
    const PARTIAL_FROM_MILLI: u32 = 2_500;
    /// At or above this accuracy it is resolved, unless a question is still open.
    const RESOLVED_FROM_MILLI: u32 = 3_800;

    /// Derived from the accuracy and two facts: nothing is resolved while the customer waits for an answer, and the
    /// customer's own confirmation turns a partial resolution into a full one.
    fn of(accuracy: &Dimension, facts: &[ScoredFact]) -> Self {
        if accuracy.score_milli < Self::PARTIAL_FROM_MILLI {
            Self::NotResolved
        } else if is_true(facts, "unanswered_question") {
            Self::Partial
        } else if accuracy.score_milli >= Self::RESOLVED_FROM_MILLI || is_true(facts, "confirmation_at_end") {
            Self::Resolved
        } else {
            Self::Partial
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "Resolved",
            Self::Partial => "Partial",
            Self::NotResolved => "Not Resolved",
        }
    }
}

impl AiInvolvement {
    /// AI only: an AI wrote, and no person of the company wrote anything, not even a note. Assisted: both wrote, or a
    /// person wrote with an AI tool.
    fn of(facts: &[ScoredFact]) -> Self {
        let ai = count(facts, "ai_messages") > 0;
        let people = count(facts, "teammate_messages") + count(facts, "teammate_notes") > 0;
        let assisted = count(facts, "assisted_replies") > 0;
        match (ai, people) {
            (true, false) => Self::AiOnly,
            (true, true) => Self::AiAssisted,
            (false, _) if assisted => Self::AiAssisted,
            (false, _) => Self::NoAi,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AiOnly => "AI only",
            Self::AiAssisted => "AI assisted",
            Self::NoAi => "no AI",
        }
    }
}

fn value<'f>(facts: &'f [ScoredFact], name: &str) -> Option<&'f FactValue> {
    facts.iter().find(|fact| fact.name == name).map(|fact| &fact.value)
}

fn is_true(facts: &[ScoredFact], name: &str) -> bool {
    matches!(value(facts, name), Some(FactValue::Bool(true)))
}

fn count(facts: &[ScoredFact], name: &str) -> i64 {
    match value(facts, name) {
        Some(FactValue::Int(count)) => *count,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
