//! Messages decoded without their text: for reads that ask who wrote when, in conversations of up to 20,000 messages.

use minicbor::Decode;

use super::{Head, Segment};
use crate::domain::{
    Author, Conversation, ExternalId, Message, MessageDetails, MessageId, MessageKind, UnixMillis,
};

/// A [`Head`] whose messages have no text.
#[derive(Decode)]
pub struct HeadOutline {
    #[n(0)]
    conversation: Conversation,
    #[n(1)]
    messages: Vec<MessageOutline>,
    #[cbor(n(2), skip_if = "Vec::is_empty")]
    writers: Vec<String>,
}

/// A [`Segment`] whose messages have no text.
#[derive(Decode)]
pub struct SegmentOutline {
    #[n(0)]
    messages: Vec<MessageOutline>,
}

/// A [`Message`] without content and details, except the tracking id.
#[derive(Decode)]
pub struct MessageOutline {
    #[n(0)]
    id: MessageId,
    #[n(1)]
    external_id: ExternalId,
    #[n(2)]
    kind: MessageKind,
    #[n(4)]
    author: Author,
    #[n(5)]
    create_time: UnixMillis,
    #[n(6)]
    ai_tool: Option<String>,
    #[n(7)]
    details: Option<DetailsOutline>,
    #[n(8)]
    update_time: Option<UnixMillis>,
    #[cbor(n(9), default)]
    is_automatic: bool,
}

#[derive(Decode)]
struct DetailsOutline {
    #[n(21)]
    tracking_id: Option<String>,
}

impl From<HeadOutline> for Head {
    fn from(head: HeadOutline) -> Self {
        let HeadOutline { conversation, messages, writers } = head;
        Self { conversation, messages: messages.into_iter().map(Message::from).collect(), writers }
    }
}

impl From<SegmentOutline> for Segment {
    fn from(segment: SegmentOutline) -> Self {
        Self { messages: segment.messages.into_iter().map(Message::from).collect() }
    }
}

impl From<MessageOutline> for Message {
    fn from(outline: MessageOutline) -> Self {
        let MessageOutline {
            id,
            external_id,
            kind,
            author,
            create_time,
            ai_tool,
            details,
            update_time,
            is_automatic,
        } = outline;
        let details = details.map(|DetailsOutline { tracking_id }| {
            Box::new(MessageDetails { tracking_id, ..Default::default() })
        });
        Self {
            id,
            external_id,
            kind,
            content: String::new(),
            author,
            create_time,
            ai_tool,
            details,
            update_time,
            is_automatic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{AuthorKind, Direction},
        store::records::{decode, encode},
    };

    #[test]
    fn an_outline_is_the_message_without_its_words() {
        let details = MessageDetails {
            direction: Direction::Out,
            html_body: Some("<p>Hello</p>".to_owned()),
            tracking_id: Some("t".to_owned()),
            ..MessageDetails::default()
        };
        let message = Message {
            id: MessageId(7),
            external_id: "m".parse().unwrap(),
            kind: MessageKind::Comment,
            content: "Hello".to_owned(),
            author: Author { kind: AuthorKind::Ai, external_id: None, name: Some("Bot".to_owned()) },
            create_time: UnixMillis::clamped(5),
            ai_tool: Some("drafter".to_owned()),
            details: Some(Box::new(details)),
            update_time: Some(UnixMillis::clamped(6)),
            is_automatic: true,
        };
        let tracking_id = Some("t".to_owned());
        let outline = Message {
            content: String::new(),
            details: Some(Box::new(MessageDetails { tracking_id, ..MessageDetails::default() })),
            ..message.clone()
        };
        let raw = encode(&Segment { messages: vec![message] });
        let read: Segment = decode::<SegmentOutline>(&Vec::new(), &raw).unwrap().into();
        assert_eq!(read, Segment { messages: vec![outline] });
    }
}
