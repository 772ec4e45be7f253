use proptest::prelude::*;

use super::*;

fn close(found: f64, expected: f64, digits: i32) -> bool {
    (found - expected).abs() < 0.6 * 10_f64.powi(-digits)
}

/// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, critical values of Student's t distribution, 0.975.
#[test]
fn t_quantiles_are_those_of_the_handbook() {
    for (degrees, expected) in [
        (1, 12.706),
        (2, 4.303),
        (3, 3.182),
        (4, 2.776),
        (5, 2.571),
        (6, 2.447),
        (7, 2.365),
        (8, 2.306),
        (9, 2.262),
        (10, 2.228),
        (15, 2.131),
        (20, 2.086),
        (29, 2.045),
        (30, 2.042),
        (40, 2.021),
        (60, 2.000),
        (99, 1.984),
        (100, 1.984),
    ] {
        assert!(close(t_quantile(degrees), expected, 3), "{degrees}: {}", t_quantile(degrees));
    }
    // In closed form: tan(0.475 π) for one degree, p √(2 / (1 − p²)) with p = 0.95 for two.
    assert!(close(t_quantile(1), (0.475 * PI).tan(), 10));
    assert!(close(t_quantile(2), 0.95 * (2.0 / (1.0 - 0.95_f64.powi(2))).sqrt(), 10));
}

#[test]
fn the_expansion_meets_the_series_where_it_takes_over() {
    for degrees in 50..=EXACT_DEGREES {
        let (series, expanded) = (t_quantile(degrees), t_quantile_expanded(degrees as f64));
        assert!((series - expanded).abs() < 1e-8, "{degrees}: {series} and {expanded}");
    }
    assert!((t_quantile(u64::MAX) - Z).abs() < 1e-12);
}

/// R. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
/// method 3.
#[test]
fn wilsons_intervals_are_those_of_newcombe() {
    for (hits, n, lower, upper) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        let interval = share(hits, n).interval.unwrap();
        assert!(
            close(interval.lower, lower, 4) && close(interval.upper, upper, 4),
            "{hits}/{n}: {interval:?}"
        );
    }
}

/// NIST/SEMATECH e-Handbook, 1.3.5.2, the data set ZARR13.DAT: n = 195, mean 9.261460, deviation 0.022789, interval
/// 9.258242 to 9.264679. Its values are no whole numbers, so that they stand here in units of 10⁻⁶, as sums.
#[test]
fn the_interval_of_a_mean_is_that_of_the_handbook() {
    let n = 195_u64;
    let (mean_micro, deviation_micro) = (9_261_460_u64, 22_789_u64);
    let squares = (n - 1) * deviation_micro.pow(2) + n * mean_micro.pow(2);
    let estimate = mean(n, n * mean_micro, squares, 0.0, 1e9);
    let interval = estimate.interval.unwrap();
    assert_eq!(estimate.value, Some(9_261_460.0));
    assert!((interval.lower - 9_258_242.0).abs() < 2.0, "{interval:?}");
    assert!((interval.upper - 9_264_679.0).abs() < 2.0, "{interval:?}");
}

/// By hand: 3, 4, 5 have the mean 4 and the deviation 1; t with 2 degrees is 4.302653, and 4.302653 / √3 = 2.484.
#[test]
fn the_interval_of_a_mean_stays_on_the_scale() {
    let estimate = mean(3, 12, 50, 1.0, 5.0);
    let interval = estimate.interval.unwrap();
    assert_eq!(estimate.value, Some(4.0));
    assert!(close(interval.lower, 1.516, 3), "{interval:?}");
    assert_eq!(interval.upper, 5.0);
    let equal = mean(4, 20, 100, 1.0, 5.0);
    assert_eq!(equal.interval, Some(Interval { lower: 5.0, upper: 5.0 }));
}

/// By hand: 50 promoters and 20 detractors of 100 are 30; the variance is 0.7 − 0.09 = 0.61, the error 0.0781025 and
/// 1.959964 times it 15.308.
#[test]
fn the_interval_of_the_net_promoter_score_is_the_normal_one() {
    let estimate = net_promoter_score(50, 20, 100);
    let interval = estimate.interval.unwrap();
    assert_eq!(estimate.value, Some(30.0));
    assert!(close(interval.lower, 14.692, 3) && close(interval.upper, 45.308, 3), "{interval:?}");
}

#[test]
fn one_observation_has_no_interval_and_none_has_no_value() {
    for nothing in [share(0, 0), mean(0, 0, 0, 1.0, 5.0), net_promoter_score(0, 0, 0)] {
        assert_eq!(nothing, Estimate::default());
    }
    for one in [share(1, 1), mean(1, 5, 25, 1.0, 5.0), net_promoter_score(1, 0, 1)] {
        assert_eq!((one.n, one.interval), (1, None));
        assert!(one.value.is_some());
    }
}

fn width(estimate: Estimate) -> f64 {
    let Interval { lower, upper } = estimate.interval.unwrap();
    upper - lower
}

/// The interval holds the value and lies within the scale.
fn check(estimate: Estimate, least: f64, most: f64) -> Result<(), TestCaseError> {
    let (value, interval) = (estimate.value.unwrap(), estimate.interval.unwrap());
    prop_assert!(interval.lower <= value && value <= interval.upper, "{estimate:?}");
    prop_assert!(least <= interval.lower && interval.upper <= most, "{estimate:?}");
    Ok(())
}

proptest! {
    #[test]
    fn a_share_lies_in_its_interval_which_shrinks(n in 2_u64..5_000, part in 0.0..=1.0_f64, times in 2_u64..50) {
        let hits = (n as f64 * part) as u64;
        check(share(hits, n), 0.0, 1.0)?;
        prop_assert!(width(share(hits * times, n * times)) < width(share(hits, n)));
    }

    #[test]
    fn a_mean_lies_in_its_interval_which_shrinks(values in prop::collection::vec(1_u64..=5, 2..60), times in 2_u64..50) {
        let (n, sum) = (values.len() as u64, values.iter().sum::<u64>());
        let squares = values.iter().map(|value| value * value).sum::<u64>();
        check(mean(n, sum, squares, 1.0, 5.0), 1.0, 5.0)?;
        // On a scale without ends, which would cut the wider one more.
        let (once, often) =
            (mean(n, sum, squares, -1e9, 1e9), mean(n * times, sum * times, squares * times, -1e9, 1e9));
        prop_assert!(width(often) < width(once) || width(once) == 0.0);
    }

    #[test]
    fn a_score_lies_in_its_interval_which_shrinks(promoters in 0_u64..500, detractors in 0_u64..500, passives in 2_u64..500, times in 2_u64..50) {
        let n = promoters + detractors + passives;
        let once = net_promoter_score(promoters, detractors, n);
        check(once, -100.0, 100.0)?;
        let often = net_promoter_score(promoters * times, detractors * times, n * times);
        prop_assert!(width(often) < width(once) || width(once) == 0.0);
    }

    #[test]
    fn more_degrees_of_freedom_have_a_smaller_quantile(degrees in 1_u64..10_000) {
        prop_assert!(t_quantile(degrees + 1) < t_quantile(degrees));
    }
}
