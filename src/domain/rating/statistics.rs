//! Shares, means and the net promoter score with their 95 % intervals: pure functions of counts.
//!
//! docs/ratings.md has the formulas and where they come from.

use std::f64::consts::{FRAC_PI_2, PI};

/// The standard normal distribution's quantile at 0.975: 95 % lie within it on both sides.
const Z: f64 = 1.959_963_984_540_054;
/// Beyond so many degrees of freedom the expansion of the t quantile is exact to ten digits.
const EXACT_DEGREES: u64 = 100;

/// A number estimated from `n` observations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    pub n: u64,
    /// Absent without an observation.
    pub value: Option<f64>,
    /// The 95 % interval. Absent with fewer than two observations, which tell nothing of how far others lie apart.
    pub interval: Option<Interval>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
}

impl Interval {
    /// `value` less and more `margin`, within what is possible.
    fn around(value: f64, margin: f64, least: f64, most: f64) -> Self {
        Self { lower: (value - margin).clamp(least, value), upper: (value + margin).clamp(value, most) }
    }
}

/// The share that `hits` are of `n`, 0 to 1, with Wilson's score interval.
pub fn share(hits: u64, n: u64) -> Estimate {
    if n == 0 {
        return Estimate::default();
    }
    let (count, value) = (n as f64, hits.min(n) as f64 / n as f64);
    let z2 = Z * Z;
    let centre = (value + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let margin = Z / (1.0 + z2 / count) * (value * (1.0 - value) / count + z2 / (4.0 * count * count)).sqrt();
    // At 0 and 1 one bound is the share itself, which rounding must not move past it.
    let interval =
        Interval { lower: (centre - margin).clamp(0.0, value), upper: (centre + margin).clamp(value, 1.0) };
    Estimate { n, value: Some(value), interval: (n >= 2).then_some(interval) }
}

/// The mean of `n` whole numbers from `least` to `most`, of which the sum and the sum of the squares are known, with
/// Student's t interval.
pub fn mean(n: u64, sum: u64, sum_of_squares: u64, least: f64, most: f64) -> Estimate {
    if n == 0 {
        return Estimate::default();
    }
    let value = sum as f64 / n as f64;
    let interval = (n >= 2).then(|| {
        // In whole numbers, so that equal values have a variance of exactly 0.
        let spread = (u128::from(n) * u128::from(sum_of_squares)).saturating_sub(u128::from(sum).pow(2));
        let variance = spread as f64 / (n as f64 * (n - 1) as f64);
        let margin = t_quantile(n - 1) * (variance / n as f64).sqrt();
        Interval::around(value, margin, least, most)
    });
    Estimate { n, value: Some(value), interval }
}

/// The net promoter score of `n` answers, −100 to 100: the share of promoters less that of detractors, times 100, with
/// the normal interval.
pub fn net_promoter_score(promoters: u64, detractors: u64, n: u64) -> Estimate {
    if n == 0 {
        return Estimate::default();
    }
    let count = n as f64;
    let difference = (promoters as f64 - detractors as f64) / count;
    let value = 100.0 * difference;
    let interval = (n >= 2).then(|| {
        let variance = ((promoters + detractors) as f64 / count - difference * difference).max(0.0);
        Interval::around(value, 100.0 * Z * (variance / count).sqrt(), -100.0, 100.0)
    });
    Estimate { n, value: Some(value), interval }
}

/// The quantile at 0.975 of Student's t distribution with so many degrees of freedom, at least 1.
fn t_quantile(degrees: u64) -> f64 {
    if degrees > EXACT_DEGREES {
        return t_quantile_expanded(degrees as f64);
    }
    // Between the quantiles of an infinite number of degrees and of one.
    let (mut low, mut high) = (Z, 13.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if t_within(middle, degrees) < 0.95 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// How much of the t distribution lies between −t and t: the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.
fn t_within(t: f64, degrees: u64) -> f64 {
    let theta = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = theta.sin_cos();
    let is_odd = degrees % 2 == 1;
    if degrees == 1 {
        return theta / FRAC_PI_2;
    }
    // cos + 2/3 cos³ + 2·4/(3·5) cos⁵ … for odd degrees, 1 + 1/2 cos² + 1·3/(2·4) cos⁴ … for even ones.
    let (mut term, first) = if is_odd { (cosine, 2) } else { (1.0, 1) };
    let mut sum = term;
    for factor in (first..degrees - 2).step_by(2) {
        term *= cosine * cosine * factor as f64 / (factor + 1) as f64;
        sum += term;
    }
    if is_odd { 2.0 / PI * (theta + sine * sum) } else { sine * sum }
}

/// The expansion of the quantile in powers of 1 / degrees: Abramowitz and Stegun, 26.7.5.
fn t_quantile_expanded(degrees: f64) -> f64 {
    let z2 = Z * Z;
    let g1 = Z * (z2 + 1.0) / 4.0;
    let g2 = Z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let g3 = Z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    let g4 = Z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92_160.0;
    Z + (g1 + (g2 + (g3 + g4 / degrees) / degrees) / degrees) / degrees
}

#[cfg(test)]
mod tests;
