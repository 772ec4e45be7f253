//! Times in JSON.

use prost_types::Timestamp;

use crate::domain::UnixMillis;

/// The expected format, for errors.
pub const FORM: &str = "a date and time in ISO 8601 with its offset, like \"2024-03-11T16:39:30Z\"";

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

/// `2024-06-12T10:20:00Z`: RFC 3339 in UTC, whole seconds without a fraction.
pub fn iso(time: UnixMillis) -> String {
    time.to_string()
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
    fn whole_seconds_have_no_fraction() {
        assert_eq!(iso(UnixMillis::clamped(1_710_175_170_000)), "2024-03-11T16:39:30Z");
        assert_eq!(iso(UnixMillis::clamped(1_710_175_170_120)), "2024-03-11T16:39:30.120Z");
        assert_eq!(iso(UnixMillis::MAX), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn formatting_and_parsing_round_trip(millis in 0..=UnixMillis::MAX.millis()) {
            prop_assert_eq!(parse(&iso(UnixMillis::clamped(millis))), Some(millis));
        }
    }
}
