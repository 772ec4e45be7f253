//! Cuts a conversation into parts that an import takes, each a line.

use prost::Message as _;

use crate::{
    domain::limits,
    proto::v1::{Assessment, Conversation, Message, Rating},
};

/// What a line about a conversation, or about its next part, holds besides.
#[derive(Debug, Default)]
pub struct Part {
    pub messages: Vec<Message>,
    pub ratings: Vec<Rating>,
    pub assessments: Vec<Assessment>,
}

/// A conversation with all that belongs to it.
#[derive(Default)]
pub struct Whole {
    pub conversation: Conversation,
    pub messages: Vec<Message>,
    pub ratings: Vec<Rating>,
    /// In pages, each for a line.
    pub assessments: Vec<Vec<Assessment>>,
}

/// How large a part's messages and ratings are on the wire, the bytes of attachments not counted. An import takes 4 MiB; the
/// conversation itself comes besides.
const PART_BYTES: usize = 3 * 1024 * 1024;
/// The same with the bytes of attachments, of which a single message has at most 10 MiB.
const PART_BYTES_IN_ALL: usize = 14 * 1024 * 1024;
const PART_MESSAGES: usize = 1000;

/// What a part has so far.
#[derive(Default)]
struct Room {
    messages: usize,
    items: usize,
    bytes: usize,
    attached: usize,
}

impl Room {
    fn takes(&mut self, messages: usize, items: usize, bytes: usize, attached: usize) -> bool {
        let next = Self {
            messages: self.messages + messages,
            items: self.items + items,
            bytes: self.bytes + bytes,
            attached: self.attached + attached,
        };
        let takes = next.messages <= PART_MESSAGES
            && next.items <= limits::MESSAGE_ITEMS
            && next.bytes <= PART_BYTES
            && next.bytes + next.attached <= PART_BYTES_IN_ALL;
        if takes {
            *self = next;
        }
        takes
    }
}

/// The parts of a conversation, each with what is said of the conversation in its line: of the changes of the status those
/// that stand among the part's messages, and the status as it was then.
pub fn parts(whole: Whole) -> Vec<(Conversation, Part)> {
    let Whole { conversation, messages, ratings, assessments } = whole;
    let mut parts = vec![Part::default()];
    let mut room = Room::default();
    for message in messages {
        let (items, attached) = (items_of(&message), attached_bytes(&message));
        let is_first = parts.last().is_some_and(|part| part.messages.is_empty());
        if !room.takes(1, items, message.encoded_len(), attached) && !is_first {
            parts.push(Part::default());
            room = Room::default();
            room.takes(1, items, message.encoded_len(), attached);
        }
        if let Some(part) = parts.last_mut() {
            part.messages.push(message);
        }
    }
    for rating in ratings {
        let is_full = parts.last().is_some_and(|part| part.ratings.len() == limits::RATINGS);
        if is_full || !room.takes(0, 0, rating.encoded_len(), 0) {
            parts.push(Part::default());
            room = Room::default();
            room.takes(0, 0, rating.encoded_len(), 0);
        }
        if let Some(part) = parts.last_mut() {
            part.ratings.push(rating);
        }
    }
    for (place, page) in assessments.into_iter().enumerate() {
        match parts.get_mut(place) {
            Some(part) => part.assessments = page,
            None => parts.push(Part { assessments: page, ..Part::default() }),
        }
    }
    with_history(conversation, parts)
}

fn with_history(conversation: Conversation, parts: Vec<Part>) -> Vec<(Conversation, Part)> {
    if parts.len() == 1 {
        return parts.into_iter().map(|part| (conversation.clone(), part)).collect();
    }
    let mut changes = conversation.status_changes.clone().into_iter().peekable();
    let last_with_messages = parts.iter().rposition(|part| !part.messages.is_empty()).unwrap_or(0);
    let mut status = 0;
    let parts = parts.into_iter().enumerate().map(|(place, part)| {
        let mut said = conversation.clone();
        let until = part.messages.last().and_then(number);
        said.status_changes.clear();
        while let Some(change) = changes.next_if(|change| {
            place == last_with_messages || (place < last_with_messages && change.after_message <= until)
        }) {
            status = change.status;
            said.status_changes.push(change);
        }
        if place < last_with_messages {
            said.status = status;
        }
        (said, part)
    });
    parts.collect()
}

fn number(message: &Message) -> Option<i64> {
    message.name.rsplit('/').next()?.parse().ok()
}

fn items_of(message: &Message) -> usize {
    let receivers = message.to.len() + message.cc.len() + message.bcc.len();
    receivers + message.intent_ids.len() + message.attachments.len()
}

/// How many bytes its attachments will have; those by URL have none here.
fn attached_bytes(message: &Message) -> usize {
    let sizes = message.attachments.iter().filter_map(|file| file.size_bytes);
    sizes.filter_map(|size| usize::try_from(size).ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{Attachment, ConversationStatus, StatusChange};

    fn message(number: i64, content: usize, attached: i64) -> Message {
        let attachment = Attachment { size_bytes: Some(attached), ..Attachment::default() };
        Message {
            name: format!("conversations/1/messages/{number}"),
            content: Some("x".repeat(content)),
            attachments: if attached > 0 { vec![attachment] } else { Vec::new() },
            ..Message::default()
        }
    }

    fn whole(messages: Vec<Message>) -> Whole {
        Whole {
            conversation: Conversation::default(),
            messages,
            ratings: Vec::new(),
            assessments: Vec::new(),
        }
    }

    #[test]
    fn a_part_is_what_an_import_takes() {
        const MIB: i64 = 1 << 20;
        let sizes =
            |whole: Whole| parts(whole).iter().map(|(_, part)| part.messages.len()).collect::<Vec<_>>();
        assert_eq!(sizes(whole(Vec::new())), [0]);
        assert_eq!(sizes(whole((0..2_500).map(|number| message(number, 5, 0)).collect())), [1000, 1000, 500]);
        assert_eq!(
            sizes(whole((0..10).map(|number| message(number, 1 << 20, 0)).collect())),
            [2, 2, 2, 2, 2]
        );
        assert_eq!(sizes(whole((0..4).map(|number| message(number, 5, 10 * MIB)).collect())), [1, 1, 1, 1]);
        let rating = Rating { etag: "x".repeat(500_000), ..Rating::default() };
        let with_ratings = Whole { ratings: vec![rating; 8], ..whole(vec![message(1, 2 << 20, 0)]) };
        let ratings: Vec<_> = parts(with_ratings).iter().map(|(_, part)| part.ratings.len()).collect();
        assert_eq!(ratings, [2, 6]);
    }

    #[test]
    fn each_change_of_the_status_stands_in_the_part_with_its_messages() {
        let open = ConversationStatus::Open as i32;
        let closed = ConversationStatus::Closed as i32;
        let change = |status, number| StatusChange { status, change_time: None, after_message: Some(number) };
        let status_changes =
            vec![change(closed, 9), change(open, 1_009), change(closed, 1_010), change(open, 9_000)];
        let conversation = Conversation { status: open, status_changes, ..Conversation::default() };
        let messages = (10..2_110).map(|number| message(number, 0, 0)).collect();
        let told: Vec<_> = parts(Whole { conversation, ..whole(messages) })
            .into_iter()
            .map(|(said, _)| {
                let places = said.status_changes.iter().map(|change| change.after_message.unwrap()).collect();
                (said.status, places)
            })
            .collect::<Vec<(i32, Vec<i64>)>>();
        assert_eq!(told, [(open, vec![9, 1_009]), (closed, vec![1_010]), (open, vec![9_000])]);
    }
}
