//! What a caller wants to store as one message, before and after it was checked.

mod attachments;
mod canonical;
mod repeat;

use minicbor::Encode;

use crate::domain::{
    Author, AuthorDraft, AuthorKind, Channel, Direction, Handling, ImportLimits, IntentId, Message,
    MessageDetails, Priority, Status, UnixMillis, Violations, address_and_name,
    conversation::check_person_id, identity_of, words_of_body,
};

use attachments::check_attachments;
pub use attachments::{AttachmentDraft, AttachmentPlace, NewAttachment};
pub use repeat::Sent;

/// A message as an edge decoded it: absent is `None` or empty, nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct StoreDraft {
    pub direction: Option<Direction>,
    pub is_private: bool,
    pub body_type: Option<String>,
    pub from_address: Option<String>,
    pub from_name: Option<String>,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub subject: Option<String>,
    /// The words as scoring is to read them. Absent: those of the bodies, in the order clean, plain, HTML, and then
    /// those of `fallback_text`.
    pub content: Option<String>,
    pub fallback_text: Option<String>,
    pub html_body: Option<String>,
    pub plain_body: Option<String>,
    pub clean_body: Option<String>,
    pub raw_data: Option<String>,
    pub sender: Option<String>,
    pub sent_content: Option<String>,
    pub intent_ids: Vec<IntentId>,
    pub crm_notification_id: Option<String>,
    pub contract_id: Option<String>,
    pub customer_id: Option<String>,
    pub agent_id: Option<i64>,
    pub subchannel_id: Option<i64>,
    pub tracking_id: Option<String>,
    /// Absent: who it is follows from direction, customer, address and agent.
    pub author: Option<AuthorDraft>,
    pub ai_tool: Option<String>,
    /// Absent: when it is stored.
    pub create_time: Option<UnixMillis>,
    pub attachments: Vec<AttachmentDraft>,
    pub handling: HandlingChange,
}

/// What a stored message says of its conversation; absent leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct HandlingChange {
    #[n(0)]
    pub status: Option<Status>,
    #[n(1)]
    pub priority: Option<Priority>,
    #[n(2)]
    pub first_response_due: Option<UnixMillis>,
    #[n(3)]
    pub due: Option<UnixMillis>,
    #[n(4)]
    pub assignee: Option<Author>,
    /// Added to those that are there.
    #[n(5)]
    pub tags: Vec<String>,
    #[n(6)]
    pub team: Option<String>,
    #[n(7)]
    pub channel: Option<Channel>,
    #[n(8)]
    pub subchannel_id: Option<i64>,
    /// The channel where none is known yet.
    #[n(9)]
    pub likely_channel: Option<Channel>,
}

/// A message that obeys every rule. Encoded it is what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewStoredMessage {
    /// Without attachments: they get their numbers when it is stored.
    #[n(0)]
    pub details: MessageDetails,
    #[n(1)]
    pub author: Author,
    #[n(2)]
    pub content: String,
    #[n(3)]
    pub create_time: Option<UnixMillis>,
    #[n(4)]
    pub ai_tool: Option<String>,
    #[n(5)]
    pub attachments: Vec<NewAttachment>,
    #[n(6)]
    pub handling: HandlingChange,
}

/// How large a stored message may be. Lengths are in bytes.
#[derive(Clone, Copy, Debug)]
pub struct StoreLimits;

impl StoreLimits {
    pub const BODY_BYTES: usize = 256 * 1024;
    /// Of `sender` and `content`, which are small objects.
    pub const OBJECT_BYTES: usize = 64 * 1024;
    pub const TEXT_BYTES: usize = 512;
    pub const RECEIVERS: usize = 200;
    pub const INTENTS: usize = 100;
    pub const TAGS: usize = 100;
    pub const TAG_BYTES: usize = 128;
    pub const ATTACHMENTS: usize = 100;
    pub const ATTACHMENTS_BYTES: usize = 10 * 1024 * 1024;
    pub const URL_BYTES: usize = 2048;
    pub const DEFAULT_BODY_TYPE: &str = "html";
    pub const DEFAULT_FILE_NAME: &str = "attachment";
}

impl StoreDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding; a field that is named there is not
    /// named twice.
    pub fn check(mut self, mut violations: Violations) -> Result<NewStoredMessage, Violations> {
        self.check_lengths(&mut violations);
        let attachments = std::mem::take(&mut self.attachments);
        let attachments = check_attachments(&mut violations, attachments);
        self.handling.check(&mut violations);
        self.read_sender();
        let author = self.author();
        if self.author.is_some() {
            check_author(&mut violations, "author", &author);
        }
        violations.or(())?;
        let content = self.content();
        let handling = self.whole_handling();
        let direction = self.direction.unwrap_or_default();
        let details = MessageDetails {
            direction,
            is_private: self.is_private,
            body_type: self.body_type.unwrap_or_else(|| StoreLimits::DEFAULT_BODY_TYPE.to_owned()),
            from_address: self.from_address,
            from_name: self.from_name,
            to: self.to,
            cc: self.cc,
            bcc: self.bcc,
            subject: self.subject,
            html_body: self.html_body,
            plain_body: self.plain_body,
            clean_body: self.clean_body,
            raw_data: self.raw_data,
            sender: self.sender,
            sent_content: self.sent_content,
            intent_ids: self.intent_ids,
            crm_notification_id: self.crm_notification_id,
            contract_id: self.contract_id,
            customer_id: self.customer_id,
            agent_id: self.agent_id,
            subchannel_id: self.subchannel_id,
            tracking_id: self.tracking_id,
            attachments: Vec::new(),
        };
        let (create_time, ai_tool) = (self.create_time, self.ai_tool);
        Ok(NewStoredMessage { details, author, content, create_time, ai_tool, attachments, handling })
    }

    fn check_lengths(&self, violations: &mut Violations) {
        let texts = [
            ("type", &self.body_type, StoreLimits::TEXT_BYTES),
            ("from_address", &self.from_address, StoreLimits::TEXT_BYTES),
            ("from_name", &self.from_name, ImportLimits::NAME_BYTES),
            ("subject", &self.subject, ImportLimits::SUBJECT_BYTES),
            ("content", &self.content, StoreLimits::BODY_BYTES),
            ("fallback_text", &self.fallback_text, StoreLimits::BODY_BYTES),
            ("html_body", &self.html_body, StoreLimits::BODY_BYTES),
            ("plain_body", &self.plain_body, StoreLimits::BODY_BYTES),
            ("clean_body", &self.clean_body, StoreLimits::BODY_BYTES),
            ("raw_data", &self.raw_data, StoreLimits::BODY_BYTES),
            ("sender", &self.sender, StoreLimits::OBJECT_BYTES),
            ("sent_content", &self.sent_content, StoreLimits::OBJECT_BYTES),
            ("crm_notification_id", &self.crm_notification_id, StoreLimits::TEXT_BYTES),
            ("contract_id", &self.contract_id, StoreLimits::TEXT_BYTES),
            ("customer_id", &self.customer_id, StoreLimits::TEXT_BYTES),
            ("tracking_id", &self.tracking_id, ImportLimits::EXTERNAL_ID_BYTES),
            ("ai_tool", &self.ai_tool, ImportLimits::AI_TOOL_BYTES),
        ];
        for (field, text, max) in texts {
            check_length(violations, field, text.as_deref().unwrap_or_default(), max);
        }
        for (field, receivers) in [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)] {
            check_count(violations, field, receivers.len(), StoreLimits::RECEIVERS);
            for (index, receiver) in receivers.iter().enumerate().take(StoreLimits::RECEIVERS) {
                if receiver.len() > StoreLimits::TEXT_BYTES {
                    check_length(violations, &format!("{field}[{index}]"), receiver, StoreLimits::TEXT_BYTES);
                }
            }
        }
        check_count(violations, "intent_ids", self.intent_ids.len(), StoreLimits::INTENTS);
        for (index, intent) in self.intent_ids.iter().enumerate().take(StoreLimits::INTENTS) {
            if let IntentId::Text(text) = intent {
                check_length(violations, &format!("intent_ids[{index}]"), text, StoreLimits::TEXT_BYTES);
            }
        }
        check_time(violations, "create_time", self.create_time);
    }

    /// How many items its lists have together.
    pub fn item_count(&self) -> usize {
        let receivers = self.to.len() + self.cc.len() + self.bcc.len();
        receivers + self.intent_ids.len() + self.attachments.len()
    }

    /// A sender may be written `Name <address>`; a name of its own wins over the one in there.
    fn read_sender(&mut self) {
        if let Some(sender) = self.from_address.take().filter(|sender| !sender.trim().is_empty()) {
            let (address, name) = address_and_name(&sender);
            self.from_address = Some(address);
            self.from_name = self.from_name.take().or(name);
        }
    }

    /// Whether an agent wrote it: all but what the customer sends in.
    fn is_by_agent(&self) -> bool {
        self.is_private || !matches!(self.direction, None | Some(Direction::In))
    }

    fn agent(&self) -> Option<Author> {
        let external_id = Some(self.agent_id?.to_string());
        Some(Author { kind: AuthorKind::Teammate, external_id, name: None })
    }

    /// The one that was named, else the agent or the customer, who are known by number or address.
    fn author(&self) -> Author {
        let (kind, number) = if self.is_by_agent() {
            (AuthorKind::Teammate, self.agent().and_then(|agent| agent.external_id))
        } else {
            (AuthorKind::Contact, self.customer_id.clone())
        };
        // An address as mail programs fold it is one all the same: what it may not have as an id falls away.
        let external_id = number
            .or_else(|| self.from_address.as_deref().map(identity_of))
            .map(|id| id.replace(char::is_control, ""));
        let derived = Author { kind, external_id, name: self.from_name.clone() };
        match self.author.clone() {
            None => derived,
            Some(named) => Author {
                kind: named.kind.unwrap_or(derived.kind),
                external_id: named.external_id.or(derived.external_id),
                name: named.name.or(derived.name),
            },
        }
    }

    fn content(&self) -> String {
        let said = [&self.content, &self.clean_body, &self.plain_body].into_iter().flatten().next().cloned();
        let body_type = self.body_type.as_deref().unwrap_or(StoreLimits::DEFAULT_BODY_TYPE);
        // A body of tags alone says nothing.
        let of_body =
            || Some(words_of_body(self.html_body.as_deref()?, body_type)).filter(|words| !words.is_empty());
        said.or_else(of_body).or_else(|| self.fallback_text.clone()).unwrap_or_default()
    }

    /// With what the message itself tells: the agent in charge of what the customer wrote, and the channel.
    fn whole_handling(&self) -> HandlingChange {
        let mut handling = self.handling.clone();
        if handling.assignee.is_none() && !self.is_by_agent() {
            handling.assignee = self.agent();
        }
        handling.subchannel_id = self.subchannel_id;
        let lists = [&self.to, &self.cc, &self.bcc];
        let has_addresses = self.from_address.is_some() || lists.iter().any(|list| !list.is_empty());
        handling.likely_channel = has_addresses.then_some(Channel::Email);
        handling
    }
}

impl HandlingChange {
    /// Notes every rule that it breaks.
    pub(in crate::domain) fn check(&self, violations: &mut Violations) {
        check_time(violations, "first_response_due_time", self.first_response_due);
        check_time(violations, "due_time", self.due);
        check_count(violations, "tags", self.tags.len(), StoreLimits::TAGS);
        for (index, tag) in self.tags.iter().enumerate().take(StoreLimits::TAGS) {
            if tag.is_empty() || tag.len() > StoreLimits::TAG_BYTES {
                let rule = format!("must be 1 to {} bytes long, is {}", StoreLimits::TAG_BYTES, tag.len());
                violations.add(format!("tags[{index}]"), rule);
            } else if let Some(control) = tag.chars().find(|character| character.is_control()) {
                let rule = format!("must not contain control characters, contains {control:?}");
                violations.add(format!("tags[{index}]"), rule);
            }
        }
        if let Some(team) = &self.team
            && !(1..=StoreLimits::TEXT_BYTES).contains(&team.len())
        {
            let rule = format!("must be 1 to {} bytes long, is {}", StoreLimits::TEXT_BYTES, team.len());
            violations.add("team", rule);
        }
        if let Some(assignee) = &self.assignee {
            check_author(violations, "assignee", assignee);
            if !assignee.kind.is_agent() {
                violations.add("assignee.kind", "must be an agent: AI or a teammate, is the customer");
            }
            if assignee.listed_as().is_none() {
                violations.add("assignee.external_id", "is required where there is no name");
            }
        }
    }

    /// Makes it so. A change of the status happened when the message was written that it came with.
    pub fn apply(&self, handling: &mut Handling, message: &Message) {
        // A message that comes with the closing is closed by it, whoever wrote it.
        if message.author.kind == AuthorKind::Contact && self.status != Some(Status::Closed) {
            handling.customer_wrote(message.create_time);
        }
        if let Some(status) = self.status {
            handling.set_status(status, message.create_time, message.id);
        }
        self.apply_but_status(handling);
    }

    pub(in crate::domain) fn apply_but_status(&self, handling: &mut Handling) {
        set(&mut handling.priority, self.priority);
        set(&mut handling.first_response_due, self.first_response_due);
        set(&mut handling.due, self.due);
        set(&mut handling.assignee, self.assignee.clone());
        set(&mut handling.team, self.team.clone());
        set(&mut handling.channel, self.channel);
        set(&mut handling.subchannel_id, self.subchannel_id);
        if handling.channel.is_none() {
            handling.channel = self.likely_channel;
        }
        for tag in &self.tags {
            if !handling.tags.contains(tag) {
                handling.tags.push(tag.clone());
            }
        }
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

fn check_author(violations: &mut Violations, field: &str, author: &Author) {
    check_person_id(violations, format!("{field}.external_id"), author.external_id.as_deref());
    let name = author.name.as_deref().unwrap_or_default();
    check_length(violations, &format!("{field}.name"), name, ImportLimits::NAME_BYTES);
}

fn check_length(violations: &mut Violations, field: &str, text: &str, max: usize) {
    if text.len() > max {
        violations.add(field, format!("must be at most {max} bytes long, is {}", text.len()));
    }
}

fn check_count(violations: &mut Violations, field: &str, count: usize, max: usize) {
    if count > max {
        violations.add(field, format!("must have at most {max} items, has {count}"));
    }
}

fn check_time(violations: &mut Violations, field: &str, time: Option<UnixMillis>) {
    if let Some(time) = time
        && !(0..=UnixMillis::MAX.0).contains(&time.0)
    {
        let rule = "must lie between 1970-01-01 and the end of 9999 (0 to 253402300799999 ms)";
        violations.add(field, format!("{rule}, is {} ms", time.0));
    }
}
