//! A single message to store, before and after validation.

mod attachments;
mod canonical;
mod inline_images;
mod repeat;

use minicbor::Encode;

use crate::domain::{
    Author, AuthorDraft, AuthorKind, Channel, Direction, ExternalId, HandlingDraft, HandlingUpdate, IntentId,
    MessageDetails, PartialAuthor, Path, UnixMillis, Violations, address_and_name, identity_of, limits,
    rules, words_of_body,
};

use attachments::check_attachments;
pub use attachments::{AttachmentDraft, AttachmentPlace, NewAttachment};
pub use inline_images::is_inline_image;
pub use repeat::Sent;

/// A message as decoded by an edge: absent is `None` or empty, nothing is validated yet.
#[derive(Clone, Debug, Default)]
pub struct MessageDraft {
    pub direction: Option<Direction>,
    pub is_private: bool,
    pub body_type: Option<String>,
    pub from_address: Option<String>,
    pub from_name: Option<String>,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub subject: Option<String>,
    /// The text that scoring reads. Absent: that of the bodies, in the order clean, plain, HTML, and then
    /// `fallback_text`.
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
    /// Absent: derived from direction, customer, address and agent.
    pub author: Option<AuthorDraft>,
    pub ai_tool: Option<String>,
    pub is_automatic: bool,
    /// Absent: the time when it is stored.
    pub create_time: Option<UnixMillis>,
    pub attachments: Vec<AttachmentDraft>,
    pub handling: HandlingDraft,
}

/// A valid message. Its encoding is what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewMessage {
    /// Without attachments: they get their ids when it is stored.
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
    pub handling: HandlingUpdate,
    #[cbor(n(7), skip_if = "crate::domain::is_false")]
    pub is_automatic: bool,
}

/// What a message's body and its files are called that do not say it.
const DEFAULT_BODY_TYPE: &str = MessageDetails::HTML;
const DEFAULT_FILE_NAME: &str = "attachment";

impl MessageDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding; a field already in there is not
    /// reported twice.
    pub fn check(self, mut violations: Violations) -> Result<NewMessage, Violations> {
        // Imports are spared: earlier versions stored what is refused here.
        if let Some(id) = self.agent_id.filter(|id| *id < 0) {
            violations.add("agent_id", format!("must not be negative, is {id}"));
        }
        match self.check_at(Path::ROOT, &mut violations) {
            Some(new) => violations.or(new),
            None => Err(violations),
        }
    }

    /// `None` when a rule is broken; the violation is then recorded below `at`.
    pub fn check_at(mut self, at: Path<'_>, violations: &mut Violations) -> Option<NewMessage> {
        let mut found = Violations::default();
        let attachments = std::mem::take(&mut self.attachments);
        let mut attachments = check_attachments(at, attachments, &mut found);
        self.take_images_out(&mut attachments);
        self.check_lengths(at, &mut found);
        let handling = std::mem::take(&mut self.handling).check(&mut found);
        self.read_sender();
        let author = self.author.take().map(|author| author.check(at.field("author"), &mut found));
        violations.take(found.or(()))?;
        let author = self.whole_author(author.unwrap_or_default());
        let content = self.content();
        let handling = self.whole_handling(handling);
        let direction = self.direction.unwrap_or_default();
        let details = MessageDetails {
            direction,
            is_private: self.is_private,
            body_type: self.body_type.unwrap_or_else(|| DEFAULT_BODY_TYPE.to_owned()),
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
        let (create_time, ai_tool, is_automatic) = (self.create_time, self.ai_tool, self.is_automatic);
        Some(NewMessage {
            details,
            author,
            content,
            create_time,
            ai_tool,
            attachments,
            handling,
            is_automatic,
        })
    }

    /// Takes the images out of a body that is too long, since they may be what makes it so. Shorter ones stay as they are.
    fn take_images_out(&mut self, attachments: &mut Vec<NewAttachment>) {
        let is_html = self.body_type.as_deref() != Some(MessageDetails::TEXT);
        if let Some(body) = self.html_body.as_mut().filter(|body| is_html && body.len() > limits::BODY_BYTES)
        {
            *body = inline_images::take_out(body, attachments);
        }
    }

    fn check_lengths(&self, at: Path<'_>, violations: &mut Violations) {
        for (field, text, most) in [
            ("type", &self.body_type, limits::TEXT_BYTES),
            ("from_address", &self.from_address, limits::TEXT_BYTES),
            ("from_name", &self.from_name, limits::NAME_BYTES),
            ("subject", &self.subject, limits::SUBJECT_BYTES),
            ("content", &self.content, limits::BODY_BYTES),
            ("fallback_text", &self.fallback_text, limits::BODY_BYTES),
            ("html_body", &self.html_body, limits::BODY_BYTES),
            ("plain_body", &self.plain_body, limits::BODY_BYTES),
            ("clean_body", &self.clean_body, limits::BODY_BYTES),
            ("raw_data", &self.raw_data, limits::BODY_BYTES),
            ("sender", &self.sender, limits::OBJECT_BYTES),
            ("sent_content", &self.sent_content, limits::OBJECT_BYTES),
            ("crm_notification_id", &self.crm_notification_id, limits::TEXT_BYTES),
            ("contract_id", &self.contract_id, limits::TEXT_BYTES),
            ("customer_id", &self.customer_id, limits::TEXT_BYTES),
            ("tracking_id", &self.tracking_id, limits::EXTERNAL_ID_BYTES),
            ("ai_tool", &self.ai_tool, limits::NAME_BYTES),
        ] {
            violations.check(at.field(field), rules::max_bytes(text.as_deref(), most));
        }
        for (field, receivers) in [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)] {
            violations.check(at.field(field), rules::items(receivers.len(), 0..=limits::RECEIVERS));
            for (index, receiver) in receivers.iter().enumerate().take(limits::RECEIVERS) {
                let rule = rules::max_bytes(Some(receiver), limits::TEXT_BYTES);
                violations.check(at.item(field, index), rule);
            }
        }
        violations.check(at.field("intent_ids"), rules::items(self.intent_ids.len(), 0..=limits::INTENTS));
        for (index, intent) in self.intent_ids.iter().enumerate().take(limits::INTENTS) {
            if let IntentId::Text(text) = intent {
                let rule = rules::max_bytes(Some(text), limits::TEXT_BYTES);
                violations.check(at.item("intent_ids", index), rule);
            }
        }
    }

    /// The total number of items in its lists.
    pub fn item_count(&self) -> usize {
        let receivers = self.to.len() + self.cc.len() + self.bcc.len();
        receivers + self.intent_ids.len() + self.attachments.len()
    }

    /// A sender may be written `Name <address>`; a name given separately takes precedence.
    fn read_sender(&mut self) {
        if let Some(sender) = self.from_address.take().filter(|sender| !sender.trim().is_empty()) {
            let (address, name) = address_and_name(&sender);
            self.from_address = Some(address);
            self.from_name = self.from_name.take().or(name);
        }
    }

    /// Whether an agent wrote it: everything but what the customer sends in.
    fn is_by_agent(&self) -> bool {
        self.is_private || !matches!(self.direction, None | Some(Direction::In))
    }

    fn agent(&self) -> Option<Author> {
        let external_id = Some(ExternalId::of_number(self.agent_id?));
        Some(Author { kind: AuthorKind::Teammate, external_id, name: None })
    }

    /// The author named by the caller, completed from the agent's number or the customer's number or address.
    fn whole_author(&self, named: PartialAuthor) -> Author {
        let (kind, number) = if self.is_by_agent() {
            (AuthorKind::Teammate, self.agent().and_then(|agent| agent.external_id))
        } else {
            (AuthorKind::Contact, self.customer_id.as_deref().and_then(ExternalId::unfolded))
        };
        let of_address = || ExternalId::unfolded(&identity_of(self.from_address.as_deref()?));
        Author {
            kind: named.kind.unwrap_or(kind),
            external_id: named.external_id.or(number).or_else(of_address),
            name: named.name.or_else(|| self.from_name.clone()),
        }
    }

    fn content(&self) -> String {
        let said = [&self.content, &self.clean_body, &self.plain_body].into_iter().flatten().next().cloned();
        let body_type = self.body_type.as_deref().unwrap_or(DEFAULT_BODY_TYPE);
        // A body of nothing but tags has no words.
        let of_body =
            || Some(words_of_body(self.html_body.as_deref()?, body_type)).filter(|words| !words.is_empty());
        said.or_else(of_body).or_else(|| self.fallback_text.clone()).unwrap_or_default()
    }

    /// Adds what the message itself implies: the agent in charge when the customer wrote it, and the channel.
    fn whole_handling(&self, mut handling: HandlingUpdate) -> HandlingUpdate {
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
