//! Moments in JSON.

use prost_types::Timestamp;

use crate::domain::UnixMillis;

/// `2024-06-12T10:20:00Z`: RFC 3339 in UTC, whole seconds without a fraction.
pub fn iso(time: UnixMillis) -> String {
    let nanos = (time.0.rem_euclid(1000) * 1_000_000) as i32;
    Timestamp { seconds: time.0.div_euclid(1000), nanos }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_have_no_fraction() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_718_187_600_000, "2024-06-12T10:20:00Z"),
            (1_718_187_600_500, "2024-06-12T10:20:00.500Z"),
            (1_709_164_799_001, "2024-02-28T23:59:59.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (UnixMillis::MAX.0, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(UnixMillis(millis)), text);
        }
    }
}
