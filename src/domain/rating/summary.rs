//! Summaries of many ratings. docs/ratings.md says what counts, and how.

use super::{
    RatingEntry, RatingType,
    statistics::{self, Estimate},
};
use crate::domain::UnixMillis;

/// Counts of ratings and their answers, added one rating at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RatingCounts {
    offered: u64,
    answered: u64,
    /// How many gave 1, 2, 3, 4 and 5 stars.
    csat: [u64; 5],
    promoters: u64,
    passives: u64,
    detractors: u64,
    thumbs: u64,
    thumbs_up: u64,
}

/// The figures that follow from the counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatingSummary {
    /// Offers whose customer was asked.
    pub offered: u64,
    /// The number of those with at least one answer.
    pub answered: u64,
    /// `answered` divided by `offered`.
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
                self.add_value(rated.kind, value);
            }
        }
        self.answered += u64::from(is_answered);
    }

    fn add_value(&mut self, kind: RatingType, value: u8) {
        match kind {
            RatingType::Csat => {
                // Values that no question allows are never stored.
                if let Some(count) =
                    value.checked_sub(1).and_then(|place| self.csat.get_mut(usize::from(place)))
                {
                    *count += 1;
                }
            }
            RatingType::Nps => match value {
                0..=6 => self.detractors += 1,
                7 | 8 => self.passives += 1,
                _ => self.promoters += 1,
            },
            RatingType::Thumbs => {
                self.thumbs += 1;
                self.thumbs_up += u64::from(value);
            }
        }
    }

    pub fn summary(&self) -> RatingSummary {
        let [_, _, _, four, five] = self.csat;
        RatingSummary {
            offered: self.offered,
            answered: self.answered,
            response_rate: statistics::share(self.answered, self.offered),
            csat_mean: statistics::mean(&self.csat, 1.0, 1.0),
            csat_satisfied: statistics::share(four + five, self.csat.iter().sum()),
            net_promoter_score: statistics::net_promoter_score(
                self.promoters,
                self.passives,
                self.detractors,
            ),
            thumbs_up: statistics::share(self.thumbs_up, self.thumbs),
        }
    }
}
