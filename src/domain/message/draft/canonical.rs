//! The form in which a message that is sent again is recognised: written field by field, so that it stays the same
//! however the types around it change.
//!
//! The form is one byte for its version, then CBOR (RFC 8949) in its shortest encoding. A record is an array of its
//! fields by position; an absent field is null, and trailing absent fields are omitted. A field added at the end
//! therefore leaves every message without it unchanged. Any other change needs a new version; messages known under an
//! older one must then be looked up under that one as well. `tests/it/upgrade.rs` pins the form.

use std::ops::Deref;

use minicbor::{Encode, Encoder};

use super::{AttachmentPlace, NewAttachment, NewMessage, Sent};
use crate::domain::{Author, HandlingUpdate, IntentId, MessageDetails, WithoutBytes};

const VERSION: u8 = 1;

impl NewMessage {
    pub fn canonical(&self) -> Vec<u8> {
        let Self { details, author, content, create_time, ai_tool, attachments, handling } = self;
        written(record([
            of_details(details),
            of_author(author),
            Value::Text(content),
            create_time.map_or(Value::Absent, |time| Value::Number(time.millis())),
            text(ai_tool.as_ref()),
            list(attachments, of_attachment),
            of_handling(handling),
        ]))
    }
}

impl Sent<'_> {
    pub fn canonical(&self) -> Vec<u8> {
        let Self { details, author, content, ai_tool, attachments } = self;
        written(record([
            of_details(details),
            of_author(author),
            Value::Text(content),
            ai_tool.map_or(Value::Absent, Value::Text),
            list(attachments, of_attachment),
        ]))
    }
}

// Every field is destructured, so that adding one does not compile until somebody decides whether it tells messages
// apart.

fn of_details(details: &MessageDetails) -> Value<'_> {
    let MessageDetails {
        direction,
        is_private,
        body_type,
        from_address,
        from_name,
        to,
        cc,
        bcc,
        subject,
        html_body,
        plain_body,
        clean_body,
        raw_data,
        sender,
        sent_content,
        intent_ids,
        crm_notification_id,
        contract_id,
        customer_id,
        agent_id,
        subchannel_id,
        tracking_id,
        // Kept apart from the details until they have their ids.
        attachments: _,
    } = details;
    record([
        stored(direction),
        Value::Flag(*is_private),
        Value::Text(body_type),
        text(from_address.as_ref()),
        text(from_name.as_ref()),
        texts(to),
        texts(cc),
        texts(bcc),
        text(subject.as_ref()),
        text(html_body.as_ref()),
        text(plain_body.as_ref()),
        text(clean_body.as_ref()),
        text(raw_data.as_ref()),
        text(sender.as_ref()),
        text(sent_content.as_ref()),
        list(intent_ids, |id| match id {
            IntentId::Number(number) => variant(0, Value::Number(*number)),
            IntentId::Text(text) => variant(1, Value::Text(text)),
        }),
        text(crm_notification_id.as_ref()),
        text(contract_id.as_ref()),
        text(customer_id.as_ref()),
        number(*agent_id),
        number(*subchannel_id),
        text(tracking_id.as_ref()),
        Value::List(Vec::new()),
    ])
}

fn of_author(author: &Author) -> Value<'_> {
    let Author { kind, external_id, name } = author;
    record([stored(kind), text(external_id.as_ref()), text(name.as_ref())])
}

fn of_attachment(attachment: &NewAttachment) -> Value<'_> {
    let NewAttachment { file_name, place } = attachment;
    let place = match place {
        AttachmentPlace::Url(url) => variant(0, Value::Text(url)),
        AttachmentPlace::Here(bytes) => variant(1, Value::Bytes(bytes)),
        AttachmentPlace::Missing(WithoutBytes { size_bytes, content_type, width, height }) => {
            let file = [number(*size_bytes), text(content_type.as_ref()), number(*width), number(*height)];
            variant(2, record(file))
        }
    };
    record([Value::Text(file_name), place])
}

fn of_handling(handling: &HandlingUpdate) -> Value<'_> {
    let HandlingUpdate {
        status,
        priority,
        first_response_due,
        due,
        assignee,
        tags,
        team,
        channel,
        subchannel_id,
        likely_channel,
    } = handling;
    record([
        status.as_ref().map_or(Value::Absent, stored),
        priority.as_ref().map_or(Value::Absent, stored),
        number(first_response_due.map(|time| time.millis())),
        number(due.map(|time| time.millis())),
        assignee.as_ref().map_or(Value::Absent, of_author),
        texts(tags),
        text(team.as_ref()),
        channel.as_ref().map_or(Value::Absent, stored),
        number(*subchannel_id),
        likely_channel.as_ref().map_or(Value::Absent, stored),
    ])
}

enum Value<'a> {
    Absent,
    Flag(bool),
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Encoded(Vec<u8>),
}

fn text<T: Deref<Target = str>>(text: Option<&T>) -> Value<'_> {
    text.map_or(Value::Absent, |text| Value::Text(text))
}

/// Sizes are far below 2^63.
fn number(number: Option<impl TryInto<i64>>) -> Value<'static> {
    number.map_or(Value::Absent, |number| Value::Number(number.try_into().unwrap_or(i64::MAX)))
}

fn texts<T: Deref<Target = str>>(all: &[T]) -> Value<'_> {
    list(all, |text| Value::Text(text))
}

fn list<'a, T>(items: &'a [T], of: impl Fn(&'a T) -> Value<'a>) -> Value<'a> {
    Value::List(items.iter().map(of).collect())
}

fn record<'a, const N: usize>(fields: [Value<'a>; N]) -> Value<'a> {
    let last = fields.iter().rposition(|field| !matches!(field, Value::Absent));
    Value::List(fields.into_iter().take(last.map_or(0, |last| last + 1)).collect())
}

fn variant(index: i64, content: Value<'_>) -> Value<'_> {
    Value::List(vec![Value::Number(index), Value::List(vec![content])])
}

/// An enum value, by its stored number, which never changes.
fn stored(word: &impl Encode<()>) -> Value<'static> {
    Value::Encoded(minicbor::to_vec(word).expect("a Vec takes every write"))
}

fn written(value: Value<'_>) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    value.write(&mut bytes);
    bytes
}

impl Value<'_> {
    fn write(&self, bytes: &mut Vec<u8>) {
        let mut encoder = Encoder::new(&mut *bytes);
        let done = match self {
            Self::Absent => encoder.null().map(drop),
            Self::Flag(flag) => encoder.bool(*flag).map(drop),
            Self::Number(number) => encoder.i64(*number).map(drop),
            Self::Text(text) => encoder.str(text).map(drop),
            Self::Bytes(content) => encoder.bytes(content).map(drop),
            Self::List(items) => encoder.array(items.len() as u64).map(drop),
            Self::Encoded(encoded) => {
                bytes.extend(encoded);
                Ok(())
            }
        };
        done.expect("a Vec takes every write");
        if let Self::List(items) = self {
            items.iter().for_each(|item| item.write(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AuthorKind, Channel, Direction, Priority, Status, UnixMillis};

    fn least() -> NewMessage {
        NewMessage {
            details: MessageDetails::default(),
            author: Author { kind: AuthorKind::Contact, external_id: None, name: None },
            content: "Hello".to_owned(),
            create_time: None,
            ai_tool: None,
            attachments: Vec::new(),
            handling: HandlingUpdate::default(),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Written out by hand: version 1, then seven fields. Of the details: the direction, the flag, an empty type, the
    /// empty lists at 5, 6, 7 and 15, and the attachments, which have no ids yet; a customer; five letters; no time, no
    /// tool, no attachments; of the conversation, the empty tags.
    #[test]
    fn a_minimal_message_has_this_form() {
        let details = "9700f460f6f6808080f6f6f6f6f6f6f680f6f6f6f6f6f680";
        let (author, content, handling) = ("8100", "6548656c6c6f", "86f6f6f6f6f680");
        assert_eq!(hex(&least().canonical()), format!("0187{details}{author}{content}f6f680{handling}"));
        assert_eq!(hex(&least().sent().canonical()), format!("0185{details}{author}{content}f680"));
    }

    /// As the first version encoded what it stored.
    #[test]
    fn the_form_is_that_of_messages_stored_earlier() {
        let text = |text: &str| Some(text.to_owned());
        let missing = WithoutBytes { size_bytes: Some(u64::from(u32::MAX)), ..WithoutBytes::default() };
        let place = |file_name: &str, place| NewAttachment { file_name: file_name.to_owned(), place };
        let mut whole = NewMessage {
            create_time: Some(UnixMillis::clamped(-1)),
            ai_tool: text("drafter"),
            attachments: vec![
                place("a", AttachmentPlace::Here(vec![1; 300].into())),
                place("b", AttachmentPlace::Url("https://example.com".to_owned())),
                place("c", AttachmentPlace::Missing(missing)),
                place("d", AttachmentPlace::Missing(WithoutBytes::default())),
            ],
            ..least()
        };
        whole.author.name = text("Ada");
        whole.details.direction = Direction::Internal;
        whole.details.intent_ids = vec![IntentId::Number(-7), IntentId::Text("refund".to_owned())];
        whole.details.subchannel_id = Some(i64::MIN);
        let of_conversation: [fn(&mut HandlingUpdate); 4] = [
            |it| it.status = Some(Status::Closed),
            |it| it.priority = Some(Priority::Low),
            |it| {
                it.assignee =
                    Some(Author { kind: AuthorKind::Ai, external_id: Some("b".parse().unwrap()), name: None })
            },
            |it| it.likely_channel = Some(Channel::Email),
        ];
        for said in of_conversation {
            said(&mut whole.handling);
            assert_eq!(hex(&whole.canonical()[1..]), hex(&minicbor::to_vec(&whole).unwrap()));
        }
    }
}
