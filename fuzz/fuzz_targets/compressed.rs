//! Compressed gRPC messages: any bytes, as gzip and as zstd, with and without the magic number in front.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plaudit::fuzzing::{Encoding, discard_inflated};

const LIMIT: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    for (encoding, magic) in [
        (Encoding::Gzip, &[0x1f, 0x8b, 8][..]),
        (Encoding::Zstd, &[0x28, 0xb5, 0x2f, 0xfd]),
    ] {
        discard_inflated(encoding, bytes, LIMIT);
        discard_inflated(encoding, &[magic, bytes].concat(), LIMIT);
    }
});
