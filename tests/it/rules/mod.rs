//! Every rule and limit of a request's fields, one per row: what breaks it, the one field that is reported for it, and
//! the message.

mod authors;
mod conversation;
mod directory;
mod rating;
mod store_message;
mod times;
mod update_message;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::harness::fault;

/// What breaks one rule of a request, the reported field, and the rule with the offending value.
type Row<T> = (&'static str, fn(&mut T), &'static str, &'static str);

/// The fields in a refusal, each with its message.
fn violations(status: &Status) -> Vec<(String, String)> {
    assert_eq!(fault(status), (Code::InvalidArgument, "INVALID_FIELDS".to_owned()), "{status:?}");
    let request = status.get_details_bad_request().unwrap_or_else(|| panic!("no BadRequest in {status:?}"));
    let violations = request.field_violations.into_iter();
    violations.map(|violation| (violation.field, violation.description)).collect()
}

fn assert_refused(what: &str, status: &Status, field: &str, said: &str) {
    assert_eq!(violations(status), [(field.to_owned(), said.to_owned())], "{what}");
}

const TOO_EARLY: &str =
    "must lie between 1970-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z, is 1969-12-31T23:59:59.999Z";
const TOO_LATE: &str =
    "must lie between 1970-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z, is 253402300800000 ms";
const NO_NANOS: &str = "must have nanos from 0 to 999999999, has 1000000000";
const NOT_A_KIND: &str = "must be one of AUTHOR_KIND_CONTACT, AUTHOR_KIND_AI, AUTHOR_KIND_TEAMMATE, is 9";
const LONG_ID: &str = "must be 1 to 128 visible ASCII characters, has 129 bytes";
const SPACED_ID: &str = "must be 1 to 128 visible ASCII characters, contains ' '";

/// A millisecond before 1970.
fn early() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: -1, nanos: 999_000_000 })
}

/// The first millisecond of the year 10000.
fn late() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: 253_402_300_800, nanos: 0 })
}

fn bad_nanos() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: 1, nanos: 1_000_000_000 })
}

fn long(bytes: usize) -> Option<String> {
    Some("x".repeat(bytes))
}
