use proptest::prelude::*;

use super::*;

const STARS: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];

fn stars(counts: [u64; 5]) -> Estimate {
    mean(&counts, 1.0, 1.0)
}

fn interval(estimate: Estimate) -> (f64, f64) {
    let Interval { lower, upper } = estimate.interval.unwrap();
    (lower, upper)
}

#[track_caller]
fn assert_close(found: (f64, f64), expected: (f64, f64), within: f64) {
    let distance = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
    assert!(distance <= within, "{found:?}, not {expected:?}");
}

/// R. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
/// method 3.
#[test]
fn the_interval_of_a_share_is_wilsons() {
    for (hits, n, lower, upper) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        assert_close(interval(share(hits, n)), (lower, upper), 0.6e-4);
    }
    for n in 1..=60 {
        for hits in 0..=n {
            assert_close(interval(share(hits, n)), wilson(hits as f64, n as f64), 1e-12);
        }
    }
}

/// Wilson's interval in closed form.
fn wilson(hits: f64, n: f64) -> (f64, f64) {
    let centre = hits + Z_SQUARED / 2.0;
    let margin = (Z_SQUARED * (hits * (n - hits) / n + Z_SQUARED / 4.0)).sqrt();
    ((centre - margin) / (n + Z_SQUARED), (centre + margin) / (n + Z_SQUARED))
}

/// T. Tango, Statistics in Medicine 17 (1998): the restricted estimate of the probability of a detractor in closed
/// form, and an independent stepwise search for the bounds.
#[test]
fn the_interval_of_a_net_promoter_score_is_tangos() {
    let score = |[promoters, _, detractors]: [u64; 3], n: f64, delta: f64| {
        let (b, c) = (promoters as f64, detractors as f64);
        let linear = (2.0 * n - b + c) * delta - b - c;
        let detractor = ((linear * linear + 8.0 * n * c * delta * (1.0 - delta)).sqrt() - linear) / (4.0 * n);
        (b - c - n * delta).powi(2) / (n * (2.0 * detractor + delta * (1.0 - delta)))
    };
    for counts in [[2, 0, 0], [0, 0, 1], [0, 5, 0], [40, 100, 20], [1, 3, 0], [7, 2, 9], [0, 30, 1]] {
        let [promoters, passives, detractors] = counts;
        let n = (promoters + passives + detractors) as f64;
        let steps = (-9_999..10_000).map(|step| f64::from(step) / 10_000.0);
        let accepted = steps.filter(|delta| score(counts, n, *delta) <= Z_SQUARED).collect::<Vec<_>>();
        let expected = (100.0 * accepted[0], 100.0 * accepted[accepted.len() - 1]);
        // The search step is a hundredth of a point.
        assert_close(interval(net_promoter_score(promoters, passives, detractors)), expected, 0.0101);
    }
}

/// Written out by hand: where all answers are at one end the test is n (x̄ − μ) / (μ − other end) against z², in closed
/// form.
#[test]
fn answers_that_agree_leave_room_for_others() {
    let least = |n: f64| (n - Z_SQUARED) / (n + Z_SQUARED);
    for n in [1, 2, 5, 100] {
        let count = n as f64;
        let promoters = net_promoter_score(n, 0, 0);
        assert_eq!(promoters.value, Some(100.0));
        assert_close(interval(promoters), (100.0 * least(count), 100.0), 1e-9);
        let satisfied = stars([0, 0, 0, 0, n]);
        assert_eq!(satisfied.value, Some(5.0));
        assert_close(interval(satisfied), (3.0 + 2.0 * least(count), 5.0), 1e-9);
    }
    // Away from the ends the interval extends to both sides of the value.
    let (lower, upper) = interval(stars([0, 0, 0, 2, 0]));
    assert_close(
        (lower, upper),
        (1.0 + 3.0 * 2.0 / (2.0 + Z_SQUARED), 4.0 + Z_SQUARED / (2.0 + Z_SQUARED)),
        1e-9,
    );
}

/// With many answers all intervals approach the normal one. By hand: 50 % promoters and 20 % detractors make 30 with
/// variance 0.7 − 0.09 = 0.61.
#[test]
fn many_answers_have_the_normal_interval() {
    let n = 1_000_000_u64;
    let margin = 100.0 * (Z_SQUARED * 0.61 / n as f64).sqrt();
    let estimate = net_promoter_score(n / 2, n / 10 * 3, n / 5);
    assert_eq!(estimate.value, Some(30.0));
    assert_close(interval(estimate), (30.0 - margin, 30.0 + margin), 1e-3);
    let most = stars([u64::MAX / 8; 5]);
    assert_eq!(most.value, Some(3.0));
    assert!(interval(most).0 > 2.999_999 && interval(most).1 < 3.000_001);
}

#[test]
fn without_an_observation_there_is_nothing() {
    for nothing in [share(0, 0), stars([0; 5]), net_promoter_score(0, 0, 0)] {
        assert_eq!(nothing, Estimate::default());
    }
}

/// Every way in which `n` answers can be distributed over this many values.
fn samples(values: usize, n: u64) -> Vec<Vec<u64>> {
    if values == 1 {
        return vec![vec![n]];
    }
    let with_first =
        |first: u64| samples(values - 1, n - first).into_iter().map(move |rest| [vec![first], rest].concat());
    (0..=n).flat_map(with_first).collect()
}

/// The probability of a sample: the number of ways to arrange it, times the probability of each.
fn probability(ways: f64, sample: &[u64], distribution: &[f64]) -> f64 {
    ways * sample.iter().zip(distribution).map(|(count, share)| share.powi(*count as i32)).product::<f64>()
}

fn arrangements(sample: &[u64]) -> f64 {
    let mut ways = 1.0;
    let mut placed = 0;
    for count in sample {
        for nth in 1..=*count {
            placed += 1;
            ways *= f64::from(placed) / nth as f64;
        }
    }
    ways
}

/// The exact probability, over all samples, that the interval of `n` answers contains the true mean, for each
/// distribution.
fn coverages(scale: &[f64], n: u64, distributions: &[Vec<f64>]) -> Vec<f64> {
    let step = scale[1] - scale[0];
    let samples = samples(scale.len(), n).into_iter();
    let known = |sample: Vec<u64>| (interval(mean(&sample, scale[0], step)), arrangements(&sample), sample);
    let samples = samples.map(known).collect::<Vec<_>>();
    let covered = |distribution: &Vec<f64>| {
        let truth = distribution.iter().zip(scale).map(|(share, value)| share * value).sum::<f64>();
        let holding =
            samples.iter().filter(|((lower, upper), ..)| lower - 1e-9 <= truth && truth <= upper + 1e-9);
        holding.map(|(_, ways, sample)| probability(*ways, sample, distribution)).sum::<f64>()
    };
    distributions.iter().map(covered).collect()
}

/// Distributions of every shape: all ways to divide this many parts.
fn even_distributions(values: usize, parts: u64) -> Vec<Vec<f64>> {
    let of_parts = |counts: Vec<u64>| counts.iter().map(|count| *count as f64 / parts as f64).collect();
    samples(values, parts).into_iter().map(of_parts).collect()
}

/// The hardest cases for an interval: all but one in 5, 10, 30, 100 or 300 answers agree.
fn lopsided_distributions(values: usize) -> Vec<Vec<f64>> {
    let pairs = (0..values).flat_map(|common| (0..values).map(move |rare| (common, rare)));
    let lopsided = |(common, rare): (usize, usize), one_in: f64| {
        let share = |place| {
            if place == common {
                1.0 - 1.0 / one_in
            } else if place == rare {
                1.0 / one_in
            } else {
                0.0
            }
        };
        (0..values).map(share).collect()
    };
    let pairs = pairs.filter(|(common, rare)| common != rare);
    pairs.flat_map(|pair| [5.0, 10.0, 30.0, 100.0, 300.0].map(|one_in| lopsided(pair, one_in))).collect()
}

/// What docs/ratings.md states: the lowest coverage over all of these distributions, and the average over the even
/// ones.
#[test]
fn the_intervals_cover_what_they_state() {
    let few = (1..=8).collect::<Vec<u64>>();
    let many = (1..=12).chain([15, 20, 30, 50]).collect::<Vec<u64>>();
    for (scale, parts, ns) in
        [(vec![0.0, 1.0], 64, &many), (vec![-100.0, 0.0, 100.0], 10, &many), (STARS.to_vec(), 6, &few)]
    {
        let (even, lopsided) = (even_distributions(scale.len(), parts), lopsided_distributions(scale.len()));
        for n in ns {
            let covered = coverages(&scale, *n, &[even.as_slice(), &lopsided].concat());
            let average = covered[..even.len()].iter().sum::<f64>() / even.len() as f64;
            let least = covered.into_iter().fold(1.0, f64::min);
            let stated = match n {
                1 => 0.79,
                2 | 3 => 0.82,
                _ => 0.83,
            };
            assert!(least >= stated, "{} values, {n} answers: {least}", scale.len());
            assert!(average >= 0.95, "{} values, {n} answers: {average} on average", scale.len());
        }
    }
}

fn width(estimate: Estimate) -> f64 {
    let (lower, upper) = interval(estimate);
    upper - lower
}

proptest! {
    /// The interval contains the value, lies on the scale, is never a point, and narrows as the same answers repeat.
    #[test]
    fn an_interval_holds_its_value_and_narrows(
        counts in prop::collection::vec(0_u64..400, 2..=11).prop_filter("an answer", |counts| counts.iter().any(|count| *count > 0)),
        least in -5_i8..5,
        step in 1_u8..4,
        times in 2_u64..50,
    ) {
        let (least, step) = (f64::from(least), f64::from(step));
        let most = least + step * (counts.len() - 1) as f64;
        let once = mean(&counts, least, step);
        let (lower, upper) = interval(once);
        let value = once.value.unwrap();
        prop_assert!(least <= lower && lower <= value && value <= upper && upper <= most, "{once:?}");
        let often = mean(&counts.iter().map(|count| count * times).collect::<Vec<_>>(), least, step);
        prop_assert!(0.0 < width(often) && width(often) < width(once), "{once:?} {often:?}");
    }

    /// Mirroring the scale mirrors the interval.
    #[test]
    fn mirroring_the_answers_mirrors_the_interval(counts in prop::collection::vec(0_u64..100, 2..=11)) {
        let most = (counts.len() - 1) as f64;
        let turned = counts.iter().rev().copied().collect::<Vec<_>>();
        if let (Some(one), Some(other)) = (mean(&counts, 0.0, 1.0).interval, mean(&turned, 0.0, 1.0).interval) {
            prop_assert!((one.lower - (most - other.upper)).abs() < 1e-9, "{one:?} {other:?}");
            prop_assert!((one.upper - (most - other.lower)).abs() < 1e-9, "{one:?} {other:?}");
        }
    }
}
