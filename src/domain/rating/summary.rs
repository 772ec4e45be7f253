//! What many ratings come to. docs/ratings.md says what counts, and how.

use super::{
    RatingEntry, RatingType,
    statistics::{self, Estimate},
};
use crate::domain::UnixMillis;

/// Counts of ratings and of their answers, taken one at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RatingCounts {
    offered: u64,
    answered: u64,
    csat: u64,
    csat_sum: u64,
    csat_squares: u64,
    satisfied: u64,
    nps: u64,
    promoters: u64,
    detractors: u64,
    thumbs: u64,
    thumbs_up: u64,
}

/// What the counts come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatingSummary {
    /// Offers whose customer was asked.
    pub offered: u64,
    /// Those of them with at least one answer.
    pub answered: u64,
    /// `answered` of `offered`.
    pub response_rate: Estimate,
    /// 1 to 5.
    pub csat_mean: Estimate,
    /// The share of 4 and 5.
    pub csat_satisfied: Estimate,
    /// −100 to 100.
    pub net_promoter_score: Estimate,
    /// The share of thumbs up.
    pub thumbs_up: Estimate,
}

impl RatingCounts {
    pub fn add(&mut self, entry: &RatingEntry, offer_time: UnixMillis, now: UnixMillis) {
        if !entry.state(offer_time, now).was_asked() {
            return;
        }
        self.offered += 1;
        let mut is_answered = false;
        for rated in &entry.values {
            if let Some(value) = rated.value {
                is_answered = true;
                self.add_value(rated.kind, u64::from(value));
            }
        }
        self.answered += u64::from(is_answered);
    }

    fn add_value(&mut self, kind: RatingType, value: u64) {
        match kind {
            RatingType::Csat => {
                self.csat += 1;
                self.csat_sum += value;
                self.csat_squares += value * value;
                self.satisfied += u64::from(value >= 4);
            }
            RatingType::Nps => {
                self.nps += 1;
                self.promoters += u64::from(value >= 9);
                self.detractors += u64::from(value <= 6);
            }
            RatingType::Thumbs => {
                self.thumbs += 1;
                self.thumbs_up += value;
            }
        }
    }

    pub fn summary(&self) -> RatingSummary {
        RatingSummary {
            offered: self.offered,
            answered: self.answered,
            response_rate: statistics::share(self.answered, self.offered),
            csat_mean: statistics::mean(self.csat, self.csat_sum, self.csat_squares, 1.0, 5.0),
            csat_satisfied: statistics::share(self.satisfied, self.csat),
            net_promoter_score: statistics::net_promoter_score(self.promoters, self.detractors, self.nps),
            thumbs_up: statistics::share(self.thumbs_up, self.thumbs),
        }
    }
}
