//! A body of any method: the first byte chooses the method, the rest is its message.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plaudit::grpc::budget::{READERS, Tally};
use plaudit_fuzz::{methods, with_server, within};

/// What is documented in docs/decisions/0034-memory-of-a-request.md: what the items of a request may take, how many times that
/// while a vector grows, how many times its bytes, and what is allocated whatever the request.
const ALLOWANCE_BYTES: usize = 16 << 20;
const TIMES: usize = 4;
const PER_BYTE: usize = 3;
const SMALL_BYTES: usize = 64 << 10;

static METHODS: LazyLock<Vec<String>> = LazyLock::new(methods);

fuzz_target!(|data: &[u8]| {
    let Some((which, message)) = data.split_first() else { return };
    let path = &METHODS[usize::from(*which) % METHODS.len()];
    let (_, layout, read) = READERS.iter().find(|(method, ..)| method == path).expect("every method is read");
    let reckoned = Tally::of(layout, message).items_bytes;
    // What is beyond the allowance is refused undecoded.
    let items = if reckoned <= ALLOWANCE_BYTES { reckoned } else { 0 };
    within(TIMES * items + PER_BYTE * message.len() + SMALL_BYTES, || drop(read(message)));
    with_server(|server| {
        within(TIMES * ALLOWANCE_BYTES + PER_BYTE * message.len(), || server.grpc(path, message));
    });
});
