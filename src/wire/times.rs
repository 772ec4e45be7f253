//! Moments on the wire.

use prost_types::Timestamp;

use crate::domain::{UnixMillis, Violations};

pub fn to_wire(time: UnixMillis) -> Timestamp {
    Timestamp { seconds: time.0.div_euclid(1000), nanos: (time.0.rem_euclid(1000) * 1_000_000) as i32 }
}

/// A moment whose nanoseconds are within a second and whose seconds are within all bounds; others are a violation. Which
/// moments may be, the domain knows. Fractions of a millisecond are cut off.
pub fn checked(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<UnixMillis> {
    let millis = millis_of(field, time, violations)?;
    let moment = time.seconds.checked_mul(1000).and_then(|seconds| seconds.checked_add(millis));
    if moment.is_none() {
        let rule = "must lie between 1970-01-01 and the end of 9999 (0 to 253402300799 s)";
        violations.add(field, format!("{rule}, is {} s", time.seconds));
    }
    moment.map(UnixMillis)
}

/// The same for a bound of a filter, which may be as far away as one likes.
pub fn bound(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<UnixMillis> {
    let millis = millis_of(field, time, violations)?;
    Some(UnixMillis(time.seconds.saturating_mul(1000).saturating_add(millis)))
}

fn millis_of(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<i64> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        violations.add(field, format!("must have nanos from 0 to 999999999, has {}", time.nanos));
        return None;
    }
    Some(i64::from(time.nanos) / 1_000_000)
}
