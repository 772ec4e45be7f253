//! gRPC's framing of a request: one byte of flags, four of length, the message.
//!
//! tonic reads it too, but only when a message is complete, and calls what is wrong with it a fault of the server.

use super::refusal;
use tonic::Status;

/// Reads along with the framing and knows from a message's length, before the message has come, that it is too large.
/// A stream may carry any number of messages within the limit.
#[derive(Debug)]
pub(super) struct Framing {
    limit_bytes: usize,
    carries: Carries,
    begun: bool,
    /// What has come of the next prefix.
    prefix: [u8; 5],
    prefix_len: usize,
    /// What is yet to come of the message.
    rest: usize,
}

/// How many messages a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    One,
    /// A stream, which may also be empty.
    Any,
}

/// What is wrong with the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FramingFault {
    TooLarge {
        limit_bytes: usize,
    },
    /// The server offers no compression, so that 0 is the only flag.
    Flag(u8),
    /// The request ended within a message.
    CutShort,
    NoMessage,
}

impl FramingFault {
    pub(super) fn status(self) -> Status {
        match self {
            Self::TooLarge { limit_bytes } => refusal::too_large(limit_bytes),
            Self::Flag(flag) => refusal::malformed(&format!("the flags of a message are {flag}, not 0")),
            Self::CutShort => refusal::malformed("the request ended within a message"),
            Self::NoMessage => refusal::malformed("the request ended without a message"),
        }
    }
}

impl Framing {
    pub(super) fn new(limit_bytes: usize, carries: Carries) -> Self {
        Self { limit_bytes, carries, begun: false, prefix: [0; 5], prefix_len: 0, rest: 0 }
    }

    /// Whether all is well so far.
    pub(super) fn take(&mut self, mut data: &[u8]) -> Result<(), FramingFault> {
        while !data.is_empty() {
            if self.rest > 0 {
                let step = self.rest.min(data.len());
                self.rest -= step;
                data = &data[step..];
                continue;
            }
            self.begun = true;
            self.prefix[self.prefix_len] = data[0];
            self.prefix_len += 1;
            data = &data[1..];
            if self.prefix_len == self.prefix.len() {
                self.prefix_len = 0;
                let [flags, length @ ..] = self.prefix;
                self.rest = u32::from_be_bytes(length) as usize;
                if flags != 0 {
                    return Err(FramingFault::Flag(flags));
                }
                if self.rest > self.limit_bytes {
                    return Err(FramingFault::TooLarge { limit_bytes: self.limit_bytes });
                }
            }
        }
        Ok(())
    }

    /// Whether the request may end here.
    pub(super) fn end(&self) -> Result<(), FramingFault> {
        if self.rest > 0 || self.prefix_len > 0 {
            return Err(FramingFault::CutShort);
        }
        if !self.begun && self.carries == Carries::One {
            return Err(FramingFault::NoMessage);
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

    fn read(bytes: &[u8], cut: usize, carries: Carries) -> Result<(), FramingFault> {
        let mut framing = Framing::new(30, carries);
        bytes.chunks(cut).try_for_each(|chunk| framing.take(chunk))?;
        framing.end()
    }

    proptest! {
        #[test]
        fn the_limit_is_per_message_however_the_bytes_are_cut(
            lengths in proptest::collection::vec(0_usize..40, 0..8),
            cut in 1_usize..50,
        ) {
            let read = read(&framed(&lengths), cut, Carries::Any);
            let within = lengths.iter().all(|&length| length <= 30);
            let expected = if within { Ok(()) } else { Err(FramingFault::TooLarge { limit_bytes: 30 }) };
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn a_request_ends_between_messages_only(
            lengths in proptest::collection::vec(0_usize..30, 1..4),
            cut in 1_usize..50,
            missing in 1_usize..200,
        ) {
            let whole = framed(&lengths);
            let ends: Vec<usize> = (0..=lengths.len()).map(|count| framed(&lengths[..count]).len()).collect();
            let kept = whole.len().saturating_sub(missing);
            let expected = if ends.contains(&kept) { Ok(()) } else { Err(FramingFault::CutShort) };
            prop_assert_eq!(read(&whole[..kept], cut, Carries::Any), expected);
        }
    }

    #[test]
    fn one_message_must_come_where_one_is_carried() {
        assert_eq!(read(&[], 1, Carries::One), Err(FramingFault::NoMessage));
        assert_eq!(read(&[], 1, Carries::Any), Ok(()));
        assert_eq!(read(&framed(&[0]), 9, Carries::One), Ok(()));
        assert_eq!(read(&[1, 0, 0, 0, 0], 9, Carries::One), Err(FramingFault::Flag(1)));
    }
}
