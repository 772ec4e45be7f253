//! What a caller wants to import, before and after it was checked.

mod details;
mod handling;

use std::collections::HashSet;

use minicbor::Encode;

use crate::domain::{
    Author, AuthorKind, Handling, HandlingChange, ImportedRatingDraft, MessageKind, NewImportedRating,
    RatingDefaults, StoreDraft, UnixMillis, Violations, ours_rule, reads_as_ours,
};

pub use details::NewDetails;
pub use handling::{NewHandling, NewStatusChange, StatusChangeDraft};

/// A conversation as an edge decoded it: absent is `None`, nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct ConversationDraft {
    /// Absent means `custom`.
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub subject: Option<String>,
    pub messages: Vec<MessageDraft>,
    /// What the helpdesk says of it.
    pub handling: HandlingChange,
    pub status_changes: Vec<StatusChangeDraft>,
    pub ratings: Vec<ImportedRatingDraft>,
    /// The external id of the message after which the messages belong.
    pub append_after: Option<String>,
    /// That there are no messages is meant.
    pub without_messages: bool,
}

#[derive(Clone, Debug, Default)]
pub struct MessageDraft {
    pub external_id: Option<String>,
    pub kind: Option<MessageKind>,
    pub content: Option<String>,
    pub author: AuthorDraft,
    pub create_time: Option<UnixMillis>,
    pub ai_tool: Option<String>,
    /// The number that it had where it comes from; what status changes say of their places is meant by it.
    pub number: Option<u64>,
    /// What it brings besides; the fields that stand above are not looked at in it.
    pub details: Option<Box<StoreDraft>>,
}

#[derive(Clone, Debug, Default)]
pub struct AuthorDraft {
    pub kind: Option<AuthorKind>,
    pub external_id: Option<String>,
    pub name: Option<String>,
}

/// A conversation that obeys every rule and may be stored. Encoded it is what tells one request from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct NewConversation {
    #[n(0)]
    pub source: String,
    #[n(1)]
    pub external_id: String,
    #[n(2)]
    pub subject: Option<String>,
    #[n(3)]
    pub messages: Vec<NewMessage>,
    /// Absent: nothing is said of it.
    #[n(4)]
    pub handling: Option<Box<NewHandling>>,
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    pub ratings: Vec<NewImportedRating>,
    #[n(6)]
    pub append_after: Option<String>,
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
    #[n(6)]
    pub details: Option<Box<NewDetails>>,
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
    /// Receivers, intents and attachments of all messages together: of small ones a request could hold millions.
    pub const MESSAGE_ITEMS: usize = 20_000;
    pub const STATUS_CHANGES: usize = Handling::STATUS_CHANGES;
    pub const RATINGS: usize = 1_000;
    pub const DEFAULT_SOURCE: &str = "custom";
    pub const SOURCE_BYTES: usize = 128;
    pub const EXTERNAL_ID_BYTES: usize = 512;
    pub const SUBJECT_BYTES: usize = 4 * 1024;
    pub const CONTENT_BYTES: usize = 256 * 1024;
    pub const NAME_BYTES: usize = 512;
    pub const AI_TOOL_BYTES: usize = 512;
}

impl ImportLimits {
    /// The rule that so many receivers, intents and attachments break.
    pub fn too_many_items(items: usize) -> String {
        let most = Self::MESSAGE_ITEMS;
        format!("must have at most {most} receivers, intents and attachments together, have {items}")
    }
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

        let handling = handling::check(self.handling, self.status_changes, &self.messages, &mut violations);
        let count = self.messages.len();
        let is_meant = count > 0 || self.without_messages;
        if !is_meant || count > limits.messages {
            // An edge may have stopped reading where there were too many.
            let has = if count == 0 { "none" } else { "more" };
            violations.add("messages", format!("must have 1 to {} items, has {has}", limits.messages));
        }
        let items: usize = self
            .messages
            .iter()
            .filter_map(|message| message.details.as_deref())
            .map(StoreDraft::item_count)
            .sum();
        if items > ImportLimits::MESSAGE_ITEMS {
            violations.add("messages", ImportLimits::too_many_items(items));
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
        let assignee = handling.as_ref().and_then(|handling| handling.change.assignee.as_ref());
        let ratings = check_ratings(self.ratings, assignee, &messages, &mut violations);
        let (subject, append_after) = (self.subject, self.append_after);
        match external_id {
            Some(external_id) => violations.or(NewConversation {
                source,
                external_id,
                subject,
                messages,
                handling,
                ratings,
                append_after,
            }),
            None => Err(violations),
        }
    }
}

/// Where a rating says nobody, who is meant follows from the import alone.
fn check_ratings(
    drafts: Vec<ImportedRatingDraft>,
    assignee: Option<&Author>,
    messages: &[NewMessage],
    violations: &mut Violations,
) -> Vec<NewImportedRating> {
    let most = ImportLimits::RATINGS;
    if drafts.len() > most {
        violations.add("ratings", format!("must have at most {most} items, has {}", drafts.len()));
    }
    let wrote = |message: &&NewMessage| message.author.kind == AuthorKind::Contact;
    let replied =
        |message: &&NewMessage| message.author.kind.is_agent() && message.kind == MessageKind::Message;
    let last_reply = || messages.iter().rev().find(replied).map(|message| &message.author);
    let mut seen = HashSet::new();
    let mut ratings = Vec::with_capacity(drafts.len().min(most));
    for (index, draft) in drafts.into_iter().take(most).enumerate() {
        let defaults = RatingDefaults {
            user: messages.iter().find(wrote).map(|message| &message.author),
            agent: assignee.or_else(last_reply),
        };
        let mut found = Violations::default();
        let rating = draft.check(defaults, &mut found);
        if let Some(uuid) = rating.as_ref().and_then(NewImportedRating::uuid)
            && !seen.insert(uuid)
        {
            found.add("name", format!("must be unique in the request, the UUID {uuid} comes twice"));
        }
        let found = found.renamed(|field| format!("ratings[{index}].{field}"));
        if violations.take(found.or(())).is_some() {
            ratings.extend(rating);
        }
    }
    ratings
}

impl MessageDraft {
    /// `None` when a required field is missing, which is then among the violations.
    fn check(mut self, index: usize, violations: &mut Violations) -> Option<NewMessage> {
        let field = |name| Field::of_message(index, name);
        let details = self.details.take();
        let external_id = required(violations, field("external_id"), self.external_id.take());
        if let Some(external_id) = &external_id {
            check_identifier(violations, field("external_id"), external_id, ImportLimits::EXTERNAL_ID_BYTES);
        }
        if let Some(details) = details {
            return self.check_detailed(index, external_id, details, violations);
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
            details: None,
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
pub(in crate::domain) fn check_identifier(
    violations: &mut Violations,
    field: impl Into<String>,
    value: &str,
    max: usize,
) {
    if value.is_empty() || value.len() > max {
        violations.add(field.into(), format!("must be 1 to {max} bytes long, is {}", value.len()));
    } else if let Some(control) = value.chars().find(|character| character.is_control()) {
        violations.add(field.into(), format!("must not contain control characters, contains {control:?}"));
    }
}

/// A person's id in the source, which may be empty: without control characters, as it stands in keys and names.
pub(in crate::domain) fn check_person_id(
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
