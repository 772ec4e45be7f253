//! gRPC message framing: one byte of flags, four bytes of length, the message.
//!
//! tonic parses it too, but only once a message is complete, and reports bad framing as an internal error. Compressed messages
//! are inflated before they get here ([`super::inflate`]).

use bytes::{Bytes, BytesMut};

use super::refusal::Refusal;

/// The flags, and the length of the message.
pub(super) const PREFIX_BYTES: usize = 5;

/// Follows the framing and rejects a message that is too large by its length, before the message has arrived. A stream may
/// carry any number of messages within the limit.
#[derive(Debug)]
pub(super) struct Framing {
    limit_bytes: usize,
    carries: Carries,
    begun: bool,
    /// The bytes received of the next prefix.
    prefix: [u8; PREFIX_BYTES],
    prefix_len: usize,
    /// The bytes still to come of the current message.
    rest: usize,
    /// Whether the current message is dropped for being too large.
    skips: bool,
}

/// How many messages a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    One,
    /// A stream; it may be empty.
    Any,
    /// A stream whose items are answered one by one: an item that is too large reaches the service as an empty message in its
    /// place, so that it fails alone.
    Items,
}

impl Framing {
    pub(super) fn new(limit_bytes: usize, carries: Carries) -> Self {
        Self {
            limit_bytes,
            carries,
            begun: false,
            prefix: [0; PREFIX_BYTES],
            prefix_len: 0,
            rest: 0,
            skips: false,
        }
    }

    /// Checks the next piece of the request.
    pub(super) fn take(&mut self, mut data: &[u8]) -> Result<(), Refusal> {
        while let Some((&first, after_first)) = data.split_first() {
            if self.rest > 0 {
                let step = self.rest.min(data.len());
                self.rest -= step;
                data = data.get(step..).unwrap_or_default();
                continue;
            }
            self.begun = true;
            if let Some(place) = self.prefix.get_mut(self.prefix_len) {
                *place = first;
            }
            self.prefix_len += 1;
            data = after_first;
            if self.prefix_len == self.prefix.len() {
                self.prefix_len = 0;
                let [flags, length @ ..] = self.prefix;
                self.rest = u32::from_be_bytes(length) as usize;
                if flags != 0 {
                    return Err(Refusal::MessageFlags(flags));
                }
                if self.rest > self.limit_bytes {
                    return Err(Refusal::MessageTooLarge { limit_bytes: self.limit_bytes });
                }
            }
        }
        Ok(())
    }

    pub(super) fn carries(&self) -> Carries {
        self.carries
    }

    /// Like [`Self::take`], for [`Carries::Items`]; returns what the service is to read.
    pub(super) fn pass_items(&mut self, data: &[u8]) -> Result<Bytes, Refusal> {
        let mut passed = BytesMut::with_capacity(data.len() + self.prefix.len());
        let mut left = data;
        while !left.is_empty() {
            if self.rest > 0 {
                let (step, after) = left.split_at(self.rest.min(left.len()));
                if !self.skips {
                    passed.extend_from_slice(step);
                }
                self.rest -= step.len();
                left = after;
                continue;
            }
            // The prefix is passed on only once it is complete, because only then is the size of the message known.
            let (step, after) = left.split_at((self.prefix.len() - self.prefix_len).min(left.len()));
            left = after;
            self.skips = match self.take(step) {
                Ok(()) => false,
                Err(Refusal::MessageTooLarge { .. }) => true,
                Err(fault) => return Err(fault),
            };
            if self.prefix_len == 0 {
                passed.extend_from_slice(if self.skips { &[0; PREFIX_BYTES] } else { &self.prefix });
            }
        }
        Ok(passed.freeze())
    }

    /// Whether the request may end here.
    pub(super) fn end(&self) -> Result<(), Refusal> {
        if self.rest > 0 || self.prefix_len > 0 {
            return Err(Refusal::CutShort);
        }
        if !self.begun && self.carries == Carries::One {
            return Err(Refusal::NoMessage);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &length in lengths {
            bytes.push(0);
            bytes.extend((length as u32).to_be_bytes());
            bytes.extend(std::iter::repeat_n(1, length));
        }
        bytes
    }

    fn read(bytes: &[u8], cut: usize, carries: Carries) -> Result<(), Refusal> {
        let mut framing = Framing::new(30, carries);
        bytes.chunks(cut).try_for_each(|chunk| framing.take(chunk))?;
        framing.end()
    }

    proptest! {
        #[test]
        fn the_limit_is_per_message_however_the_bytes_are_chunked(
            lengths in proptest::collection::vec(0_usize..40, 0..8),
            cut in 1_usize..50,
        ) {
            let read = read(&framed(&lengths), cut, Carries::Any);
            let within = lengths.iter().all(|&length| length <= 30);
            let expected = if within { Ok(()) } else { Err(Refusal::MessageTooLarge { limit_bytes: 30 }) };
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn a_request_may_end_only_between_messages(
            lengths in proptest::collection::vec(0_usize..30, 1..4),
            cut in 1_usize..50,
            missing in 1_usize..200,
        ) {
            let whole = framed(&lengths);
            let ends: Vec<usize> = (0..=lengths.len()).map(|count| framed(&lengths[..count]).len()).collect();
            let kept = whole.len().saturating_sub(missing);
            let expected = if ends.contains(&kept) { Ok(()) } else { Err(Refusal::CutShort) };
            prop_assert_eq!(read(&whole[..kept], cut, Carries::Any), expected);
        }
    }

    proptest! {
        #[test]
        fn items_that_are_too_large_arrive_empty_in_their_places(
            lengths in proptest::collection::vec(0_usize..60, 0..8),
            cut in 1_usize..80,
        ) {
            let mut framing = Framing::new(30, Carries::Items);
            let mut passed = Vec::new();
            for chunk in framed(&lengths).chunks(cut) {
                passed.extend(framing.pass_items(chunk).unwrap());
            }
            let expected: Vec<usize> =
                lengths.iter().map(|&length| if length <= 30 { length } else { 0 }).collect();
            prop_assert_eq!(passed, framed(&expected));
            prop_assert_eq!(framing.end(), Ok(()));
        }
    }

    #[test]
    fn a_unary_request_must_carry_a_message() {
        assert_eq!(read(&[], 1, Carries::One), Err(Refusal::NoMessage));
        assert_eq!(read(&[], 1, Carries::Any), Ok(()));
        assert_eq!(read(&framed(&[0]), 9, Carries::One), Ok(()));
        assert_eq!(read(&[1, 0, 0, 0, 0], 9, Carries::One), Err(Refusal::MessageFlags(1)));
    }
}
