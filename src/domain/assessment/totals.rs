//! The arithmetic of an assessment, in integers of 1/1000 point: no state depends on a float.

use std::collections::{HashMap, HashSet};

use minicbor::{Decode, Encode};

use super::{CriterionResult, Denominator, Knockout, ScorecardRevision};

/// Thousandths of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct MilliPoints(#[n(0)] pub i64);

impl MilliPoints {
    pub fn points(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The nearest thousandth, half away from zero, clamped to the range; `None` for NaN.
    pub fn from_points(points: f64) -> Option<Self> {
        points.is_finite().then(|| Self((points * 1000.0).round() as i64))
    }
}

/// What the criteria of one assessment add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Totals {
    #[n(0)]
    pub scored_points: MilliPoints,
    /// The maximum points of the criteria that were scored.
    #[n(1)]
    pub used_max_points: MilliPoints,
    /// The maximum points of all applicable criteria.
    #[n(2)]
    pub total_max_points: MilliPoints,
    /// Tenths of a percent, 0 to 1000, rounded half up; 0 when the denominator is 0.
    #[n(3)]
    pub percentage_tenths: u32,
}

impl Totals {
    /// Adds up the answers to a revision's criteria; a person's answer takes precedence.
    ///
    /// A person's answer makes a criterion applicable. A criterion without a result is applicable and unscored; a
    /// result without a criterion is ignored. A knockout takes away points and leaves every maximum unchanged.
    pub fn of(revision: &ScorecardRevision, results: &[CriterionResult]) -> Self {
        let by_id: HashMap<&str, &CriterionResult> =
            results.iter().map(|result| (result.criterion_id.as_str(), result)).collect();
        let mut seen = HashSet::new();
        let (mut scored, mut used_max, mut total_max) = (0, 0, 0);
        let mut knocked_out = false;
        for category in &revision.categories {
            let mut category_scored = 0;
            let mut category_knocked_out = false;
            for criterion in &category.criteria {
                if !seen.insert(criterion.id.as_str()) {
                    continue;
                }
                let result = by_id.get(criterion.id.as_str());
                let max = criterion.max_points.0.max(0);
                let score = result.and_then(|result| result.score());
                if score.is_some() || result.is_none_or(|result| result.applicable) {
                    total_max += max;
                }
                let Some(score) = score else { continue };
                let score = score.0.clamp(0, max);
                used_max += max;
                category_scored += score;
                if score == 0 {
                    category_knocked_out |= criterion.knockout == Knockout::Category;
                    knocked_out |= criterion.knockout == Knockout::Assessment;
                }
            }
            scored += if category_knocked_out { 0 } else { category_scored };
        }
        let scored = if knocked_out { 0 } else { scored };
        let denominator = match revision.denominator {
            Denominator::Total => total_max,
            Denominator::Used => used_max,
        };
        Self {
            scored_points: MilliPoints(scored),
            used_max_points: MilliPoints(used_max),
            total_max_points: MilliPoints(total_max),
            percentage_tenths: percentage_tenths(scored, denominator),
        }
    }

    /// Scored points as a fraction of the points that could be scored, 0 to 1; absent while nothing is scored.
    pub fn normalized(&self) -> Option<f64> {
        (self.used_max_points.0 > 0).then(|| self.scored_points.0 as f64 / self.used_max_points.0 as f64)
    }

    /// 0 to 100 with one decimal.
    pub fn percentage(&self) -> f64 {
        f64::from(self.percentage_tenths) / 10.0
    }
}

/// `part` as tenths of a percent of `whole`, rounded half up; 0 if `whole` is 0.
fn percentage_tenths(part: i64, whole: i64) -> u32 {
    if whole <= 0 {
        return 0;
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    let tenths = (2 * 1000 * part + whole) / (2 * whole);
    u32::try_from(tenths).expect("0 <= part <= whole, so the result is 0 to 1000")
}

#[cfg(test)]
mod tests;
