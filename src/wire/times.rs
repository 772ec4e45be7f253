//! Moments on the wire.

use prost_types::Timestamp;

use crate::domain::{UnixMillis, Violations};

pub fn to_wire(time: UnixMillis) -> Timestamp {
    Timestamp { seconds: time.0.div_euclid(1000), nanos: (time.0.rem_euclid(1000) * 1_000_000) as i32 }
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
