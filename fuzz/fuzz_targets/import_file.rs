//! A file of `plaudit import`, as it reads one: the first byte is the line from which it goes on.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, file)) = data.split_first() else { return };
    plaudit::fuzzing::read_import(file.to_vec(), u64::from(*first).max(1));
});
