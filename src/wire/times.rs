//! Moments on the wire.

use prost_types::Timestamp;

use crate::domain::{Path, UnixMillis, Violations};

/// The ends of what protobuf can represent. Stored times have no nanoseconds, so `LAST` is never one of them.
const FIRST: Timestamp = Timestamp { seconds: -62_135_596_800, nanos: 0 };
const LAST: Timestamp = Timestamp { seconds: 253_402_300_799, nanos: 999_999_999 };

/// What is stored, as far as protobuf can represent it. Data of earlier versions may be out of range, and a response with a
/// timestamp before the year 1 or after 9999 has no JSON form at all: those become the nearer end.
pub fn to_wire(time: UnixMillis) -> Timestamp {
    match timestamp(time.as_stored()) {
        time if time.seconds < FIRST.seconds => FIRST,
        time if time.seconds > LAST.seconds => LAST,
        time => time,
    }
}

/// The nearest timestamp that an import accepts; `None` if it would accept this one.
pub fn nearest_in_range(time: &Timestamp) -> Option<Timestamp> {
    let is_beyond = *time == LAST || UnixMillis::checked_seconds(time.seconds, 0).is_err();
    is_beyond.then(|| timestamp(UnixMillis::bound(time.seconds, 999).millis()))
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp { seconds: millis.div_euclid(1000), nanos: (millis.rem_euclid(1000) * 1_000_000) as i32 }
}

/// A moment that every format can write; others are a violation. Fractions of a millisecond are cut off.
pub fn checked<'a>(
    field: impl Into<Path<'a>>,
    time: &Timestamp,
    violations: &mut Violations,
) -> Option<UnixMillis> {
    let field = field.into();
    let millis = millis_of(field, time, violations)?;
    violations.check(field, UnixMillis::checked_seconds(time.seconds, millis))
}

/// A bound of a filter, which may be as far away as one likes.
pub fn bound(field: &str, time: &Timestamp, violations: &mut Violations) -> Option<UnixMillis> {
    let millis = millis_of(Path::of(field), time, violations)?;
    Some(UnixMillis::bound(time.seconds, millis))
}

fn millis_of(field: Path<'_>, time: &Timestamp, violations: &mut Violations) -> Option<i64> {
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
    fn a_moment_that_protobuf_does_not_have_is_the_nearer_end() {
        let stored =
            |millis: i64| -> UnixMillis { minicbor::decode(&minicbor::to_vec(millis).unwrap()).unwrap() };
        let seconds = |millis| {
            let Timestamp { seconds, nanos } = to_wire(stored(millis));
            (seconds, nanos)
        };
        assert_eq!(seconds(1_500), (1, 500_000_000));
        assert_eq!(seconds(UnixMillis::MAX.millis()), (253_402_300_799, 999_000_000));
        assert_eq!(seconds(UnixMillis::MAX.millis() + 1), (253_402_300_799, 999_999_999));
        assert_eq!(seconds(-1), (-1, 999_000_000));
        assert_eq!(seconds(-62_135_596_800_000), (-62_135_596_800, 0));
        assert_eq!(seconds(-62_135_596_800_001), (-62_135_596_800, 0));
        assert_eq!((seconds(i64::MIN).0, seconds(i64::MAX).0), (FIRST.seconds, LAST.seconds));
    }

    #[test]
    fn only_a_moment_out_of_range_has_a_nearest_one() {
        let wire = |seconds, nanos| Timestamp { seconds, nanos };
        let (first, last) = (Some(wire(0, 0)), Some(wire(253_402_300_799, 999_000_000)));
        for (seconds, nanos, nearest) in [
            (0, 0, None),
            (253_402_300_799, 999_000_000, None),
            (-1, 999_000_000, first),
            (i64::MIN, 0, first),
            (253_402_300_799, 999_999_999, last),
            (300_000_000_000, 0, last),
            (i64::MAX, 0, last),
        ] {
            assert_eq!(nearest_in_range(&wire(seconds, nanos)), nearest, "{seconds}");
        }
    }
}
