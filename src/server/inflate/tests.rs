use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::server::framing::Framing;

const LIMIT: usize = 200_000;

fn compressed(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Encoding::Zstd => compress_to_vec(bytes, CompressionLevel::Fastest),
    }
}

fn framed(flags: u8, message: &[u8]) -> Vec<u8> {
    [&[flags], (message.len() as u32).to_be_bytes().as_slice(), message].concat()
}

/// Everything that is passed on of a request that arrives in pieces, and how it ends.
fn read(
    encoding: Encoding,
    carries: Carries,
    request: &[u8],
    piece: usize,
) -> Result<(Vec<u8>, Result<(), Refusal>), Refusal> {
    let mut inflating = Inflating::new(encoding, LIMIT, carries);
    let mut framing = Framing::new(LIMIT, carries);
    let mut passed = Vec::new();
    let mut pieces = request.chunks(piece);
    loop {
        match inflating.step()? {
            Step::Ready(data) if carries == Carries::Items => passed.extend(framing.pass_items(&data)?),
            Step::Ready(data) => {
                framing.take(&data)?;
                passed.extend(data);
            }
            Step::Again => {}
            Step::Starved => match pieces.next() {
                Some(piece) => inflating.feed(Bytes::copy_from_slice(piece)),
                None => return Ok((passed, inflating.end().and_then(|()| framing.end()))),
            },
        }
    }
}

fn encodings() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just(Encoding::Gzip), Just(Encoding::Zstd)]
}

/// Text that compresses well, and noise that does not.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..3000),
        2 => (any::<u8>(), 0_usize..2 * LIMIT).prop_map(|(byte, count)| vec![byte; count]),
        1 => proptest::collection::vec(any::<u8>(), 60_000..140_000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_compressed_message_is_passed_on_as_a_plain_one(
        encoding in encodings(),
        messages in proptest::collection::vec((messages(), any::<bool>()), 0..4),
        piece in 1_usize..70_000,
    ) {
        let (mut request, mut plain) = (Vec::new(), Vec::new());
        for (message, is_compressed) in &messages {
            let sent = if *is_compressed { compressed(encoding, message) } else { message.clone() };
            request.extend(framed(u8::from(*is_compressed), &sent));
            plain.extend(framed(0, if message.len() > LIMIT { &[] } else { message }));
        }
        let passed = read(encoding, Carries::Items, &request, piece).unwrap();
        prop_assert!(passed == (plain.clone(), Ok(())));
        let any = read(encoding, Carries::Any, &request, piece);
        if messages.iter().all(|(message, _)| message.len() <= LIMIT) {
            prop_assert!(any == Ok((plain, Ok(()))));
        } else {
            prop_assert_eq!(any, Err(Refusal::MessageTooLarge { limit_bytes: LIMIT }));
        }
    }

    #[test]
    fn a_message_that_is_damaged_cut_or_followed_by_more_is_refused(
        encoding in encodings(),
        message in proptest::collection::vec(any::<u8>(), 1..3000),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let whole = compressed(encoding, &message);
        let mut changed = whole.clone();
        *at.get_mut(&mut changed) ^= change;
        // What a change leaves as it was is in the header, of which nothing is used, or in bits that nothing reads.
        match read(encoding, Carries::One, &framed(1, &changed), 4000) {
            Ok((passed, _)) => prop_assert!(passed == framed(0, &message)),
            Err(refusal) => {
                let too_large = Refusal::MessageTooLarge { limit_bytes: LIMIT };
                let is_expected = [Refusal::NotInflated(encoding), Refusal::Window, too_large].contains(&refusal);
                prop_assert!(is_expected, "{:?}", refusal);
            }
        }
        let cut = whole[..at.index(whole.len())].to_vec();
        for damaged in [cut, [&whole[..], &[0]].concat(), whole.repeat(2)] {
            let refused = read(encoding, Carries::One, &framed(1, &damaged), 4000);
            prop_assert_eq!(refused, Err(Refusal::NotInflated(encoding)));
        }
    }

    #[test]
    fn a_request_may_end_only_between_messages(
        encoding in encodings(),
        message in proptest::collection::vec(any::<u8>(), 1..100),
        at in any::<prop::sample::Index>(),
    ) {
        let request = framed(1, &compressed(encoding, &message)).repeat(2);
        let kept = at.index(request.len());
        let end = if kept == request.len() / 2 || kept == 0 { Ok(()) } else { Err(Refusal::CutShort) };
        let (_, ended) = read(encoding, Carries::Any, &request[..kept], 7).unwrap();
        prop_assert_eq!(ended, end);
    }

    #[test]
    fn any_bytes_are_inflated_or_refused(encoding in encodings(), bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let magic: &[u8] = match encoding {
            Encoding::Gzip => &[0x1f, 0x8b, 8, 0],
            Encoding::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        };
        let _ = read(encoding, Carries::One, &framed(1, &[magic, &bytes].concat()), 100);
    }
}

/// A frame without a size whose blocks of 4 bytes say "128 KiB of this byte".
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    // A window of 128 KiB; blocks of kind RLE.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    for block in 1..=blocks {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == blocks);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(7);
    }
    frame
}

#[test]
fn a_bomb_is_refused_once_it_is_too_large_and_not_a_step_later() {
    let whole = read(Encoding::Zstd, Carries::One, &framed(1, &zstd_bomb(1)), 100).unwrap();
    assert_eq!(whole, (framed(0, &vec![7; 128 << 10]), Ok(())));
    // 4 GiB of output, which would take seconds.
    for (encoding, bomb) in [
        (Encoding::Zstd, zstd_bomb(32_000)),
        (Encoding::Gzip, compressed(Encoding::Gzip, &vec![7; 100 * LIMIT])),
    ] {
        let refused = read(encoding, Carries::One, &framed(1, &bomb), 4000);
        assert_eq!(refused, Err(Refusal::MessageTooLarge { limit_bytes: LIMIT }));
    }
}

#[test]
fn a_zstd_window_beyond_eight_mebibytes_is_refused_before_it_is_allocated() {
    // The exponent of the window's size stands above 10.
    for (exponent, refused) in [(23, false), (24, true), (41, true)] {
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, (exponent - 10) << 3], &zstd_bomb(1)[6..]].concat();
        let read = read(Encoding::Zstd, Carries::One, &framed(1, &frame), 100);
        assert_eq!(read.is_err(), refused, "{exponent}");
        assert!(!refused || read == Err(Refusal::Window), "{exponent}");
    }
}
