//! Compressed messages of a gRPC request, inflated before the service reads them.
//!
//! Here and not in tonic, because the limit of a message depends on its method, an item that is too large fails alone, and
//! tonic's zstd would take windows of 128 MiB: docs/decisions/0058. Nothing of a message is inflated before all of it has
//! arrived; then it is inflated in small steps, up to its limit and not a step further.

mod decoder;

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use super::{
    encoding::Encoding,
    framing::{Carries, PREFIX_BYTES},
    refusal::Refusal,
};
use decoder::{Decoder, Fault, Pieces};

pub use decoder::MAX_WINDOW_BYTES;

/// Turns the compressed messages of a request into plain ones. What is not compressed passes as it is.
pub(super) struct Inflating {
    encoding: Encoding,
    limit_bytes: usize,
    carries: Carries,
    /// What has arrived and was not looked at yet.
    arrived: Bytes,
    /// What can be passed on.
    ready: VecDeque<Bytes>,
    state: State,
}

enum State {
    /// The first bytes of a message's prefix.
    Prefix {
        bytes: [u8; PREFIX_BYTES],
        filled: usize,
    },
    /// The rest of a message that is passed on as it is.
    Plain {
        left: usize,
    },
    /// The rest of a compressed message.
    Compressed {
        left: usize,
        pieces: Pieces,
    },
    Inflating(Box<Decoder>),
}

const PREFIX: State = State::Prefix { bytes: [0; PREFIX_BYTES], filled: 0 };

/// What comes next.
pub(super) enum Step {
    /// Bytes for the service.
    Ready(Bytes),
    /// Some work was done, and there is more of it.
    Again,
    /// More of the request is needed.
    Starved,
}

impl Inflating {
    pub(super) fn new(encoding: Encoding, limit_bytes: usize, carries: Carries) -> Self {
        Self { encoding, limit_bytes, carries, arrived: Bytes::new(), ready: VecDeque::new(), state: PREFIX }
    }

    /// Takes the next piece of the request, once it is [`Step::Starved`].
    pub(super) fn feed(&mut self, data: Bytes) {
        self.arrived = data;
    }

    /// Whether a request may end here.
    pub(super) fn end(&self) -> Result<(), Refusal> {
        match self.state {
            State::Prefix { filled: 0, .. } | State::Plain { .. } if self.is_idle() => Ok(()),
            _ => Err(Refusal::CutShort),
        }
    }

    /// Whether there is nothing to do before more of the request arrives.
    pub(super) fn is_idle(&self) -> bool {
        self.arrived.is_empty() && self.ready.is_empty() && !matches!(self.state, State::Inflating(_))
    }

    /// Does the next small part of the work: at most one step of a decoder.
    pub(super) fn step(&mut self) -> Result<Step, Refusal> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(Step::Ready(ready));
            }
            match &mut self.state {
                State::Inflating(_) => return self.inflate(),
                State::Compressed { left: 0, .. } => self.begin(),
                State::Plain { left: 0 } => self.state = PREFIX,
                _ if self.arrived.is_empty() => return Ok(Step::Starved),
                State::Prefix { bytes, filled } => {
                    if let Some(place) = bytes.get_mut(*filled) {
                        *place = self.arrived.get_u8();
                    }
                    *filled += 1;
                    if *filled == PREFIX_BYTES {
                        let prefix = *bytes;
                        self.state = self.after_prefix(prefix);
                    }
                }
                State::Plain { left } => {
                    let passed = self.arrived.split_to(self.arrived.len().min(*left));
                    *left -= passed.len();
                    return Ok(Step::Ready(passed));
                }
                State::Compressed { left, pieces } => {
                    let part = self.arrived.split_to(self.arrived.len().min(*left));
                    *left -= part.len();
                    pieces.push(&part);
                }
            }
        }
    }

    /// A compressed message is kept until it is whole. One that is larger than what it may inflate to is passed on as a plain
    /// one of its length, which is refused for it.
    fn after_prefix(&mut self, prefix: [u8; PREFIX_BYTES]) -> State {
        let [flags, length @ ..] = prefix;
        let left = u32::from_be_bytes(length) as usize;
        if flags == 1 && left <= self.limit_bytes {
            return State::Compressed { left, pieces: Pieces::default() };
        }
        let [a, b, c, d] = length;
        let flags = if flags == 1 { 0 } else { flags };
        self.ready.push_back(Bytes::copy_from_slice(&[flags, a, b, c, d]));
        State::Plain { left }
    }

    fn begin(&mut self) {
        if let State::Compressed { pieces, .. } = std::mem::replace(&mut self.state, PREFIX) {
            self.state = State::Inflating(Box::new(Decoder::new(self.encoding, pieces, self.limit_bytes)));
        }
    }

    fn inflate(&mut self) -> Result<Step, Refusal> {
        let State::Inflating(decoder) = &mut self.state else { return Ok(Step::Again) };
        let pieces = match decoder.step() {
            Ok(None) => return Ok(Step::Again),
            Ok(Some(pieces)) => pieces,
            // Like a plain one that is too large: it arrives empty, and fails alone.
            Err(Fault::TooLarge) if self.carries == Carries::Items => VecDeque::new(),
            Err(Fault::TooLarge) => return Err(Refusal::MessageTooLarge { limit_bytes: self.limit_bytes }),
            Err(Fault::Damaged) => return Err(Refusal::NotInflated(self.encoding)),
            Err(Fault::Window) => return Err(Refusal::Window),
        };
        let length: usize = pieces.iter().map(Bytes::len).sum();
        // It is within the limit, which is far below.
        let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        self.ready = pieces;
        self.ready.push_front(Bytes::copy_from_slice(&[0, a, b, c, d]));
        self.state = PREFIX;
        Ok(Step::Again)
    }
}

/// Inflates one message and drops it; for the fuzz target.
#[cfg(feature = "fuzzing")]
pub fn discard_inflated(encoding: Encoding, message: &[u8], limit_bytes: usize) {
    let mut pieces = Pieces::default();
    pieces.push(message);
    let mut decoder = Decoder::new(encoding, pieces, limit_bytes);
    while let Ok(None) = decoder.step() {}
}

#[cfg(test)]
mod tests;
