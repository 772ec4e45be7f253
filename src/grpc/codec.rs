//! The codec of the generated services: protobuf, with a bound on how much memory few bytes can ask for.
//!
//! An empty message of a repeated field is two bytes on the wire and hundreds in memory: a request within its limit of 4 MiB
//! could ask for hundreds of MiB. So the items are counted on the wire, before anything is made of them.

use std::{any::TypeId, marker::PhantomData};

use prost::{DecodeError, Message, bytes::Buf as _, encoding::encode_varint};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::{
    domain::{ImportLimits, Violations},
    proto::v1::{ImportConversationRequest, ImportConversationsRequest},
};

use super::errors;

/// Protobuf both ways.
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(ProstCodec::<T, U>::default().decoder())
    }
}

/// Decodes what is within its bounds.
pub struct BoundedDecoder<U>(tonic_prost::ProstDecoder<U>);

impl<U: Message + Default + 'static> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        if TypeId::of::<U>() == TypeId::of::<ImportConversationRequest>() {
            // A message is handed over in one piece.
            check_import(source.chunk()).map_err(|violations| errors::invalid(&violations))?;
        } else if TypeId::of::<U>() == TypeId::of::<ImportConversationsRequest>()
            && let Some(shortened) = shortened_item(source.chunk())
        {
            source.advance(source.remaining());
            return U::decode(shortened.as_slice()).map(Some).map_err(malformed);
        }
        self.0.decode(source)
    }
}

/// `ImportConversationRequest.conversation`, `.messages`, and `Conversation.messages`.
const CONVERSATION: u64 = 1;
const MESSAGES: u64 = 2;
const CONVERSATION_MESSAGES: u64 = 10;
/// `ImportConversationsRequest.import`.
const IMPORT: u64 = 2;

fn check_import(request: &[u8]) -> Result<(), Violations> {
    let most = ImportLimits::default().messages;
    let Items { messages, inner_messages } = items_of(request);
    let mut violations = Violations::default();
    if messages > most {
        violations.add("messages", format!("must have 1 to {most} items, has {messages}"));
    }
    if inner_messages > most {
        violations.add("conversation.messages", "is output only; the messages belong into `messages`");
    }
    violations.or(())
}

/// How many items an import asks to be made.
struct Items {
    messages: usize,
    inner_messages: usize,
}

fn items_of(request: &[u8]) -> Items {
    let mut items = Items { messages: 0, inner_messages: 0 };
    for field in fields(request) {
        match field.number {
            MESSAGES => items.messages += 1,
            CONVERSATION => {
                let inner = fields(field.value).filter(|field| field.number == CONVERSATION_MESSAGES);
                items.inner_messages += inner.count();
            }
            _ => {}
        }
    }
    items
}

/// An item of a bulk import with just so many messages that the check of it finds too many; `None` when it is within its
/// bounds. An error would end the stream, and one bad item is to fail alone.
fn shortened_item(item: &[u8]) -> Option<Vec<u8>> {
    let most = ImportLimits::default().messages;
    let imports = fields(item).filter(|field| field.number == IMPORT);
    let (messages, inner_messages) = imports.fold((0, 0), |sum, import| {
        let items = items_of(import.value);
        (sum.0 + items.messages, sum.1 + items.inner_messages)
    });
    if messages <= most && inner_messages <= most {
        return None;
    }
    let (mut messages_left, mut inner_left) = (most + 1, 1);
    Some(rewritten(item, |field| match field.number {
        IMPORT => Kept::As(rewritten(field.value, |field| match field.number {
            MESSAGES => kept_while(&mut messages_left),
            CONVERSATION => Kept::As(rewritten(field.value, |field| match field.number {
                CONVERSATION_MESSAGES => kept_while(&mut inner_left),
                _ => Kept::Whole,
            })),
            _ => Kept::Whole,
        })),
        _ => Kept::Whole,
    }))
}

/// What becomes of a field when its message is rewritten.
enum Kept {
    Whole,
    As(Vec<u8>),
    Not,
}

fn kept_while(left: &mut usize) -> Kept {
    match left.checked_sub(1) {
        Some(fewer) => {
            *left = fewer;
            Kept::Whole
        }
        None => Kept::Not,
    }
}

fn rewritten<'a>(message: &'a [u8], mut keep: impl FnMut(&Field<'a>) -> Kept) -> Vec<u8> {
    let mut kept = Vec::new();
    for field in fields(message) {
        match keep(&field) {
            Kept::Whole => kept.extend_from_slice(field.whole),
            Kept::As(value) => {
                encode_varint(field.number << 3 | 2, &mut kept);
                encode_varint(value.len() as u64, &mut kept);
                kept.extend(value);
            }
            Kept::Not => {}
        }
    }
    kept
}

/// As tonic says it, so that the caller is told the same of any message.
fn malformed(error: DecodeError) -> Status {
    Status::internal(error.to_string())
}

/// One field of a message as it stands on the wire.
struct Field<'a> {
    number: u64,
    /// The bytes of a field that has a length.
    value: &'a [u8],
    /// With its key and length.
    whole: &'a [u8],
}

/// The fields of a message. It ends where the message is malformed, which decoding then tells.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        let begun = rest;
        let key = varint(&mut rest)?;
        let length = match key & 7 {
            0 => varint(&mut rest).map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        let whole = begun.get(..begun.len() - after.len())?;
        Some(Field { number: key >> 3, value, whole })
    })
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1;

    #[test]
    fn items_are_counted_before_they_are_made() {
        let named = |bytes: &[u8]| {
            let violations = check_import(bytes).err().unwrap_or_default();
            violations.iter().map(|violation| violation.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(named(&[0x12, 0].repeat(2_000)), [""; 0]);
        assert_eq!(named(&[0x12, 0].repeat(2_001)), ["messages"]);
        let messages = vec![v1::Message::default(); 2_001];
        let conversation = Some(v1::Conversation { messages, ..Default::default() });
        let request = ImportConversationRequest { conversation, ..Default::default() };
        assert_eq!(named(&request.encode_to_vec()), ["conversation.messages"]);
        assert_eq!(named(&[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), [""; 0]);
    }

    #[test]
    fn an_item_of_a_stream_is_shortened_to_where_it_is_too_long() {
        let item = |messages: usize, inner: usize| {
            let message =
                |number: usize| v1::Message { external_id: number.to_string(), ..Default::default() };
            let conversation = v1::Conversation {
                external_id: "42".to_owned(),
                messages: (0..inner).map(message).collect(),
                ..Default::default()
            };
            let import = ImportConversationRequest {
                conversation: Some(conversation),
                messages: (0..messages).map(message).collect(),
                on_conflict: 3,
                request_id: "one".to_owned(),
            };
            ImportConversationsRequest { item_number: 7, import: Some(import) }
        };
        for (messages, inner) in [(0, 0), (2_000, 0), (2_000, 2_000)] {
            assert!(shortened_item(&item(messages, inner).encode_to_vec()).is_none());
        }
        for (messages, inner, kept) in [(2_001, 0, (2_001, 0)), (90_000, 3, (2_001, 1)), (1, 2_001, (1, 1))] {
            let shortened = shortened_item(&item(messages, inner).encode_to_vec()).unwrap();
            let decoded = ImportConversationsRequest::decode(shortened.as_slice()).unwrap();
            assert_eq!(decoded, item(kept.0, kept.1), "{messages} and {inner} messages");
        }
    }

    #[test]
    fn every_message_of_a_usual_request_is_counted() {
        let message = v1::Message { content: Some("x".repeat(300)), ..Default::default() };
        let request =
            ImportConversationRequest { messages: vec![message; 7], on_conflict: 2, ..Default::default() };
        assert_eq!(fields(&request.encode_to_vec()).filter(|field| field.number == MESSAGES).count(), 7);
    }
}
