//! Moments on the wire.

use prost_types::Timestamp;

use crate::domain::{UnixMillis, Violations};

pub fn to_wire(time: UnixMillis) -> Timestamp {
    Timestamp { seconds: time.0.div_euclid(1000), nanos: (time.0.rem_euclid(1000) * 1_000_000) as i32 }
}

/// Fractions of a millisecond are cut off. A moment that no `i64` of milliseconds can say becomes the nearest that can, which
/// the domain then refuses.
fn from_wire(time: &Timestamp) -> UnixMillis {
    UnixMillis(time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos).div_euclid(1_000_000)))
}

/// A moment whose nanoseconds are within a second; others are a violation.
pub fn checked(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<UnixMillis> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        violations.add(field, format!("must have nanos from 0 to 999999999, has {}", time.nanos));
        return None;
    }
    Some(from_wire(time))
}
