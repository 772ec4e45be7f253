//! How much an import may ask to be made, alone and as an item of a stream.

use crate::{
    domain::{ImportLimits, Violations, limits, rules},
    server::MAX_REQUEST_BYTES,
};

use super::super::fields::{Field, Kept, fields, is_left, rewritten};

/// Fields of `ImportConversationRequest`.
const CONVERSATION: u64 = 1;
const MESSAGES: u64 = 2;
const RATINGS: u64 = 5;
/// `ImportConversationsRequest.import`.
const IMPORT: u64 = 2;
/// `Conversation.messages`, `.status_changes` and `.tags`.
const INNER_MESSAGES: u64 = 10;
const STATUS_CHANGES: u64 = 13;
const TAGS: u64 = 18;
/// Of a message: receivers, intents, attachments.
const MESSAGE_LISTS: [u64; 5] = [13, 14, 15, 23, ATTACHMENTS];
const ATTACHMENTS: u64 = 29;
const ATTACHMENT_CONTENT: u64 = 4;
/// `Rating.questions`.
const QUESTIONS: u64 = 5;
/// What as many ratings as there may be have at most.
const ALL_QUESTIONS: usize = limits::RATINGS * limits::QUESTIONS;

/// Whether an import is too large for one without the bytes of its attachments.
pub fn is_import_too_large(import: &[u8]) -> bool {
    import.len() > MAX_REQUEST_BYTES && import.len() - attached_bytes(import) > MAX_REQUEST_BYTES
}

/// How many bytes the contents of attachments are.
fn attached_bytes(import: &[u8]) -> usize {
    fields(import)
        .filter(|field| field.number == MESSAGES)
        .flat_map(|message| fields(message.value))
        .filter(|field| field.number == ATTACHMENTS)
        .flat_map(|attachment| fields(attachment.value))
        .filter(|field| field.number == ATTACHMENT_CONTENT)
        .map(|content| content.value.len())
        .sum()
}

/// How many items of each kind there are, or may still be.
#[derive(Clone, Copy)]
struct Items {
    messages: usize,
    /// Those within the conversation, which are refused.
    inner_messages: usize,
    in_messages: usize,
    status_changes: usize,
    tags: usize,
    ratings: usize,
    questions: usize,
}

impl Items {
    const NONE: Self = Self {
        messages: 0,
        inner_messages: 0,
        in_messages: 0,
        status_changes: 0,
        tags: 0,
        ratings: 0,
        questions: 0,
    };

    fn most() -> Self {
        let messages = ImportLimits::default().messages;
        Self {
            messages,
            // So many a caller may send back with a conversation that was read, and is told by its field.
            inner_messages: messages,
            in_messages: limits::MESSAGE_ITEMS,
            status_changes: limits::STATUS_CHANGES,
            tags: limits::TAGS,
            ratings: limits::RATINGS,
            questions: ALL_QUESTIONS,
        }
    }

    /// One more of each than there may be, by which the check still finds too many; of what is not allowed at all, one.
    fn kept() -> Self {
        let most = Self::most();
        Self {
            messages: most.messages + 1,
            inner_messages: 1,
            in_messages: most.in_messages + 1,
            status_changes: most.status_changes + 1,
            tags: most.tags + 1,
            ratings: most.ratings + 1,
            questions: most.questions + 1,
        }
    }

    fn add(&mut self, import: &[u8]) {
        for Field { number, value, .. } in fields(import) {
            match number {
                MESSAGES => {
                    self.messages += 1;
                    self.in_messages +=
                        fields(value).filter(|field| MESSAGE_LISTS.contains(&field.number)).count();
                }
                CONVERSATION => {
                    for field in fields(value) {
                        match field.number {
                            INNER_MESSAGES => self.inner_messages += 1,
                            STATUS_CHANGES => self.status_changes += 1,
                            TAGS => self.tags += 1,
                            _ => {}
                        }
                    }
                }
                RATINGS => {
                    self.ratings += 1;
                    self.questions += fields(value).filter(|field| field.number == QUESTIONS).count();
                }
                _ => {}
            }
        }
    }

    /// The fields of which there are too many, each with the rule.
    fn violations(&self) -> Violations {
        let most = Self::most();
        let mut violations = Violations::default();
        if self.messages > most.messages {
            let rule = format!("must have 1 to {} items, has {}", most.messages, self.messages);
            violations.add("messages", rule);
        }
        if self.in_messages > most.in_messages {
            violations.add("messages", ImportLimits::too_many_items(self.in_messages));
        }
        if self.inner_messages > most.inner_messages {
            let rule = "is output only; the messages belong into `messages`";
            violations.add("conversation.messages", rule);
        }
        for (field, count, most) in [
            ("conversation.status_changes", self.status_changes, most.status_changes),
            ("conversation.tags", self.tags, most.tags),
            ("ratings", self.ratings, most.ratings),
        ] {
            violations.check(field, rules::items(count, 0..=most));
        }
        if self.questions > most.questions {
            let each = limits::QUESTIONS;
            violations.add("ratings", format!("must have at most {each} questions each"));
        }
        violations
    }
}

pub fn check_import(request: &[u8]) -> Result<(), Violations> {
    let mut items = Items::NONE;
    items.add(request);
    items.violations().or(())
}

/// An item of a bulk import with just so many messages and the like that the check of it finds too many, and without its
/// import where that is too large; `None` when it is within its bounds. An error would end the stream, and one bad item is to
/// fail alone.
pub fn shortened_item(item: &[u8]) -> Option<Vec<u8>> {
    let is_import = |field: &Field<'_>| field.number == IMPORT;
    if item.len() > MAX_REQUEST_BYTES {
        // A message that comes twice is merged.
        let attached: usize = fields(item).filter(is_import).map(|import| attached_bytes(import.value)).sum();
        if item.len() - attached > MAX_REQUEST_BYTES {
            // As one that is too large to be read at all comes.
            return Some(Vec::new());
        }
    }
    let mut items = Items::NONE;
    fields(item).filter(is_import).for_each(|import| items.add(import.value));
    if items.violations().is_empty() {
        return None;
    }
    let mut left = Items::kept();
    Some(rewritten(item, |field| match field.number {
        IMPORT => Kept::As(left.shortened_import(field.value)),
        _ => Kept::Whole,
    }))
}

impl Items {
    fn shortened_import(&mut self, import: &[u8]) -> Vec<u8> {
        rewritten(import, |field| match field.number {
            MESSAGES if is_left(&mut self.messages) => {
                let is_list = |field: &Field<'_>| MESSAGE_LISTS.contains(&field.number);
                kept(field.value, &mut self.in_messages, is_list)
            }
            RATINGS if is_left(&mut self.ratings) => {
                kept(field.value, &mut self.questions, |field| field.number == QUESTIONS)
            }
            MESSAGES | RATINGS => Kept::Not,
            CONVERSATION => Kept::As(rewritten(field.value, |field| {
                let left = match field.number {
                    INNER_MESSAGES => &mut self.inner_messages,
                    STATUS_CHANGES => &mut self.status_changes,
                    TAGS => &mut self.tags,
                    _ => return Kept::Whole,
                };
                if is_left(left) { Kept::Whole } else { Kept::Not }
            })),
            _ => Kept::Whole,
        })
    }
}

/// A message with so many items in some of its fields as are left.
fn kept(message: &[u8], left: &mut usize, is_counted: impl Fn(&Field<'_>) -> bool) -> Kept {
    Kept::As(rewritten(
        message,
        |field| {
            if !is_counted(field) || is_left(left) { Kept::Whole } else { Kept::Not }
        },
    ))
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::v1::{self, ImportConversationRequest, ImportConversationsRequest};

    fn named(bytes: &[u8]) -> Vec<String> {
        let violations = check_import(bytes).err().unwrap_or_default();
        violations.iter().map(|violation| violation.field.clone()).collect()
    }

    /// An import with so many of everything.
    fn with(items: Items) -> ImportConversationRequest {
        let message = |number: usize| v1::Message {
            external_id: number.to_string(),
            to: vec![String::new(); if number == 0 { items.in_messages } else { 0 }],
            ..Default::default()
        };
        let conversation = v1::Conversation {
            external_id: "42".to_owned(),
            messages: vec![v1::Message::default(); items.inner_messages],
            status_changes: vec![v1::StatusChange::default(); items.status_changes],
            tags: vec![String::new(); items.tags],
            ..Default::default()
        };
        let rating = |number: usize| v1::Rating {
            questions: vec![v1::RatingQuestion::default(); if number == 0 { items.questions } else { 0 }],
            ..Default::default()
        };
        ImportConversationRequest {
            conversation: Some(conversation),
            messages: (0..items.messages).map(message).collect(),
            on_conflict: 3,
            request_id: "one".to_owned(),
            ratings: (0..items.ratings).map(rating).collect(),
            ..Default::default()
        }
    }

    fn item(items: Items) -> ImportConversationsRequest {
        ImportConversationsRequest { item_number: 7, import: Some(with(items)) }
    }

    #[test]
    fn items_are_counted_before_they_are_made() {
        assert_eq!(named(&[0x12, 0].repeat(2_000)), [""; 0]);
        assert_eq!(named(&[0x12, 0].repeat(2_001)), ["messages"]);
        let most = Items::most();
        assert_eq!(named(&with(most).encode_to_vec()), [""; 0]);
        let too_many: [(Items, &str); 7] = [
            (Items { messages: 2_001, ..most }, "messages"),
            (Items { in_messages: 20_001, ..most }, "messages"),
            (Items { inner_messages: 2_001, ..most }, "conversation.messages"),
            (Items { status_changes: 20_001, ..most }, "conversation.status_changes"),
            (Items { tags: 101, ..most }, "conversation.tags"),
            (Items { ratings: 1_001, ..most }, "ratings"),
            (Items { questions: 20_001, ..most }, "ratings"),
        ];
        for (items, field) in too_many {
            assert_eq!(named(&with(items).encode_to_vec()), [field]);
        }
        assert_eq!(named(&[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), [""; 0]);
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
        let most = Items::most();
        assert!(shortened_item(&item(most).encode_to_vec()).is_none());
        let one = Items { messages: 1, ratings: 1, ..Items::NONE };
        for (items, kept) in [
            (Items { messages: 90_000, ..one }, Items { messages: 2_001, ..one }),
            (Items { inner_messages: 2_001, ..one }, Items { inner_messages: 1, ..one }),
            (Items { in_messages: 90_000, ..one }, Items { in_messages: 20_001, ..one }),
            (Items { status_changes: 30_000, ..one }, Items { status_changes: 1_001, ..one }),
            (Items { tags: 5_000, ..one }, Items { tags: 101, ..one }),
            (Items { ratings: 9_000, ..one }, Items { ratings: 1_001, ..one }),
            (Items { questions: 30_000, ..one }, Items { questions: 20_001, ..one }),
        ] {
            let shortened = shortened_item(&item(items).encode_to_vec()).unwrap();
            let decoded = ImportConversationsRequest::decode(shortened.as_slice()).unwrap();
            assert!(decoded == item(kept));
        }
    }

    #[test]
    fn of_a_large_import_the_bytes_of_attachments_do_not_count() {
        let with = |text: usize, attached: usize| {
            let content = Some(vec![0; attached]);
            let attachment = v1::Attachment { content, ..Default::default() };
            let message = v1::Message {
                content: Some("x".repeat(text)),
                attachments: vec![attachment; 2],
                ..Default::default()
            };
            ImportConversationRequest { messages: vec![message], ..Default::default() }
        };
        for (text, attached, is_too_large) in [
            (MAX_REQUEST_BYTES - 100, 5_000_000, false),
            (MAX_REQUEST_BYTES + 1, 0, true),
            (MAX_REQUEST_BYTES, 5_000_000, true),
        ] {
            let import = with(text, attached);
            assert_eq!(is_import_too_large(&import.encode_to_vec()), is_too_large, "{text} and {attached}");
            let item = ImportConversationsRequest { item_number: 7, import: Some(import) };
            let shortened = shortened_item(&item.encode_to_vec());
            assert_eq!(shortened, is_too_large.then(Vec::new), "{text} and {attached}");
        }
    }
}
