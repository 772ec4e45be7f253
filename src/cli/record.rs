//! The line of an export: what the API answers about one conversation, in protobuf's JSON form. docs/export.md describes it.
//!
//! The fields that an import takes stand where `ImportConversationRequest` has them, so that a line can be imported as it is.

use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    domain::Violations,
    interchange::json::ROOT,
    proto::{
        DESCRIPTORS,
        v1::{Assessment, Conversation, ImportConversationRequest},
    },
};

/// What tells a line of an export from another document: no body of CraftCX has it.
const CONVERSATION: &str = "conversation";

/// The types of which a line is made.
pub(super) struct Records {
    pool: DescriptorPool,
}

/// One line: a conversation, or the next part of one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    conversation: Value,
    /// That the line before was about the same conversation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assessments: Vec<Value>,
}

/// A line as it was read.
pub(super) struct Imported {
    pub(super) request: ImportConversationRequest,
    pub(super) continues: bool,
}

impl Records {
    pub(super) fn load() -> Result<Self, String> {
        let pool = DescriptorPool::decode(DESCRIPTORS).map_err(|cause| cause.to_string())?;
        Ok(Self { pool })
    }

    fn descriptor(&self, name: &str) -> Result<MessageDescriptor, String> {
        let found = self.pool.get_message_by_name(&format!("plaudit.v1.{name}"));
        found.ok_or_else(|| format!("the API has no message {name}"))
    }

    fn json(&self, name: &str, message: &impl Message) -> Result<Value, String> {
        let mut dynamic = DynamicMessage::new(self.descriptor(name)?);
        dynamic.transcode_from(message).map_err(|cause| cause.to_string())?;
        serde_json::to_value(&dynamic).map_err(|cause| cause.to_string())
    }

    /// The line of a conversation, or of its next part, without an end of line.
    pub(super) fn line(
        &self,
        conversation: &Conversation,
        continues: bool,
        messages: &[crate::proto::v1::Message],
        assessments: &[Assessment],
    ) -> Result<Vec<u8>, String> {
        let all = |name: &str, messages: &mut dyn Iterator<Item = Result<Value, String>>| {
            messages.collect::<Result<Vec<_>, _>>().map_err(|cause| format!("{name}: {cause}"))
        };
        let record = Record {
            conversation: self.json("Conversation", conversation)?,
            continues,
            messages: all("messages", &mut messages.iter().map(|message| self.json("Message", message)))?,
            assessments: all("assessments", &mut assessments.iter().map(|one| self.json("Assessment", one)))?,
        };
        serde_json::to_vec(&record).map_err(|cause| cause.to_string())
    }

    /// The import of a line; `None` when it is no line of an export.
    pub(super) fn import(&self, line: &[u8]) -> Option<Result<Imported, Violations>> {
        // Looked for before it is parsed: most lines are of the other form.
        let quoted = format!("\"{CONVERSATION}\"");
        line.windows(quoted.len()).find(|window| *window == quoted.as_bytes())?;
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        if !fields.get(CONVERSATION)?.is_object() || fields.contains_key("ticket_id") {
            return None;
        }
        Some(self.import_of(fields).map_err(|cause| Violations::one(ROOT, cause)))
    }

    fn import_of(&self, mut fields: Map<String, Value>) -> Result<Imported, String> {
        let continues = fields.get("continues") == Some(&Value::Bool(true));
        fields.retain(|name, _| [CONVERSATION, "messages"].contains(&name.as_str()));
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        let descriptor = self.descriptor("ImportConversationRequest")?;
        let dynamic = DynamicMessage::deserialize_with_options(descriptor, Value::Object(fields), &options);
        let dynamic = dynamic.map_err(|cause| format!("is not a line of an export: {cause}"))?;
        let request = dynamic.transcode_to().map_err(|cause| cause.to_string())?;
        Ok(Imported { request, continues })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1;

    #[test]
    fn a_line_that_was_written_is_read_as_what_it_was() {
        let records = Records::load().unwrap();
        let conversation = Conversation {
            source: "zendesk".to_owned(),
            external_id: "4\u{2028}2 \"x\"".to_owned(),
            subject: Some(String::new()),
            message_count: 3,
            ..Conversation::default()
        };
        let message = v1::Message {
            external_id: "m1".to_owned(),
            kind: v1::MessageKind::Comment.into(),
            content: Some("two\nlines".to_owned()),
            author: Some(v1::Author { kind: v1::AuthorKind::Ai.into(), ..Default::default() }),
            create_time: Some(prost_types::Timestamp { seconds: 1_764_579_600, nanos: 5_000_000 }),
            ..Default::default()
        };
        for continues in [false, true] {
            let messages = [message.clone(), message.clone()];
            let line = records.line(&conversation, continues, &messages, &[Assessment::default()]).unwrap();
            assert!(!line.contains(&b'\n'));
            let read = records.import(&line).unwrap().unwrap();
            assert_eq!(read.continues, continues);
            assert_eq!(read.request.conversation.as_ref(), Some(&conversation));
            assert_eq!(read.request.messages, messages);
        }
    }

    #[test]
    fn other_lines_are_left_to_others() {
        let records = Records::load().unwrap();
        for other in [
            "",
            "{",
            r#"{"ticket_id":"conversation"}"#,
            r#"{"conversation":"conversations/1"}"#,
            r#"{"ticket_id":"1","conversation":{}}"#,
        ] {
            assert!(records.import(other.as_bytes()).is_none(), "{other}");
        }
        let wrong = r#"{"conversation":{"externalId":5}}"#;
        assert!(records.import(wrong.as_bytes()).unwrap().is_err());
    }
}
