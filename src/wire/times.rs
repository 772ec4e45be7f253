//! Moments on the wire.

use std::ops::RangeInclusive;

use prost_types::Timestamp;

use crate::domain::{UnixMillis, Violations};

/// Absent where protobuf has no such moment, as it has none before the year 1 and after 9999: data of earlier versions may hold
/// one, and an answer that holds it cannot be shown as JSON at all.
pub fn to_wire(time: UnixMillis) -> Option<Timestamp> {
    /// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
    const SECONDS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
    let seconds = time.0.div_euclid(1000);
    let nanos = (time.0.rem_euclid(1000) * 1_000_000) as i32;
    SECONDS.contains(&seconds).then_some(Timestamp { seconds, nanos })
}

/// A moment that every format can write; others are a violation. Fractions of a millisecond are cut off.
pub fn checked(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<UnixMillis> {
    let millis = millis_of(field, time, violations)?;
    violations.check(field, UnixMillis::checked_seconds(time.seconds, millis))
}

/// A bound of a filter, which may be as far away as one likes.
pub fn bound(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<UnixMillis> {
    let millis = millis_of(field, time, violations)?;
    Some(UnixMillis::bound(time.seconds, millis))
}

fn millis_of(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<i64> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        violations.add(field, format!("must have nanos from 0 to 999999999, has {}", time.nanos));
        return None;
    }
    Some(i64::from(time.nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_protobuf_does_not_have_is_absent() {
        let seconds = |millis| to_wire(UnixMillis(millis)).map(|time| (time.seconds, time.nanos));
        assert_eq!(seconds(1_500), Some((1, 500_000_000)));
        assert_eq!(seconds(UnixMillis::MAX.0), Some((253_402_300_799, 999_000_000)));
        assert_eq!(seconds(UnixMillis::MAX.0 + 1), None);
        assert_eq!(seconds(-1), Some((-1, 999_000_000)));
        assert_eq!(seconds(-62_135_596_800_000), Some((-62_135_596_800, 0)));
        assert_eq!((seconds(-62_135_596_800_001), seconds(i64::MIN)), (None, None));
    }
}
