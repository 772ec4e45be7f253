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
    domain::{ImportLimits, PersonLimits, RatingLimits, StoreLimits, Violations},
    proto::v1::{
        ImportConversationRequest, OfferRatingRequest, StoreMessageRequest, SubmitRatingRequest,
        UpdateMessageRequest, UpdatePersonRequest,
    },
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
        // A message is handed over in one piece.
        let request = source.chunk();
        let is = |other: TypeId| TypeId::of::<U>() == other;
        let checked = if is(TypeId::of::<ImportConversationRequest>()) {
            check_import(request)
        } else if is(TypeId::of::<StoreMessageRequest>()) {
            check_store(request)
        } else if is(TypeId::of::<UpdateMessageRequest>()) {
            check_message(request, CHANGED_MESSAGE)
        } else if is(TypeId::of::<OfferRatingRequest>()) {
            check_offer(request)
        } else if is(TypeId::of::<SubmitRatingRequest>()) {
            check_submission(request)
        } else if is(TypeId::of::<UpdatePersonRequest>()) {
            check_person(request)
        } else {
            Ok(())
        };
        checked.map_err(|violations| errors::invalid(&violations))?;
        self.0.decode(source)
    }
}

/// `ImportConversationRequest.conversation` and `.messages`, and the repeated fields of `Conversation`.
const CONVERSATION: u64 = 1;
const MESSAGES: u64 = 2;
const CONVERSATION_LISTS: [(u64, &str, &str); 3] = [
    (10, "conversation.messages", "is output only; the messages belong into `messages`"),
    (13, "conversation.status_changes", "is output only"),
    (18, "conversation.tags", "is output only"),
];

fn check_import(request: &[u8]) -> Result<(), Violations> {
    let most = ImportLimits::default().messages;
    let mut messages = 0;
    let mut in_messages = 0;
    let mut in_conversation = [0; CONVERSATION_LISTS.len()];
    for (field, value) in fields(request) {
        match field {
            MESSAGES => {
                messages += 1;
                let is_list = |field: u64| MESSAGE_LISTS.iter().any(|(number, ..)| *number == field);
                in_messages += fields(value).filter(|(field, _)| is_list(*field)).count();
            }
            CONVERSATION => {
                count(value, &CONVERSATION_LISTS.map(|(number, ..)| number), &mut in_conversation)
            }
            _ => {}
        }
    }
    let mut violations = Violations::default();
    if messages > most {
        violations.add("messages", format!("must have 1 to {most} items, has {messages}"));
    }
    if in_messages > most {
        violations
            .add("messages", "must not have receivers, intents or attachments: an import does not keep them");
    }
    for ((_, name, rule), count) in CONVERSATION_LISTS.iter().zip(in_conversation) {
        if count > most {
            violations.add(*name, *rule);
        }
    }
    violations.or(())
}

/// The `message` of a request to store one and of one to change one, `StoreMessageRequest.tags`, and the repeated fields
/// of `Message`.
const STORED_MESSAGE: u64 = 2;
const CHANGED_MESSAGE: u64 = 1;
const STORED_TAGS: u64 = 8;
const MESSAGE_LISTS: [(u64, &str, usize); 5] = [
    (13, "message.to", StoreLimits::RECEIVERS),
    (14, "message.cc", StoreLimits::RECEIVERS),
    (15, "message.bcc", StoreLimits::RECEIVERS),
    (23, "message.intent_ids", StoreLimits::INTENTS),
    (29, "message.attachments", StoreLimits::ATTACHMENTS),
];

fn check_store(request: &[u8]) -> Result<(), Violations> {
    let mut violations = Violations::default();
    violations.take(check_message(request, STORED_MESSAGE));
    let tags = fields(request).filter(|(field, _)| *field == STORED_TAGS).count();
    if tags > StoreLimits::TAGS {
        violations.add("tags", format!("must have at most {} items, has {tags}", StoreLimits::TAGS));
    }
    violations.or(())
}

/// Checks the one message that a request carries in a field.
fn check_message(request: &[u8], message: u64) -> Result<(), Violations> {
    let mut counts = [0; MESSAGE_LISTS.len()];
    for (_, value) in fields(request).filter(|(field, _)| *field == message) {
        count(value, &MESSAGE_LISTS.map(|(number, ..)| number), &mut counts);
    }
    let mut violations = Violations::default();
    for ((_, name, most), count) in MESSAGE_LISTS.iter().zip(counts) {
        if count > *most {
            violations.add(*name, format!("must have at most {most} items, has {count}"));
        }
    }
    violations.or(())
}

/// Adds how often each of these fields occurs in a message.
fn count(message: &[u8], numbers: &[u64], counts: &mut [usize]) {
    for (field, _) in fields(message) {
        let of_field = numbers.iter().zip(&mut *counts).filter(|(number, _)| **number == field);
        of_field.for_each(|(_, count)| *count += 1);
    }
}

/// `OfferRatingRequest.rating`, `Rating.questions`, and `SubmitRatingRequest.answers`.
const RATING: u64 = 2;
const RATING_QUESTIONS: u64 = 5;
const ANSWERS: u64 = 2;

fn check_offer(request: &[u8]) -> Result<(), Violations> {
    let ratings = fields(request).filter(|(field, _)| *field == RATING);
    let questions = ratings.flat_map(|(_, rating)| fields(rating));
    check_count("rating.questions", questions.filter(|(field, _)| *field == RATING_QUESTIONS).count())
}

fn check_submission(request: &[u8]) -> Result<(), Violations> {
    check_count("answers", fields(request).filter(|(field, _)| *field == ANSWERS).count())
}

fn check_count(field: &str, count: usize) -> Result<(), Violations> {
    let most = RatingLimits::QUESTIONS;
    if count <= most {
        return Ok(());
    }
    Err(Violations::one(field, format!("must have 1 to {most} items, has {count}")))
}

/// `UpdatePersonRequest.person` and `Person.teams`.
const PERSON: u64 = 1;
const PERSON_TEAMS: u64 = 8;

fn check_person(request: &[u8]) -> Result<(), Violations> {
    let people = fields(request).filter(|(field, _)| *field == PERSON);
    let teams = people.flat_map(|(_, person)| fields(person)).filter(|(field, _)| *field == PERSON_TEAMS);
    let (count, most) = (teams.count(), PersonLimits::TEAMS);
    if count <= most {
        return Ok(());
    }
    Err(Violations::one("person.teams", format!("must be at most {most}, are {count}")))
}

/// The fields of a message with the bytes of those that have a length. It ends where the message is malformed, which
/// decoding then tells.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let key = varint(&mut rest)?;
        let value = match key & 7 {
            0 => varint(&mut rest).map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, after) = rest.split_at_checked(value)?;
        rest = after;
        Some((key >> 3, value))
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
        let tags = vec![String::new(); 2_001];
        let conversation = Some(v1::Conversation { tags, ..Default::default() });
        let attachments = vec![v1::Attachment::default(); 2_001];
        let messages = vec![v1::Message { attachments, ..Default::default() }];
        let request = ImportConversationRequest { conversation, messages, ..Default::default() };
        assert_eq!(named(&request.encode_to_vec()), ["messages", "conversation.tags"]);
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
        let mut expected: Vec<_> = MESSAGE_LISTS.iter().map(|(_, name, _)| *name).collect();
        expected.push("tags");
        assert_eq!(named(many, 101), expected);
    }

    #[test]
    fn questions_and_answers_are_counted_too() {
        let questions = |count| {
            let rating =
                v1::Rating { questions: vec![v1::RatingQuestion::default(); count], ..Default::default() };
            OfferRatingRequest { rating: Some(rating), ..Default::default() }.encode_to_vec()
        };
        let answers = |count| {
            let answers = vec![v1::RatingAnswer::default(); count];
            SubmitRatingRequest { name: "n".to_owned(), answers, ..Default::default() }.encode_to_vec()
        };
        assert!(check_offer(&questions(20)).is_ok() && check_submission(&answers(20)).is_ok());
        assert!(check_offer(&questions(21)).is_err() && check_submission(&answers(21)).is_err());
        // A message that comes twice is merged.
        assert!(check_offer(&[questions(20), questions(1)].concat()).is_err());
    }

    #[test]
    fn the_teams_of_a_person_are_counted_too() {
        let request = |count| {
            let person = v1::Person { teams: vec![String::new(); count], ..Default::default() };
            UpdatePersonRequest { person: Some(person), ..Default::default() }.encode_to_vec()
        };
        assert!(check_person(&request(100)).is_ok() && check_person(&request(101)).is_err());
    }

    #[test]
    fn every_message_of_a_usual_request_is_counted() {
        let message = v1::Message { content: Some("x".repeat(300)), ..Default::default() };
        let request =
            ImportConversationRequest { messages: vec![message; 7], on_conflict: 2, ..Default::default() };
        assert_eq!(fields(&request.encode_to_vec()).filter(|(field, _)| *field == MESSAGES).count(), 7);
    }
}
