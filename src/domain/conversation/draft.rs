//! A conversation to import, before and after validation.

mod details;
mod handling;

use std::collections::HashSet;

use minicbor::Encode;

use crate::domain::{
    Author, AuthorDraft, AuthorKind, ExternalId, HandlingDraft, ImportedRatingDraft, Message, MessageDraft,
    MessageId, MessageKind, NewImportedRating, Path, RatingDefaults, SourceName, UnixMillis, Violations,
    limits, ours_rule, reads_as_ours,
    rules::{self, required},
};

pub use details::NewDetails;
pub use handling::{NewHandling, NewStatusChange, StatusChangeDraft};

/// A conversation as decoded by an edge: absent is `None`, nothing is validated yet.
#[derive(Clone, Debug, Default)]
pub struct ConversationDraft {
    /// Absent means `custom`.
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub subject: Option<String>,
    pub language: Option<String>,
    pub messages: Vec<ImportedMessageDraft>,
    /// What the helpdesk says about how it is handled.
    pub handling: HandlingDraft,
    pub status_changes: Vec<StatusChangeDraft>,
    pub ratings: Vec<ImportedRatingDraft>,
    /// The external id of the message after which these messages are appended.
    pub append_after: Option<String>,
    /// That having no messages is intended.
    pub without_messages: bool,
    /// When the source last changed it.
    pub update_time: Option<UnixMillis>,
    /// That an append only adds, and compares nothing.
    pub additions_only: bool,
}

#[derive(Clone, Debug, Default)]
pub struct ImportedMessageDraft {
    pub external_id: Option<String>,
    pub kind: Option<MessageKind>,
    pub content: Option<String>,
    pub author: AuthorDraft,
    pub create_time: Option<UnixMillis>,
    pub ai_tool: Option<String>,
    pub is_automatic: bool,
    /// When the source last edited it.
    pub update_time: Option<UnixMillis>,
    /// The message's number where it comes from; status changes refer to their places by it.
    pub number: Option<u64>,
    /// Its further details; the fields that appear above are ignored in here.
    pub details: Option<Box<MessageDraft>>,
}

/// A valid conversation, ready to be stored. Its encoding is what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewConversation {
    #[n(0)]
    pub source: SourceName,
    #[n(1)]
    pub external_id: ExternalId,
    #[n(2)]
    pub subject: Option<String>,
    #[n(3)]
    pub messages: Vec<NewImportedMessage>,
    /// Absent: nothing is said about it.
    #[n(4)]
    pub handling: Option<Box<NewHandling>>,
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    pub ratings: Vec<NewImportedRating>,
    #[n(6)]
    pub append_after: Option<String>,
    #[n(7)]
    pub language: Option<String>,
    /// When the source last changed it.
    #[n(8)]
    pub update_time: Option<UnixMillis>,
    /// An append only adds what is not stored, and compares nothing.
    #[cbor(n(9), skip_if = "crate::domain::is_false")]
    pub additions_only: bool,
}

impl NewConversation {
    /// A conversation of which only the name is known.
    pub fn new(source: SourceName, external_id: ExternalId) -> Self {
        Self {
            source,
            external_id,
            subject: None,
            messages: Vec::new(),
            handling: None,
            ratings: Vec::new(),
            append_after: None,
            language: None,
            update_time: None,
            additions_only: false,
        }
    }
}

/// A valid message; it gets its id when it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewImportedMessage {
    #[n(0)]
    pub external_id: ExternalId,
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
    #[cbor(n(7), skip_if = "crate::domain::is_false")]
    pub is_automatic: bool,
    /// When the source last edited it.
    #[n(8)]
    pub update_time: Option<UnixMillis>,
}

impl NewImportedMessage {
    /// The message under its id, without its attachments.
    pub fn message(&self, id: MessageId) -> Message {
        Message {
            id,
            external_id: self.external_id.clone(),
            kind: self.kind,
            content: self.content.clone(),
            author: self.author.clone(),
            create_time: self.create_time,
            ai_tool: self.ai_tool.clone(),
            details: self.details.as_ref().map(|new| Box::new(new.details.clone())),
            update_time: self.update_time,
            is_automatic: self.is_automatic,
        }
    }
}

/// What a server accepts in one import, besides [`limits`].
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    pub messages: usize,
    /// The sources whose conversations callers know by number, in which an external id must not be one of ours. Empty
    /// names are ignored, since a source has a name.
    pub numeric_sources: [&'static str; 2],
    /// Whether no person wrote a message, whose author is then nobody's default.
    pub is_automatic: fn(&Message) -> bool,
}

impl ImportLimits {
    /// The most messages of one import.
    pub const MESSAGES: usize = 2_000;

    /// The rule that this many receivers, intents and attachments break.
    pub fn too_many_items(items: usize) -> String {
        let most = limits::MESSAGE_ITEMS;
        format!("must have at most {most} receivers, intents and attachments together, have {items}")
    }
}

impl Default for ImportLimits {
    fn default() -> Self {
        let is_automatic = |message: &Message| message.is_automatic;
        Self { messages: Self::MESSAGES, numeric_sources: [""; 2], is_automatic }
    }
}

impl ConversationDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding; a field already in there is not
    /// reported twice.
    pub fn check(
        self,
        limits: ImportLimits,
        mut violations: Violations,
    ) -> Result<NewConversation, Violations> {
        let source = self.source.map_or(Ok(SourceName::custom()), SourceName::new);
        let source = violations.check("source", source);
        let external_id = required(self.external_id).and_then(ExternalId::new);
        let external_id = violations.check("external_id", external_id);
        if let (Some(source), Some(external_id)) = (&source, &external_id)
            && limits.numeric_sources.contains(&source.as_str())
            && reads_as_ours(external_id)
        {
            violations.add("external_id", ours_rule(external_id));
        }
        let subject = self.subject;
        violations.check("subject", rules::max_bytes(subject.as_deref(), limits::SUBJECT_BYTES));
        let language = check_language(self.language, &mut violations);
        let handling = handling::check(self.handling, self.status_changes, &self.messages, &mut violations);
        let count = self.messages.len();
        let is_meant = count > 0 || self.without_messages;
        if !is_meant || count > limits.messages {
            // An edge may stop decoding once there are too many.
            let has = if count == 0 { "none" } else { "more" };
            violations.add("messages", format!("must have 1 to {} items, has {has}", limits.messages));
        }
        let items: usize = self
            .messages
            .iter()
            .filter_map(|message| message.details.as_deref())
            .map(MessageDraft::item_count)
            .sum();
        if items > limits::MESSAGE_ITEMS {
            violations.add("messages", ImportLimits::too_many_items(items));
        }
        let mut seen = HashSet::with_capacity(count.min(limits.messages));
        let mut messages = Vec::with_capacity(count.min(limits.messages));
        for (index, draft) in self.messages.into_iter().take(limits.messages).enumerate() {
            let id = draft.external_id.clone();
            let at = Path::ROOT.item("messages", index);
            messages.extend(draft.check(at, &mut violations));
            // Checked whatever else is wrong with the message.
            if let Some(id) = id {
                if seen.contains(&id) {
                    let rule = format!("must be unique in the conversation, {id:?} comes twice");
                    violations.add(at.field("external_id"), rule);
                } else {
                    seen.insert(id);
                }
            }
        }
        let assignee = handling.as_ref().and_then(|handling| handling.change.assignee.as_ref());
        let ratings = check_ratings(self.ratings, assignee, &messages, limits, &mut violations);
        let (append_after, update_time) = (self.append_after, self.update_time);
        let additions_only = self.additions_only;
        match (source, external_id) {
            (Some(source), Some(external_id)) => violations.or(NewConversation {
                source,
                external_id,
                subject,
                messages,
                handling,
                ratings,
                append_after,
                language,
                update_time,
                additions_only,
            }),
            _ => Err(violations),
        }
    }
}

/// The language as a caller gives it; an empty one is none.
pub(super) fn check_language(language: Option<String>, violations: &mut Violations) -> Option<String> {
    let language = language.filter(|language| !language.is_empty())?;
    violations.check("language", rules::known_language(&language));
    Some(language)
}

/// Where a rating does not say who is meant, it follows from the import alone.
fn check_ratings(
    drafts: Vec<ImportedRatingDraft>,
    assignee: Option<&Author>,
    messages: &[NewImportedMessage],
    limits: ImportLimits,
    violations: &mut Violations,
) -> Vec<NewImportedRating> {
    let most = limits::RATINGS;
    violations.check("ratings", rules::items(drafts.len(), 0..=most));
    if drafts.is_empty() {
        return Vec::new();
    }
    let is_own = |message: &NewImportedMessage| !(limits.is_automatic)(&message.message(MessageId(0)));
    let wrote = |message: &&NewImportedMessage| message.author.kind == AuthorKind::Contact && is_own(message);
    let replied = |message: &&NewImportedMessage| {
        message.author.kind.is_agent() && message.kind == MessageKind::Message && is_own(message)
    };
    let first = messages.iter().find(wrote).map(|message| &message.author);
    let last_reply = || messages.iter().rev().find(replied).map(|message| &message.author);
    let agent = assignee.or_else(last_reply);
    let mut seen = HashSet::new();
    let mut ratings = Vec::with_capacity(drafts.len().min(most));
    for (index, draft) in drafts.into_iter().take(most).enumerate() {
        let defaults = RatingDefaults { user: first, agent };
        let at = Path::ROOT.item("ratings", index);
        let rating = draft.check(defaults, at, violations);
        if let Some(uuid) = rating.as_ref().and_then(NewImportedRating::uuid)
            && !seen.insert(uuid)
        {
            let rule = format!("must be unique in the request, the UUID {uuid} comes twice");
            violations.add(at.field("name"), rule);
        }
        ratings.extend(rating);
    }
    ratings
}

impl ImportedMessageDraft {
    /// `None` when a rule is broken; the violation is then recorded.
    fn check(mut self, at: Path<'_>, violations: &mut Violations) -> Option<NewImportedMessage> {
        let external_id = required(self.external_id.take()).and_then(ExternalId::new);
        let external_id = violations.check(at.field("external_id"), external_id);
        if let Some(details) = self.details.take() {
            return self.check_detailed(at, external_id, details, violations);
        }
        let kind = violations.check(at.field("kind"), required(self.kind));
        let content = violations.check(at.field("content"), required(self.content));
        violations.check(at.field("content"), rules::max_bytes(content.as_deref(), limits::BODY_BYTES));
        let author = self.author.check_whole(at.field("author"), violations);
        let create_time = violations.check(at.field("create_time"), required(self.create_time));
        violations.check(at.field("ai_tool"), rules::max_bytes(self.ai_tool.as_deref(), limits::NAME_BYTES));
        Some(NewImportedMessage {
            external_id: external_id?,
            kind: kind?,
            content: content?,
            author: author?,
            create_time: create_time?,
            ai_tool: self.ai_tool,
            details: None,
            is_automatic: self.is_automatic,
            update_time: self.update_time,
        })
    }
}
