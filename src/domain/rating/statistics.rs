//! Shares, means and the net promoter score with their 95 % intervals: pure functions of counts.
//!
//! Every interval is the same one: the values of a mean that Rao's score test does not reject at the 5 % level, where the
//! answers are a multinomial sample on a scale with two ends. On the scale {0, 1} that is Wilson's interval for a share
//! (E. B. Wilson, JASA 22, 1927); on {−1, 0, 1} it is Tango's for a difference of paired proportions (T. Tango, Statistics
//! in Medicine 17, 1998), the score interval that B. Rocks ("Interval Estimation for the Net Promoter Score", The American
//! Statistician 70, 2016) finds among the best for the net promoter score. It contains the estimate, stays on the scale,
//! and keeps a width where all answers agree and where there is only one. docs/ratings.md has the formulas and the coverage.

/// The standard normal distribution's quantile at 0.975, squared: what the score test is compared with.
const Z_SQUARED: f64 = 1.959_963_984_540_054 * 1.959_963_984_540_054;
/// Enough bisection steps to find a bound or a multiplier to the last digit of a double.
const HALVINGS: usize = 64;

/// A number estimated from `n` observations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    pub n: u64,
    /// `None` without observations.
    pub value: Option<f64>,
    /// The 95 % interval; `None` without observations.
    pub interval: Option<Interval>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
}

/// `hits` as a share of `n`, 0 to 1.
pub fn share(hits: u64, n: u64) -> Estimate {
    let hits = hits.min(n);
    mean(&[n - hits, hits], 0.0, 1.0)
}

/// The net promoter score, −100 to 100: the share of promoters minus that of detractors, times 100.
pub fn net_promoter_score(promoters: u64, passives: u64, detractors: u64) -> Estimate {
    mean(&[detractors, passives, promoters], -100.0, 100.0)
}

/// The mean of answers on a scale of evenly spaced values: `counts[0]` is the number of answers of `least`, the lowest
/// value, and so on.
pub fn mean(counts: &[u64], least: f64, step: f64) -> Estimate {
    let n = counts.iter().sum::<u64>();
    if n == 0 {
        return Estimate::default();
    }
    let sum =
        counts.iter().zip(0_u128..).map(|(count, place)| u128::from(*count) * place).sum::<u128>() as f64;
    let sample = Sample { counts, n: n as f64, mean: sum / n as f64 };
    let value = (least * n as f64 + step * sum) / n as f64;
    let [lower, upper] = [0.0, counts.len() as f64 - 1.0].map(|end| least + step * sample.bound(end));
    // Rounding must not move a bound past the value.
    let interval = Interval { lower: lower.min(value), upper: upper.max(value) };
    Estimate { n, value: Some(value), interval: Some(interval) }
}

/// Answers by their place on the scale: 0, 1, 2 and so on.
struct Sample<'a> {
    counts: &'a [u64],
    n: f64,
    mean: f64,
}

impl Sample<'_> {
    /// The mean furthest from the sample's own, towards this end of the scale, that the score test does not reject.
    fn bound(&self, end: f64) -> f64 {
        let (mut inside, mut outside) = (self.mean, end);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inside, outside);
            // No double is left between them; the end itself is rejected unless every answer is there.
            if middle == inside || middle == outside {
                break;
            }
            let is_inside = self.score(middle, end) <= Z_SQUARED;
            *(if is_inside { &mut inside } else { &mut outside }) = middle;
        }
        inside
    }

    /// Rao's score statistic n (x̄ − μ)² / V of the hypothesis that the true mean is `mean`, between the sample's own and `end`.
    ///
    /// V is the variance of the likeliest distribution with that mean: pᵢ = wᵢ / (1 + θ (vᵢ − μ)), where wᵢ are the
    /// shares of the answers and the multiplier θ makes its mean μ. Where even the largest θ leaves the mean short of
    /// `end`, the missing probability is placed there.
    fn score(&self, mean: f64, end: f64) -> f64 {
        let theta = self.multiplier(mean, 1.0 / (mean - end));
        let (mut total, mut variance) = (0.0, 0.0);
        for (share, distance) in self.shares(mean) {
            let probability = share / (1.0 + theta * distance);
            total += probability;
            variance += probability * distance * distance;
        }
        variance += (1.0 - total).max(0.0) * (end - mean).powi(2);
        self.n * (self.mean - mean).powi(2) / variance
    }

    /// Where the mean of the likeliest distribution crosses `mean`, between 0 and `last`, by bisection, as it is
    /// monotonic.
    fn multiplier(&self, mean: f64, last: f64) -> f64 {
        let is_above = self.mean > mean;
        let (mut low, mut high) = (0.0, last);
        for _ in 0..HALVINGS {
            let theta = f64::midpoint(low, high);
            let rest = self
                .shares(mean)
                .map(|(share, distance)| share * distance / (1.0 + theta * distance))
                .sum::<f64>();
            *(if (rest > 0.0) == is_above { &mut low } else { &mut high }) = theta;
        }
        low
    }

    /// The share of each value that occurs, with its distance from `mean`.
    fn shares(&self, mean: f64) -> impl Iterator<Item = (f64, f64)> {
        let answered = self.counts.iter().zip(0_u32..).filter(|(count, _)| **count > 0);
        answered.map(move |(count, place)| (*count as f64 / self.n, f64::from(place) - mean))
    }
}

#[cfg(test)]
mod tests;
