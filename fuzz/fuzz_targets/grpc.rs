//! A body of any method: the first byte chooses the method, the rest is its message.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plaudit_fuzz::{methods, with_server, within_budget};

static METHODS: LazyLock<Vec<String>> = LazyLock::new(methods);

fuzz_target!(|data: &[u8]| {
    let Some((which, message)) = data.split_first() else { return };
    let path = &METHODS[usize::from(*which) % METHODS.len()];
    with_server(|server| within_budget(message.len(), || server.grpc(path, message)));
});
