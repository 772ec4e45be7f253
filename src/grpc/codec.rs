//! The codec of the generated services: protobuf, with a bound on how much memory few bytes can ask for.
//!
//! An empty message of a repeated field is two bytes on the wire and hundreds in memory: a request within its limit of 4 MiB
//! could ask for hundreds of MiB. So the items are counted on the wire, before anything is made of them.

use std::{any::TypeId, marker::PhantomData};

use prost::{Message, bytes::Buf as _};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::{
    domain::{ImportLimits, StoreLimits, Violations},
    proto::v1::{ImportConversationRequest, ImportConversationsRequest, StoreMessageRequest},
};

use super::{
    errors,
    fields::{Kept, fields, is_left, rewritten},
};

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
            if let Some(slim) = slim_import(source.chunk()) {
                return decode_instead(source, &slim);
            }
        }
        if TypeId::of::<U>() == TypeId::of::<ImportConversationsRequest>()
            && let Some(shortened) = shortened_item(source.chunk())
        {
            return decode_instead(source, &shortened);
        }
        if TypeId::of::<U>() == TypeId::of::<StoreMessageRequest>() {
            check_store(source.chunk()).map_err(|violations| errors::invalid(&violations))?;
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
    let mut items = Items::default();
    items.add(request);
    let Items { messages, inner_messages, .. } = items;
    let mut violations = Violations::default();
    if messages > most {
        violations.add("messages", format!("must have 1 to {most} items, has {messages}"));
    }
    if inner_messages > most {
        violations.add("conversation.messages", "is output only; the messages belong into `messages`");
    }
    violations.or(())
}

/// Lists of a message and of a conversation that an import does not read: receivers, intents and attachments, the history of
/// the status and tags.
const UNREAD_OF_MESSAGE: [u64; 5] = [13, 14, 15, 23, 29];
const UNREAD_OF_CONVERSATION: [u64; 2] = [13, 18];
/// With more items in such lists than this they are left out, as a request may have two million.
const MAX_UNREAD: usize = 20_000;

/// How many items an import asks to be made.
#[derive(Default)]
struct Items {
    messages: usize,
    inner_messages: usize,
    unread: usize,
}

impl Items {
    fn add(&mut self, import: &[u8]) {
        for field in fields(import) {
            match field.number {
                MESSAGES => {
                    self.messages += 1;
                    self.unread += count_of(field.value, &UNREAD_OF_MESSAGE);
                }
                CONVERSATION => {
                    self.inner_messages += count_of(field.value, &[CONVERSATION_MESSAGES]);
                    self.unread += count_of(field.value, &UNREAD_OF_CONVERSATION);
                }
                _ => {}
            }
        }
    }
}

fn count_of(message: &[u8], numbers: &[u64]) -> usize {
    fields(message).filter(|field| numbers.contains(&field.number)).count()
}

/// An import without the lists that it does not read; `None` when they are short.
fn slim_import(import: &[u8]) -> Option<Vec<u8>> {
    let mut items = Items::default();
    items.add(import);
    let (mut messages_left, mut inner_left) = (items.messages, items.inner_messages);
    (items.unread > MAX_UNREAD).then(|| shortened_import(import, &mut messages_left, &mut inner_left))
}

/// An item of a bulk import with just so many messages that the check of it finds too many, and without the lists that an
/// import does not read; `None` when it is within its bounds. An error would end the stream, and one bad item is to fail alone.
fn shortened_item(item: &[u8]) -> Option<Vec<u8>> {
    let most = ImportLimits::default().messages;
    let mut items = Items::default();
    fields(item).filter(|field| field.number == IMPORT).for_each(|import| items.add(import.value));
    if items.messages <= most && items.inner_messages <= most && items.unread <= MAX_UNREAD {
        return None;
    }
    let (mut messages_left, mut inner_left) = (most + 1, 1);
    Some(rewritten(item, |field| match field.number {
        IMPORT => Kept::As(shortened_import(field.value, &mut messages_left, &mut inner_left)),
        _ => Kept::Whole,
    }))
}

fn shortened_import(import: &[u8], messages_left: &mut usize, inner_left: &mut usize) -> Vec<u8> {
    let unless = |numbers: &[u64], number| if numbers.contains(&number) { Kept::Not } else { Kept::Whole };
    rewritten(import, |field| match field.number {
        MESSAGES if is_left(messages_left) => {
            Kept::As(rewritten(field.value, |field| unless(&UNREAD_OF_MESSAGE, field.number)))
        }
        MESSAGES => Kept::Not,
        CONVERSATION => Kept::As(rewritten(field.value, |field| match field.number {
            CONVERSATION_MESSAGES if !is_left(inner_left) => Kept::Not,
            number => unless(&UNREAD_OF_CONVERSATION, number),
        })),
        _ => Kept::Whole,
    })
}

/// Decodes other bytes than came, which are done with.
fn decode_instead<U: Message + Default>(
    source: &mut DecodeBuf<'_>,
    bytes: &[u8],
) -> Result<Option<U>, Status> {
    source.advance(source.remaining());
    // As tonic says it, so that the caller is told the same of any message.
    U::decode(bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
}

/// `StoreMessageRequest.message` and `.tags`, and the repeated fields of `Message`.
const STORED_MESSAGE: u64 = 2;
const STORED_TAGS: u64 = 8;
const STORED_LISTS: [(u64, &str, usize); 5] = [
    (13, "message.to", StoreLimits::RECEIVERS),
    (14, "message.cc", StoreLimits::RECEIVERS),
    (15, "message.bcc", StoreLimits::RECEIVERS),
    (23, "message.intent_ids", StoreLimits::INTENTS),
    (29, "message.attachments", StoreLimits::ATTACHMENTS),
];

fn check_store(request: &[u8]) -> Result<(), Violations> {
    let mut counts = [0; STORED_LISTS.len()];
    let mut tags = 0;
    for field in fields(request) {
        match field.number {
            STORED_TAGS => tags += 1,
            STORED_MESSAGE => {
                for field in fields(field.value) {
                    let places = STORED_LISTS.iter().zip(&mut counts);
                    places
                        .filter(|((number, ..), _)| *number == field.number)
                        .for_each(|(_, count)| *count += 1);
                }
            }
            _ => {}
        }
    }
    let mut violations = Violations::default();
    let lists = STORED_LISTS.iter().zip(counts).map(|((_, name, most), count)| (*name, *most, count));
    for (name, most, count) in lists.chain([("tags", StoreLimits::TAGS, tags)]) {
        if count > most {
            violations.add(name, format!("must have at most {most} items, has {count}"));
        }
    }
    violations.or(())
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
    fn the_lists_of_a_stored_message_are_counted_before_they_are_made() {
        let named = |message: v1::Message, tags: usize| {
            let tags = vec![String::new(); tags];
            let request = StoreMessageRequest { message: Some(message), tags, ..Default::default() };
            let violations = check_store(&request.encode_to_vec()).err().unwrap_or_default();
            violations.iter().map(|violation| violation.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(named(v1::Message { to: vec![String::new(); 200], ..Default::default() }, 100), [""; 0]);
        let many = v1::Message {
            to: vec![String::new(); 201],
            cc: vec![String::new(); 201],
            bcc: vec![String::new(); 201],
            intent_ids: vec![String::new(); 101],
            attachments: vec![v1::Attachment::default(); 101],
            ..Default::default()
        };
        let mut expected: Vec<_> = STORED_LISTS.iter().map(|(_, name, _)| *name).collect();
        expected.push("tags");
        assert_eq!(named(many, 101), expected);
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
    fn long_lists_that_an_import_does_not_read_are_not_made() {
        let with_lists = |count: usize| {
            let message = v1::Message {
                external_id: "m1".to_owned(),
                to: vec![String::new(); count],
                attachments: vec![v1::Attachment::default(); count],
                ..Default::default()
            };
            let conversation = v1::Conversation { tags: vec![String::new(); count], ..Default::default() };
            ImportConversationRequest {
                conversation: Some(conversation),
                messages: vec![message; 2],
                ..Default::default()
            }
        };
        let bytes = |count| with_lists(count).encode_to_vec();
        assert!(slim_import(&bytes(4_000)).is_none());
        let slim = slim_import(&bytes(4_001)).unwrap();
        assert_eq!(ImportConversationRequest::decode(slim.as_slice()).unwrap(), with_lists(0));
        let item = |count| ImportConversationsRequest { item_number: 1, import: Some(with_lists(count)) };
        assert!(shortened_item(&item(4_000).encode_to_vec()).is_none());
        let shortened = shortened_item(&item(4_001).encode_to_vec()).unwrap();
        assert_eq!(ImportConversationsRequest::decode(shortened.as_slice()).unwrap(), item(0));
    }

    #[test]
    fn every_message_of_a_usual_request_is_counted() {
        let message = v1::Message { content: Some("x".repeat(300)), ..Default::default() };
        let request =
            ImportConversationRequest { messages: vec![message; 7], on_conflict: 2, ..Default::default() };
        assert_eq!(fields(&request.encode_to_vec()).filter(|field| field.number == MESSAGES).count(), 7);
    }
}
