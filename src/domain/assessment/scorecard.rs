//! A rubric: what is judged, how, and how much it counts.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::MilliPoints;
use crate::domain::UnixMillis;

/// One immutable revision of a scorecard. Editing creates the next one; criterion ids are stable across revisions.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ScorecardRevision {
    #[n(0)]
    pub revision: RevisionRef,
    /// The name shown to people.
    #[n(1)]
    pub label: String,
    #[n(2)]
    pub description: String,
    #[n(3)]
    pub state: ScorecardState,
    /// What one assessment covers.
    #[n(4)]
    pub unit: UnitKind,
    /// A CEL expression over facts; the scorecard applies where it is true. Empty: everywhere.
    #[n(5)]
    pub applies_when: String,
    #[n(6)]
    pub denominator: Denominator,
    #[n(7)]
    pub categories: Vec<Category>,
    /// When this revision was created.
    #[n(8)]
    pub create_time: UnixMillis,
    /// BLAKE3 hash, in hex, of the YAML text it was made from: a changed file makes a new revision, an unchanged one
    /// does not.
    #[n(9)]
    pub content_hash: String,
}

/// Which revision of which scorecard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct RevisionRef {
    /// The id of the family, as in `scorecards/{base}`.
    #[n(0)]
    pub base: String,
    /// The family's number, used by JSON dialects.
    #[n(1)]
    pub base_id: u64,
    /// 1 for the first revision.
    #[n(2)]
    pub ordinal: u32,
    /// The revision's number, used by JSON dialects.
    #[n(3)]
    pub revision_id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ScorecardState {
    #[n(0)]
    Draft,
    #[n(1)]
    Active,
    #[n(2)]
    Retired,
    #[n(3)]
    Deleted,
}

/// What one assessment covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// The whole conversation.
    #[n(0)]
    Conversation,
    /// One agent's stretch of work.
    #[n(1)]
    Worklog,
}

/// The denominator of the percentage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Denominator {
    /// The maximum points of all applicable criteria.
    #[default]
    #[n(0)]
    Total,
    /// The maximum points of the criteria that were scored.
    #[n(1)]
    Used,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Category {
    #[n(0)]
    pub id: String,
    #[n(1)]
    pub label: String,
    #[n(2)]
    pub criteria: Vec<Criterion>,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Criterion {
    /// Unique in the scorecard.
    #[n(0)]
    pub id: String,
    #[n(1)]
    pub label: String,
    #[n(2)]
    pub description: String,
    /// Greater than 0: the weight.
    #[n(3)]
    pub max_points: MilliPoints,
    #[n(4)]
    pub scoring_type: ScoringType,
    #[n(5)]
    pub evaluator: Evaluator,
    /// A CEL expression over facts: a bool for `met_not_met`, a number for `numeric_scale`. Empty for `human`.
    #[n(6)]
    pub rule: String,
    /// A CEL expression over facts; false means not applicable, which excludes the criterion from both sides of the
    /// fraction. Empty: always applicable.
    #[n(7)]
    pub applies_when: String,
    #[n(8)]
    pub knockout: Knockout,
    /// A sentence with CEL expressions over facts in braces: `first reply after {first_response_seconds} s`,
    /// `{thanks_at_end ? 'with thanks' : 'without thanks'}`.
    #[n(9)]
    pub reason: String,
    /// The prompt for a language model. Empty unless the evaluator is `judge`.
    #[n(10)]
    pub prompt: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ScoringType {
    /// 0 or the maximum.
    #[n(0)]
    MetNotMet,
    /// `min` to the maximum.
    #[n(1)]
    NumericScale {
        #[n(0)]
        min: MilliPoints,
    },
}

/// Who answers a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Evaluator {
    /// An expression over facts.
    #[n(0)]
    Rule,
    /// A language model; while none is configured, the rule, if there is one.
    #[n(1)]
    Judge,
    /// A person.
    #[n(2)]
    Human,
}

/// What a score of 0 also sets to 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Knockout {
    #[default]
    #[n(0)]
    None,
    /// The points of its category.
    #[n(1)]
    Category,
    /// The points of the whole assessment.
    #[n(2)]
    Assessment,
}
