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
/// Most messages take less.
const ROOM_BYTES: usize = 1024;

impl NewMessage {
    pub fn canonical(&self) -> Vec<u8> {
        let Self { details, author, content, create_time, ai_tool, attachments, handling, is_automatic } =
            self;
        written(&[
            Value::Nested(&|out| put_details(out, details)),
            Value::Nested(&|out| put_author(out, author)),
            Value::Text(content),
            number(create_time.map(|time| time.millis())),
            text(ai_tool.as_ref()),
            Value::Nested(&|out| put_list(out, attachments, put_attachment)),
            Value::Nested(&|out| put_handling(out, handling)),
            set(*is_automatic),
        ])
    }
}

impl Sent<'_> {
    pub fn canonical(&self) -> Vec<u8> {
        let Self { details, author, content, ai_tool, attachments, is_automatic } = self;
        written(&[
            Value::Nested(&|out| put_details(out, details)),
            Value::Nested(&|out| put_author(out, author)),
            Value::Text(content),
            ai_tool.map_or(Value::Absent, Value::Text),
            Value::Nested(&|out| put_list(out, attachments, put_attachment)),
            set(*is_automatic),
        ])
    }
}

// Every field is destructured, so that adding one does not compile until somebody decides whether it tells messages
// apart.

fn put_details(out: &mut Vec<u8>, details: &MessageDetails) {
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
    let put_intent = |out: &mut Vec<u8>, id: &IntentId| match id {
        IntentId::Number(number) => put_variant(out, 0, Value::Number(*number)),
        IntentId::Text(text) => put_variant(out, 1, Value::Text(text)),
    };
    put_record(
        out,
        &[
            word(direction),
            Value::Flag(*is_private),
            Value::Text(body_type),
            text(from_address.as_ref()),
            text(from_name.as_ref()),
            Value::Nested(&|out| put_list(out, to, put_text)),
            Value::Nested(&|out| put_list(out, cc, put_text)),
            Value::Nested(&|out| put_list(out, bcc, put_text)),
            text(subject.as_ref()),
            text(html_body.as_ref()),
            text(plain_body.as_ref()),
            text(clean_body.as_ref()),
            text(raw_data.as_ref()),
            text(sender.as_ref()),
            text(sent_content.as_ref()),
            Value::Nested(&|out| put_list(out, intent_ids, put_intent)),
            text(crm_notification_id.as_ref()),
            text(contract_id.as_ref()),
            text(customer_id.as_ref()),
            number(*agent_id),
            number(*subchannel_id),
            text(tracking_id.as_ref()),
            Value::Nested(&|out| put_record(out, &[])),
        ],
    );
}

fn put_author(out: &mut Vec<u8>, author: &Author) {
    let Author { kind, external_id, name } = author;
    put_record(out, &[word(kind), text(external_id.as_ref()), text(name.as_ref())]);
}

fn put_attachment(out: &mut Vec<u8>, attachment: &NewAttachment) {
    let NewAttachment { file_name, place } = attachment;
    let put_place = |out: &mut Vec<u8>| match place {
        AttachmentPlace::Url(url) => put_variant(out, 0, Value::Text(url)),
        AttachmentPlace::Here(bytes) => put_variant(out, 1, Value::Bytes(bytes)),
        AttachmentPlace::Missing(WithoutBytes { size_bytes, content_type, width, height }) => {
            let file = [number(*size_bytes), text(content_type.as_ref()), number(*width), number(*height)];
            put_variant(out, 2, Value::Nested(&|out| put_record(out, &file)));
        }
    };
    put_record(out, &[Value::Text(file_name), Value::Nested(&put_place)]);
}

fn put_handling(out: &mut Vec<u8>, handling: &HandlingUpdate) {
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
        status_time,
    } = handling;
    let put_assignee = assignee.as_ref().map(|author| move |out: &mut Vec<u8>| put_author(out, author));
    put_record(
        out,
        &[
            status.as_ref().map_or(Value::Absent, word),
            priority.as_ref().map_or(Value::Absent, word),
            number(first_response_due.map(|time| time.millis())),
            number(due.map(|time| time.millis())),
            put_assignee.as_ref().map_or(Value::Absent, |put| Value::Nested(put)),
            Value::Nested(&|out| put_list(out, tags, put_text)),
            text(team.as_ref()),
            channel.as_ref().map_or(Value::Absent, word),
            number(*subchannel_id),
            likely_channel.as_ref().map_or(Value::Absent, word),
            number(status_time.map(|time| time.millis())),
        ],
    );
}

enum Value<'a> {
    Absent,
    Flag(bool),
    Number(i64),
    /// An enum value, by its stored number, which never changes.
    Word(u8),
    Text(&'a str),
    Bytes(&'a [u8]),
    Nested(&'a dyn Fn(&mut Vec<u8>)),
}

fn text<T: Deref<Target = str>>(text: Option<&T>) -> Value<'_> {
    text.map_or(Value::Absent, |text| Value::Text(text))
}

/// Sizes are far below 2^63.
fn number(number: Option<impl TryInto<i64>>) -> Value<'static> {
    number.map_or(Value::Absent, |number| Value::Number(number.try_into().unwrap_or(i64::MAX)))
}

/// A flag that messages of the first form do not have.
fn set(flag: bool) -> Value<'static> {
    if flag { Value::Flag(true) } else { Value::Absent }
}

fn word(word: &impl Encode<()>) -> Value<'static> {
    let mut byte = [0];
    minicbor::encode(word, byte.as_mut_slice()).expect("no enum has 24 values, so one byte is enough");
    Value::Word(byte[0])
}

fn written(message: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ROOM_BYTES);
    out.push(VERSION);
    put_record(&mut out, message);
    out
}

/// Trailing absent fields are omitted.
fn put_record(out: &mut Vec<u8>, fields: &[Value<'_>]) {
    let kept = fields.iter().rposition(|field| !matches!(field, Value::Absent)).map_or(0, |last| last + 1);
    put_list(out, fields.get(..kept).unwrap_or_default(), put);
}

fn put_variant(out: &mut Vec<u8>, index: i64, content: Value<'_>) {
    put_record(
        out,
        &[Value::Number(index), Value::Nested(&|out| put_list(out, &[&content], |out, it| put(out, it)))],
    );
}

fn put_list<T>(out: &mut Vec<u8>, items: &[T], put_item: impl Fn(&mut Vec<u8>, &T)) {
    Encoder::new(&mut *out).array(items.len() as u64).expect(WRITES);
    items.iter().for_each(|item| put_item(out, item));
}

fn put_text(out: &mut Vec<u8>, text: &impl Deref<Target = str>) {
    put(out, &Value::Text(text));
}

fn put(out: &mut Vec<u8>, value: &Value<'_>) {
    let mut encoder = Encoder::new(&mut *out);
    let done = match value {
        Value::Absent => encoder.null().map(drop),
        Value::Flag(flag) => encoder.bool(*flag).map(drop),
        Value::Number(number) => encoder.i64(*number).map(drop),
        Value::Text(text) => encoder.str(text).map(drop),
        Value::Bytes(bytes) => encoder.bytes(bytes).map(drop),
        Value::Word(number) => encoder.u8(*number).map(drop),
        Value::Nested(put_nested) => {
            put_nested(out);
            Ok(())
        }
    };
    done.expect(WRITES);
}

const WRITES: &str = "a Vec takes every write";

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
            is_automatic: false,
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

    #[test]
    fn that_it_is_automatic_tells_it_from_one_that_is_not() {
        let automatic = NewMessage { is_automatic: true, ..least() };
        assert_ne!(automatic.canonical(), least().canonical());
        assert_ne!(automatic.sent().canonical(), least().sent().canonical());
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
        let of_conversation: [fn(&mut HandlingUpdate); 5] = [
            |it| it.status = Some(Status::Closed),
            |it| it.priority = Some(Priority::Low),
            |it| {
                it.assignee =
                    Some(Author { kind: AuthorKind::Ai, external_id: Some("b".parse().unwrap()), name: None })
            },
            |it| it.likely_channel = Some(Channel::Email),
            |it| it.status_time = Some(UnixMillis::clamped(1)),
        ];
        for said in of_conversation {
            said(&mut whole.handling);
            assert_eq!(hex(&whole.canonical()[1..]), hex(&minicbor::to_vec(&whole).unwrap()));
        }
    }
}
