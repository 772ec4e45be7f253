//! Moments in JSON: ISO 8601.

use jiff::Timestamp;

use crate::domain::UnixMillis;

/// How a moment is to be written, for errors.
pub const FORM: &str = "a date and time in ISO 8601 with its offset, like \"2024-03-11T16:39:30Z\"";

/// The moment that a text says; its offset is required, `Z[GMT]` is `Z`. Fractions of a millisecond are cut off.
pub fn parse(text: &str) -> Option<UnixMillis> {
    let plain = text.strip_suffix("[GMT]").filter(|rest| rest.ends_with('Z')).unwrap_or(text);
    let is_plain = !plain.contains('[');
    let time: Timestamp = plain.parse().ok().filter(|_| is_plain)?;
    Some(UnixMillis(time.as_nanosecond().div_euclid(1_000_000) as i64))
}

/// In UTC; whole seconds have no fraction.
pub fn text(time: UnixMillis) -> String {
    // Every stored moment lies within the years that four digits name.
    Timestamp::from_millisecond(time.0).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moment_is_read_with_its_offset() {
        for (written, millis) in [
            ("2024-03-11T16:39:30Z", 1_710_175_170_000),
            ("2024-03-11T16:39:30Z[GMT]", 1_710_175_170_000),
            ("2024-03-11T16:39:30.123Z", 1_710_175_170_123),
            ("2024-03-11T16:39:30.1239Z", 1_710_175_170_123),
            ("2024-03-11T16:39:30+00:00", 1_710_175_170_000),
            ("2024-03-11T17:39:30+01:00", 1_710_175_170_000),
            ("2024-03-11T16:39Z", 1_710_175_140_000),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.9995Z", -1),
            ("9999-12-30T22:00:00Z", 253_402_207_200_000),
        ] {
            assert_eq!(parse(written), Some(UnixMillis(millis)), "{written}");
        }
        for wrong in [
            "",
            "now",
            "1710175170",
            "2024-03-11",
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
        assert_eq!(text(UnixMillis(1_710_175_170_000)), "2024-03-11T16:39:30Z");
        assert_eq!(text(UnixMillis(1_710_175_170_120)), "2024-03-11T16:39:30.12Z");
        assert_eq!(text(UnixMillis::MAX), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in 0..=253_402_207_200_000_i64) {
            prop_assert_eq!(parse(&text(UnixMillis(millis))), Some(UnixMillis(millis)));
        }
    }
}
