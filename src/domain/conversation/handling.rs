//! How the company handles a conversation: its status, its dates, who is in charge. This comes from the helpdesk, not
//! the customer.

mod draft;

use minicbor::{Decode, Encode};

use crate::domain::{Author, ExternalId, Message, MessageId, Tag, UnixMillis, Words};

pub use draft::{HandlingDraft, HandlingUpdate};
pub(super) use draft::{STATUS_TIME, check_assignee, check_tags, check_team};

/// What the helpdesk says about a conversation. An import that says nothing leaves all of it absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Handling {
    #[n(0)]
    pub status: Option<Status>,
    /// Every status change, in order of arrival. A repeated status is no change, except a repeated closing after the
    /// customer wrote.
    #[cbor(n(1), skip_if = "Vec::is_empty")]
    pub status_changes: Vec<StatusChange>,
    #[n(2)]
    pub priority: Option<Priority>,
    /// When the first reply to the customer is due.
    #[n(3)]
    pub first_response_due: Option<UnixMillis>,
    /// When it is due to be closed.
    #[n(4)]
    pub due: Option<UnixMillis>,
    /// The agent in charge.
    #[n(5)]
    pub assignee: Option<Author>,
    /// In the order in which they were added, without duplicates.
    #[cbor(n(6), skip_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[cbor(n(7), decode_with = "ExternalId::decode_optional")]
    pub team: Option<ExternalId>,
    #[n(8)]
    pub channel: Option<Channel>,
    /// A mailbox or chat channel within the channel, by the helpdesk's number.
    #[n(9)]
    pub subchannel_id: Option<i64>,
    /// The customer wrote themselves after the last closing: saying again that the status is closed then counts as another
    /// closing.
    #[cbor(n(10), skip_if = "crate::domain::is_false")]
    pub customer_wrote_since: bool,
}

impl Handling {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this would change the status, or close it again after the customer wrote.
    pub fn becomes(&self, status: Status) -> bool {
        self.status != Some(status) || (status == Status::Closed && self.customer_wrote_since)
    }

    /// Records a message that was added. Only what the customer wrote themselves has an effect, and not what was written
    /// before the closing and arrives after it.
    pub fn receive(&mut self, message: &Message, is_automatic: impl Fn(&Message) -> bool) {
        if self.status == Some(Status::Closed)
            && self.status_changes.last().is_some_and(|closing| message.create_time >= closing.time)
            && message.is_by_customer(is_automatic)
        {
            self.customer_wrote_since = true;
        }
    }

    /// Records added messages, after the status that came with them was applied.
    pub fn follow(&mut self, messages: &[Message], is_automatic: impl Fn(&Message) -> bool) {
        let last_change = self.status_changes.last().map_or(MessageId(0), |change| change.after_message);
        for message in messages.iter().filter(|message| message.id > last_change) {
            self.receive(message, &is_automatic);
        }
    }

    /// Whether the status may have changed to this one at a given time. A status that stays is no change, whenever it is said.
    pub fn check_status_time(&self, status: Status, time: UnixMillis, now: UnixMillis) -> Result<(), String> {
        time.has_happened(now)?;
        match self.status_changes.last().filter(|last| self.becomes(status) && time < last.time) {
            Some(last) => Err(format!("must not be before the last status change, {}, is {time}", last.time)),
            None => Ok(()),
        }
    }

    /// Sets the status and records the change, unless there is none. `after_message`: see [`StatusChange`].
    pub fn set_status(&mut self, status: Status, time: UnixMillis, after_message: MessageId) {
        if self.becomes(status) {
            self.status = Some(status);
            self.customer_wrote_since = false;
            self.status_changes.push(StatusChange { status, time, after_message });
        }
    }
}

/// Where the work on a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Status {
    #[n(0)]
    Open,
    #[n(1)]
    Pending,
    #[n(2)]
    Closed,
}

/// A change of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StatusChange {
    #[n(0)]
    pub status: Status,
    /// When it changed, according to the helpdesk. Like a message's time, it may go back.
    #[n(1)]
    pub time: UnixMillis,
    /// Its place among the messages: those with numbers up to this one had arrived before it, or came with it. Any
    /// number issued before the next message will do: that of the last message, or a fresh one.
    #[n(2)]
    pub after_message: MessageId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Priority {
    #[n(0)]
    Low,
    #[n(1)]
    Medium,
    #[n(2)]
    High,
    #[n(3)]
    Urgent,
}

/// How the customer and the company communicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Channel {
    #[n(0)]
    Email,
    #[n(1)]
    WidgetChat,
    #[n(2)]
    WhatsApp,
    #[n(3)]
    FacebookMessenger,
    #[n(4)]
    Twitter,
    #[n(5)]
    Messenger,
    #[n(6)]
    Sms,
    #[n(7)]
    ContactForm,
    #[n(8)]
    Callback,
    #[n(9)]
    PstnPhone,
    #[n(10)]
    Voicemail,
}

impl Words for Status {
    const PREFIX: &'static str = "CONVERSATION_STATUS_";
    const WORDS: &'static [(Self, i32, &'static str)] =
        &[(Self::Open, 1, "open"), (Self::Pending, 2, "pending"), (Self::Closed, 3, "closed")];
}

impl Words for Priority {
    const PREFIX: &'static str = "CONVERSATION_PRIORITY_";
    const WORDS: &'static [(Self, i32, &'static str)] = &[
        (Self::Low, 1, "low"),
        (Self::Medium, 2, "medium"),
        (Self::High, 3, "high"),
        (Self::Urgent, 4, "urgent"),
    ];
}

impl Words for Channel {
    const PREFIX: &'static str = "CHANNEL_";
    const WORDS: &'static [(Self, i32, &'static str)] = &[
        (Self::Email, 1, "email"),
        (Self::WidgetChat, 2, "widget_chat"),
        (Self::WhatsApp, 3, "whats_app"),
        (Self::FacebookMessenger, 4, "facebook_messenger"),
        (Self::Twitter, 5, "twitter"),
        (Self::Messenger, 6, "messenger"),
        (Self::Sms, 7, "sms"),
        (Self::ContactForm, 8, "contact_form"),
        (Self::Callback, 9, "callback"),
        (Self::PstnPhone, 10, "pstn_phone"),
        (Self::Voicemail, 11, "voicemail"),
    ];
}
