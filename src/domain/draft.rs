//! What a caller wants to import, before and after it was checked.

use std::collections::HashSet;

use minicbor::Encode;

use super::{Author, AuthorKind, MessageKind, UnixMillis, Violations, ours_rule, reads_as_ours};

/// A conversation as an edge decoded it: absent is `None`, nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct ConversationDraft {
    /// Absent means `custom`.
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub subject: Option<String>,
    pub messages: Vec<MessageDraft>,
}

#[derive(Clone, Debug, Default)]
pub struct MessageDraft {
    pub external_id: Option<String>,
    pub kind: Option<MessageKind>,
    pub content: Option<String>,
    pub author: AuthorDraft,
    pub create_time: Option<UnixMillis>,
    pub ai_tool: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct AuthorDraft {
    pub kind: Option<AuthorKind>,
    pub external_id: Option<String>,
    pub name: Option<String>,
}

/// A conversation that obeys every rule and may be stored. Encoded it is what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewConversation {
    #[n(0)]
    pub source: String,
    #[n(1)]
    pub external_id: String,
    #[n(2)]
    pub subject: Option<String>,
    #[n(3)]
    pub messages: Vec<NewMessage>,
}

/// A message that obeys every rule; it gets its id when it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewMessage {
    #[n(0)]
    pub external_id: String,
    #[n(1)]
    pub kind: MessageKind,
    #[n(2)]
    pub content: String,
    #[n(3)]
    pub author: Author,
    #[n(4)]
    pub create_time: UnixMillis,
    #[n(5)]
    pub ai_tool: Option<String>,
}

/// How large an import may be. Lengths are in bytes of UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    pub messages: usize,
    /// The sources whose conversations callers know by numbers, in which an external id must not be one of ours. Empty names
    /// are none: a source has a name.
    pub numeric_sources: [&'static str; 2],
}

impl ImportLimits {
    /// The most messages that a conversation may grow to: its scores are computed from all of them, in one go.
    pub const CONVERSATION_MESSAGES: usize = 20_000;
    pub const DEFAULT_SOURCE: &str = "custom";
    pub const SOURCE_BYTES: usize = 128;
    pub const EXTERNAL_ID_BYTES: usize = 512;
    pub const SUBJECT_BYTES: usize = 4 * 1024;
    pub const CONTENT_BYTES: usize = 256 * 1024;
    pub const NAME_BYTES: usize = 512;
    pub const AI_TOOL_BYTES: usize = 512;
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self { messages: 2_000, numeric_sources: [""; 2] }
    }
}

impl ConversationDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding; a field that is named there is not
    /// named twice.
    pub fn check(
        self,
        limits: ImportLimits,
        mut violations: Violations,
    ) -> Result<NewConversation, Violations> {
        let source = self.source.unwrap_or_else(|| ImportLimits::DEFAULT_SOURCE.to_owned());
        check_identifier(&mut violations, "source", &source, ImportLimits::SOURCE_BYTES);
        let external_id = required(&mut violations, "external_id", self.external_id);
        if let Some(external_id) = &external_id {
            check_identifier(&mut violations, "external_id", external_id, ImportLimits::EXTERNAL_ID_BYTES);
            if limits.numeric_sources.contains(&source.as_str()) && reads_as_ours(external_id) {
                violations.add("external_id", ours_rule(external_id));
            }
        }
        check_length(&mut violations, "subject", self.subject.as_deref(), ImportLimits::SUBJECT_BYTES);

        let count = self.messages.len();
        if count == 0 || count > limits.messages {
            // An edge may have stopped reading where there were too many.
            let has = if count == 0 { "none" } else { "more" };
            violations.add("messages", format!("must have 1 to {} items, has {has}", limits.messages));
        }
        let mut seen = HashSet::with_capacity(count.min(limits.messages));
        let mut messages = Vec::with_capacity(count.min(limits.messages));
        for (index, draft) in self.messages.into_iter().take(limits.messages).enumerate() {
            let id = draft.external_id.clone();
            messages.extend(draft.check(index, &mut violations));
            // Whatever else is wrong with the message.
            if let Some(id) = id {
                if seen.contains(&id) {
                    let rule = format!("must be unique in the conversation, {id:?} comes twice");
                    violations.add(Field::of_message(index, "external_id"), rule);
                } else {
                    seen.insert(id);
                }
            }
        }
        match external_id {
            Some(external_id) => {
                violations.or(NewConversation { source, external_id, subject: self.subject, messages })
            }
            None => Err(violations),
        }
    }
}

impl MessageDraft {
    /// `None` when a required field is missing, which is then among the violations.
    fn check(self, index: usize, violations: &mut Violations) -> Option<NewMessage> {
        let field = |name| Field::of_message(index, name);
        let external_id = required(violations, field("external_id"), self.external_id);
        if let Some(external_id) = &external_id {
            check_identifier(violations, field("external_id"), external_id, ImportLimits::EXTERNAL_ID_BYTES);
        }
        let kind = required(violations, field("kind"), self.kind);
        let content = required(violations, field("content"), self.content);
        check_length(violations, field("content"), content.as_deref(), ImportLimits::CONTENT_BYTES);
        let author = self.author;
        let author_kind = required(violations, field("author.kind"), author.kind);
        let author_id = author.external_id;
        check_person_id(violations, field("author.external_id"), author_id.as_deref());
        check_length(violations, field("author.name"), author.name.as_deref(), ImportLimits::NAME_BYTES);
        let create_time = required(violations, field("create_time"), self.create_time);
        if let Some(time) = create_time
            && !(0..=UnixMillis::MAX.0).contains(&time.0)
        {
            let rule = "must lie between 1970-01-01 and the end of 9999 (0 to 253402300799999 ms)";
            violations.add(field("create_time"), format!("{rule}, is {} ms", time.0));
        }
        check_length(violations, field("ai_tool"), self.ai_tool.as_deref(), ImportLimits::AI_TOOL_BYTES);

        Some(NewMessage {
            external_id: external_id?,
            kind: kind?,
            content: content?,
            author: Author { kind: author_kind?, external_id: author_id, name: author.name },
            create_time: create_time?,
            ai_tool: self.ai_tool,
        })
    }
}

/// A field's place; its path is written only for a violation.
#[derive(Clone, Copy)]
struct Field {
    message: Option<usize>,
    name: &'static str,
}

impl Field {
    fn of_message(index: usize, name: &'static str) -> Self {
        Self { message: Some(index), name }
    }
}

impl From<&'static str> for Field {
    fn from(name: &'static str) -> Self {
        Self { message: None, name }
    }
}

impl From<Field> for String {
    fn from(Field { message, name }: Field) -> Self {
        match message {
            Some(index) => format!("messages[{index}].{name}"),
            None => name.to_owned(),
        }
    }
}

fn required<T>(violations: &mut Violations, field: impl Into<Field>, value: Option<T>) -> Option<T> {
    if value.is_none() {
        violations.add(field.into(), "is required");
    }
    value
}

/// An identifier is 1 to `max` bytes without control characters: it stands in keys, names and logs.
fn check_identifier(violations: &mut Violations, field: impl Into<Field>, value: &str, max: usize) {
    if value.is_empty() || value.len() > max {
        violations.add(field.into(), format!("must be 1 to {max} bytes long, is {}", value.len()));
    } else if let Some(control) = value.chars().find(|character| character.is_control()) {
        violations.add(field.into(), format!("must not contain control characters, contains {control:?}"));
    }
}

/// A person's id in the source, which may be empty: without control characters, as it stands in keys and names.
pub(super) fn check_person_id(
    violations: &mut Violations,
    field: impl Into<String>,
    external_id: Option<&str>,
) {
    let id = external_id.unwrap_or_default();
    if id.len() > ImportLimits::EXTERNAL_ID_BYTES {
        let most = ImportLimits::EXTERNAL_ID_BYTES;
        violations.add(field, format!("must be at most {most} bytes long, is {}", id.len()));
    } else if let Some(control) = id.chars().find(|character| character.is_control()) {
        violations.add(field, format!("must not contain control characters, contains {control:?}"));
    }
}

fn check_length(violations: &mut Violations, field: impl Into<Field>, value: Option<&str>, max: usize) {
    if let Some(value) = value
        && value.len() > max
    {
        violations.add(field.into(), format!("must be at most {max} bytes long, is {}", value.len()));
    }
}
