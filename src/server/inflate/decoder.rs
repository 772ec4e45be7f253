//! Inflates one message, in steps whose work and memory are bounded whatever it holds.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, errors::FrameDecoderError};

use crate::{panics::caught, server::encoding::Encoding};

/// The size of a piece of input or output.
const PIECE_BYTES: usize = 64 * 1024;
/// The largest window of zstd: what RFC 8878 asks every decoder to take, and every encoder to stay below.
pub const MAX_WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes in pieces of one size, each of which is freed once it is read.
#[derive(Default)]
pub struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first is read.
    read: usize,
}

impl Pieces {
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.pieces.back().map_or(0, |last| PIECE_BYTES - last.len());
            if room == 0 {
                // Small messages are many: their piece is as small.
                let capacity =
                    if self.pieces.is_empty() { bytes.len().min(PIECE_BYTES) } else { PIECE_BYTES };
                self.pieces.push_back(Vec::with_capacity(capacity));
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if let Some(last) = self.pieces.back_mut() {
                last.extend_from_slice(now);
            }
            bytes = later;
        }
    }

    fn is_empty(&mut self) -> bool {
        self.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(into)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.pieces.front().is_some_and(|first| first.len() == self.read) {
            self.pieces.pop_front();
            self.read = 0;
        }
        Ok(self.pieces.front().and_then(|first| first.get(self.read..)).unwrap_or_default())
    }

    fn consume(&mut self, length: usize) {
        self.read += length;
    }
}

/// Why a message was not inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    TooLarge,
    /// It is not what its encoding says, or more follows after its end.
    Damaged,
    /// Its zstd window is larger than [`MAX_WINDOW_BYTES`].
    Window,
}

/// A message being inflated.
pub struct Decoder {
    form: Form,
    limit_bytes: usize,
    out: Out,
}

enum Form {
    Gzip(GzDecoder<Pieces>),
    Zstd { decoder: Box<FrameDecoder>, input: Pieces, has_begun: bool },
}

/// What was inflated so far.
#[derive(Default)]
struct Out {
    whole: VecDeque<Bytes>,
    /// The piece being filled.
    last: Vec<u8>,
    total: usize,
}

impl Decoder {
    pub fn new(encoding: Encoding, input: Pieces, limit_bytes: usize) -> Self {
        let form = match encoding {
            Encoding::Gzip => Form::Gzip(GzDecoder::new(input)),
            Encoding::Zstd => {
                let mut decoder = Box::new(FrameDecoder::new());
                decoder.set_max_window_size(MAX_WINDOW_BYTES);
                Form::Zstd { decoder, input, has_begun: false }
            }
        };
        Self { form, limit_bytes, out: Out::default() }
    }

    /// Inflates a little more; answers the whole message once it is.
    pub fn step(&mut self) -> Result<Option<VecDeque<Bytes>>, Fault> {
        let limit_bytes = self.limit_bytes;
        let Self { form, out, .. } = self;
        let is_done = match form {
            Form::Gzip(decoder) => {
                let is_done = out.fill_from(decoder)? == 0;
                if is_done && !decoder.get_mut().is_empty() {
                    return Err(Fault::Damaged);
                }
                is_done
            }
            // The library means to refuse what is damaged, but asserts a few things of it.
            Form::Zstd { decoder, input, has_begun } => {
                caught(|| zstd_step(decoder, input, has_begun, out, limit_bytes))
                    .unwrap_or(Err(Fault::Damaged))?
            }
        };
        if out.total > limit_bytes {
            return Err(Fault::TooLarge);
        }
        Ok(is_done.then(|| out.take()))
    }
}

/// One block, of at most 128 KiB, or the frame's header; answers whether it was the last.
fn zstd_step(
    decoder: &mut FrameDecoder,
    input: &mut Pieces,
    has_begun: &mut bool,
    out: &mut Out,
    limit_bytes: usize,
) -> Result<bool, Fault> {
    if !std::mem::replace(has_begun, true) {
        return match decoder.init(&mut *input) {
            // As its header says; what it does not say is counted.
            Ok(()) if decoder.content_size() > limit_bytes as u64 => Err(Fault::TooLarge),
            Ok(()) => Ok(false),
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => Err(Fault::Window),
            Err(_) => Err(Fault::Damaged),
        };
    }
    decoder.decode_blocks(&mut *input, BlockDecodingStrategy::UptoBlocks(1)).map_err(|_| Fault::Damaged)?;
    while decoder.can_collect() > 0 {
        out.fill_from(decoder)?;
    }
    if !decoder.is_finished() {
        return Ok(false);
    }
    let written = decoder.get_checksum_from_data();
    let is_whole = written.is_none() || written == decoder.get_calculated_checksum();
    if is_whole && input.is_empty() { Ok(true) } else { Err(Fault::Damaged) }
}

impl Out {
    /// Reads until the piece is full, or there is no more for now; answers how much.
    fn fill_from(&mut self, from: &mut impl Read) -> Result<usize, Fault> {
        let before = self.last.len();
        self.last.resize(PIECE_BYTES, 0);
        let room = self.last.get_mut(before..).unwrap_or_default();
        let read = from.read(room).map_err(|_| Fault::Damaged)?;
        self.last.truncate(before + read);
        self.total += read;
        if self.last.len() == PIECE_BYTES {
            self.whole.push_back(Bytes::from(std::mem::take(&mut self.last)));
        }
        Ok(read)
    }

    fn take(&mut self) -> VecDeque<Bytes> {
        let mut whole = std::mem::take(&mut self.whole);
        if !self.last.is_empty() {
            whole.push_back(Bytes::from(std::mem::take(&mut self.last)));
        }
        whole
    }
}
