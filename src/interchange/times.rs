//! Times in JSON.

use prost_types::Timestamp;
use serde_json::Value;

use super::json::{unlike, whole_number};
use crate::domain::UnixMillis;

/// The expected format, for errors.
pub const FORM: &str = "a date and time in ISO 8601 with its offset, like \"2024-03-11T16:39:30Z\"";

/// Numbers that are a likely date as seconds, 1980 to 2286, and one before May 1970 as milliseconds.
const LIKELY_SECONDS: std::ops::RangeInclusive<f64> = 315_532_800.0..=9_999_999_999.0;

/// Reads a time in milliseconds since 1970, or returns the rule that it breaks. A number that is hardly meant as milliseconds is
/// told with the unit that it probably has.
pub fn millis(value: &Value) -> Result<UnixMillis, String> {
    let (first, last) = (UnixMillis::MIN.millis(), UnixMillis::MAX.millis());
    let rule = || {
        let form =
            format!("an integer from {first} to {last} (milliseconds since 1970-01-01, to the end of 9999)");
        unlike(&form, value)
    };
    let unlikely = value.as_f64().and_then(|number| {
        let is_seconds = |seconds: f64| LIKELY_SECONDS.contains(&seconds);
        let units = [("seconds", 1.0), ("microseconds", 1e6), ("nanoseconds", 1e9)];
        let (unit, a_second) = units.into_iter().find(|(_, a_second)| is_seconds(number / a_second))?;
        let meant = UnixMillis::checked((number / a_second * 1000.0).floor() as i64).ok()?;
        Some((unit, meant))
    });
    if let Some((unit, meant)) = unlikely {
        let rule = unlike(FORM_OF_MILLIS, value);
        return Err(format!("{rule}: it looks like {unit} ({meant}); write {}", meant.millis()));
    }
    whole_number(value).and_then(|millis| UnixMillis::checked(millis).ok()).ok_or_else(rule)
}

/// The short form, where the likely unit is named.
const FORM_OF_MILLIS: &str = "milliseconds since 1970-01-01";

/// Parses a time to milliseconds since 1970. An offset is required; `Z[GMT]` counts as `Z`. Fractions of a millisecond are
/// truncated.
pub fn parse(text: &str) -> Option<i64> {
    let plain = text.strip_suffix("[GMT]").filter(|rest| rest.ends_with('Z')).unwrap_or(text);
    // The parser alone would also accept a date without a time, and a time without an offset.
    let (_, time) = plain.split_once('T')?;
    if !time.ends_with('Z') && !time.contains(['+', '-']) {
        return None;
    }
    let time: Timestamp = plain.parse().ok()?;
    time.seconds.checked_mul(1000)?.checked_add(i64::from(time.nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_requires_an_offset() {
        for (written, millis) in [
            ("2024-03-11T16:39:30Z", 1_710_175_170_000),
            ("2024-03-11T16:39:30Z[GMT]", 1_710_175_170_000),
            ("2024-03-11T16:39:30.123Z", 1_710_175_170_123),
            ("2024-03-11T16:39:30.1239Z", 1_710_175_170_123),
            ("2024-03-11T16:39:30+00:00", 1_710_175_170_000),
            ("2024-03-11T17:39:30+01:00", 1_710_175_170_000),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("9999-12-31T23:59:59.999Z", UnixMillis::MAX.millis()),
        ] {
            assert_eq!(parse(written), Some(millis), "{written}");
        }
        for wrong in [
            "",
            "now",
            "1710175170",
            "2024-03-11",
            "2024-03-11 16:39:30Z",
            "2024-03-11T16:39:30",
            "2024-03-11T16:39:30[GMT]",
            "2024-03-11T16:39:30+01:00[GMT]",
            "2024-03-11T16:39:30Z[Europe/Berlin]",
            "2024-03-11T16:39:30Z[GMT][GMT]",
            "2024-02-30T16:39:30Z",
            "2024-03-11T25:39:30Z",
            "2024-03-11T16:39:30Z ",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_number_of_another_unit_is_told_as_what_it_looks_like() {
        use serde_json::json;
        for (written, unit, meant) in [
            (json!(1_700_000_000), "seconds (2023-11-14T22:13:20Z)", "1700000000000"),
            (json!(1_700_000_000.25), "seconds (2023-11-14T22:13:20.250Z)", "1700000000250"),
            (json!(315_532_800), "seconds (1980-01-01T00:00:00Z)", "315532800000"),
            (json!(1_700_000_000_000_000_i64), "microseconds (2023-11-14T22:13:20Z)", "1700000000000"),
            (json!(1_700_000_000_000_000_000_i64), "nanoseconds (2023-11-14T22:13:20Z)", "1700000000000"),
        ] {
            let told = millis(&written).unwrap_err();
            let expected = format!(
                "must be milliseconds since 1970-01-01, is the number {written}: it looks like {unit}; write {meant}"
            );
            assert_eq!(told, expected);
        }
        for taken in [0, 1, 315_532_799, 10_000_000_000, 1_700_000_000_000, UnixMillis::MAX.millis()] {
            assert_eq!(millis(&json!(taken)), Ok(UnixMillis::clamped(taken)), "{taken}");
        }
        for wrong in [json!(-1), json!(UnixMillis::MAX.millis() + 1), json!(1.5), json!("1"), json!([])] {
            assert!(millis(&wrong).unwrap_err().starts_with("must be an integer from 0 to "), "{wrong}");
        }
    }

    #[test]
    fn whole_seconds_have_no_fraction() {
        assert_eq!(UnixMillis::clamped(1_710_175_170_000).to_string(), "2024-03-11T16:39:30Z");
        assert_eq!(UnixMillis::clamped(1_710_175_170_120).to_string(), "2024-03-11T16:39:30.120Z");
        assert_eq!(UnixMillis::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn formatting_and_parsing_round_trip(millis in 0..=UnixMillis::MAX.millis()) {
            prop_assert_eq!(parse(&UnixMillis::clamped(millis).to_string()), Some(millis));
        }
    }
}
