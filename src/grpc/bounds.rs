//! How much a request may ask to be made, counted on the wire before anything is made of it.

use crate::domain::{ImportLimits, PersonLimits, RatingLimits, StoreLimits, Violations};

use super::fields::{Field, Kept, fields, is_left, rewritten};

/// More items one level down than any request needs that has no rule of its own: whoever sends back what a FULL view
/// answered may do so.
const MAX_ITEMS: usize = 10_000;

pub fn check_items(request: &[u8], field: &str) -> Result<(), Violations> {
    let items = fields(request).flat_map(|field| fields(field.value)).count();
    if items > MAX_ITEMS {
        return Err(Violations::one(field, format!("must have at most {MAX_ITEMS} items, has {items}")));
    }
    Ok(())
}

/// `ImportConversationRequest.conversation` and `.messages`, and the repeated fields of `Conversation`.
const CONVERSATION: u64 = 1;
const MESSAGES: u64 = 2;
const CONVERSATION_LISTS: [(u64, &str, &str); 3] = [
    (10, "conversation.messages", "is output only; the messages belong into `messages`"),
    (13, "conversation.status_changes", "is output only"),
    (18, "conversation.tags", "is output only"),
];

pub fn check_import(request: &[u8]) -> Result<(), Violations> {
    let most = ImportLimits::default().messages;
    let mut messages = 0;
    let mut in_messages = 0;
    let mut in_conversation = [0; CONVERSATION_LISTS.len()];
    for Field { number, value, .. } in fields(request) {
        match number {
            MESSAGES => {
                messages += 1;
                let is_list =
                    |field: &Field<'_>| MESSAGE_LISTS.iter().any(|(number, ..)| *number == field.number);
                in_messages += fields(value).filter(is_list).count();
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

pub fn check_store(request: &[u8]) -> Result<(), Violations> {
    let mut violations = Violations::default();
    violations.take(check_message(request, STORED_MESSAGE));
    let tags = fields(request).filter(|field| field.number == STORED_TAGS).count();
    if tags > StoreLimits::TAGS {
        violations.add("tags", format!("must have at most {} items, has {tags}", StoreLimits::TAGS));
    }
    violations.or(())
}

pub fn check_update(request: &[u8]) -> Result<(), Violations> {
    check_message(request, CHANGED_MESSAGE)
}

/// Checks the one message that a request carries in a field.
fn check_message(request: &[u8], message: u64) -> Result<(), Violations> {
    let mut counts = [0; MESSAGE_LISTS.len()];
    for field in fields(request).filter(|field| field.number == message) {
        count(field.value, &MESSAGE_LISTS.map(|(number, ..)| number), &mut counts);
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
    for field in fields(message) {
        let of_field = numbers.iter().zip(&mut *counts).filter(|(number, _)| **number == field.number);
        of_field.for_each(|(_, count)| *count += 1);
    }
}

/// `OfferRatingRequest.rating`, `Rating.questions`, and `SubmitRatingRequest.answers`.
const RATING: u64 = 2;
const RATING_QUESTIONS: u64 = 5;
const ANSWERS: u64 = 2;

pub fn check_offer(request: &[u8]) -> Result<(), Violations> {
    let ratings = fields(request).filter(|field| field.number == RATING);
    let questions = ratings.flat_map(|rating| fields(rating.value));
    check_count("rating.questions", questions.filter(|field| field.number == RATING_QUESTIONS).count())
}

pub fn check_submission(request: &[u8]) -> Result<(), Violations> {
    check_count("answers", fields(request).filter(|field| field.number == ANSWERS).count())
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

pub fn check_person(request: &[u8]) -> Result<(), Violations> {
    let people = fields(request).filter(|field| field.number == PERSON);
    let teams = people.flat_map(|person| fields(person.value)).filter(|field| field.number == PERSON_TEAMS);
    let (count, most) = (teams.count(), PersonLimits::TEAMS);
    if count <= most {
        return Ok(());
    }
    Err(Violations::one("person.teams", format!("must be at most {most}, are {count}")))
}

/// `Conversation.messages`.
const CONVERSATION_MESSAGES: u64 = 10;
/// `ImportConversationsRequest.import`.
const IMPORT: u64 = 2;
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

/// An item of a bulk import with just so many messages that the check of it finds too many, and without the lists that an
/// import does not read; `None` when it is within its bounds. An error would end the stream, and one bad item is to fail alone.
pub fn shortened_item(item: &[u8]) -> Option<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::v1::{
        self, ImportConversationRequest, ImportConversationsRequest, OfferRatingRequest, StoreMessageRequest,
        SubmitRatingRequest, UpdateConversationRequest, UpdatePersonRequest,
    };

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
    fn items_one_level_down_are_counted_too() {
        let with_tags = |count| {
            let conversation =
                Some(v1::Conversation { tags: vec![String::new(); count], ..Default::default() });
            UpdateConversationRequest { conversation, ..Default::default() }.encode_to_vec()
        };
        assert!(check_items(&with_tags(10_000), "conversation").is_ok());
        assert!(check_items(&with_tags(10_001), "conversation").is_err());
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
        assert_eq!(fields(&request.encode_to_vec()).filter(|field| field.number == MESSAGES).count(), 7);
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
        let item = |count| ImportConversationsRequest { item_number: 1, import: Some(with_lists(count)) };
        assert!(shortened_item(&item(4_000).encode_to_vec()).is_none());
        let shortened = shortened_item(&item(4_001).encode_to_vec()).unwrap();
        assert_eq!(ImportConversationsRequest::decode(shortened.as_slice()).unwrap(), item(0));
    }
}
