//! What an import says about how the company handles a conversation, and about the history of its status.

use minicbor::Encode;

use super::ImportedMessageDraft;
use crate::domain::{
    Handling, HandlingDraft, HandlingUpdate, Message, MessageId, Path, Status, StatusChange, UnixMillis,
    Violations, limits,
    rules::{self, required},
};

/// A status change as decoded by an edge.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusChangeDraft {
    pub status: Option<Status>,
    pub time: Option<UnixMillis>,
    /// Messages with numbers up to this one came before it or with it. Absent: those that were not written later.
    pub after_message: Option<u64>,
}

/// What is said about a conversation, validated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct NewHandling {
    #[n(0)]
    pub change: HandlingUpdate,
    /// In order of their places.
    #[n(1)]
    pub status_changes: Vec<NewStatusChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode)]
pub struct NewStatusChange {
    #[n(0)]
    pub status: Status,
    #[n(1)]
    pub time: UnixMillis,
    /// How many messages of the import precede it.
    #[n(2)]
    pub place: u64,
}

/// `None` when nothing is said. Broken rules are recorded in the violations.
pub(super) fn check(
    handling: HandlingDraft,
    drafts: Vec<StatusChangeDraft>,
    messages: &[ImportedMessageDraft],
    violations: &mut Violations,
) -> Option<Box<NewHandling>> {
    if drafts.is_empty() && handling == HandlingDraft::default() {
        return None;
    }
    let change = handling.check(violations);
    let most = limits::STATUS_CHANGES;
    let count = drafts.len();
    let is_last = |status| drafts.last().is_some_and(|last| last.status == Some(status));
    violations.check("status_changes", rules::items(count, 0..=most));
    if count == most && change.status.is_some_and(|status| !is_last(status)) && !messages.is_empty() {
        let rule = format!("must have at most {most} items with the status, which is another than the last");
        violations.add("status_changes", format!("{rule}, has {}", most + 1));
    }
    let mut places = Places::of(messages);
    let mut status_changes = Vec::with_capacity(drafts.len().min(most));
    for (index, draft) in drafts.into_iter().take(most).enumerate() {
        let at = Path::ROOT.item("status_changes", index);
        let status = violations.check(at.field("status"), required(draft.status));
        let time = violations.check(at.field("change_time"), required(draft.time));
        let place = places.place(&draft, violations);
        if let (Some(status), Some(time)) = (status, time) {
            status_changes.push(NewStatusChange { status, time, place: place as u64 });
        }
    }
    Some(Box::new(NewHandling { change, status_changes }))
}

/// Finds the places of status changes among messages. The changes come in order, so one pass over the messages serves
/// all that are placed by number.
struct Places<'a> {
    messages: &'a [ImportedMessageDraft],
    /// The place of the last change: no later change is placed before it.
    last: usize,
}

impl<'a> Places<'a> {
    fn of(messages: &'a [ImportedMessageDraft]) -> Self {
        Self { messages, last: 0 }
    }

    fn place(&mut self, change: &StatusChangeDraft, violations: &mut Violations) -> usize {
        let place = match change.after_message {
            Some(number) => self.after_number(number, violations),
            None => {
                let is_before = |message: &ImportedMessageDraft| message.create_time <= change.time;
                self.messages.iter().rposition(is_before).map_or(0, |last| last + 1)
            }
        };
        self.last = self.last.max(place);
        self.last
    }

    fn after_number(&self, number: u64, violations: &mut Violations) -> usize {
        let mut place = self.last;
        while let Some(message) = self.messages.get(place) {
            match message.number {
                Some(own) if own <= number => place += 1,
                Some(_) => break,
                None => {
                    let rule = "must end in the message's number where a status change has after_message";
                    violations.add(Path::ROOT.item("messages", place).field("name"), rule);
                    break;
                }
            }
        }
        place
    }
}

impl NewHandling {
    /// The handling of a conversation that is now stored with these messages. `before`: a number lower than theirs.
    pub fn begin(
        &self,
        before: MessageId,
        messages: &[Message],
        is_automatic: impl Fn(&Message) -> bool,
    ) -> Handling {
        let mut handling = Handling::default();
        let after = |place: u64| {
            let last = place.checked_sub(1).and_then(|last| messages.get(usize::try_from(last).ok()?));
            last.map_or(before, |message| message.id)
        };
        handling
            .status_changes
            .extend(self.status_changes.iter().map(|change| change.at(after(change.place))));
        match (self.change.status, messages.last()) {
            (Some(status), Some(last)) => {
                handling.status = handling.status_changes.last().map(|change| change.status);
                handling.set_status(status, last.create_time, last.id);
            }
            (status, _) => handling.status = status,
        }
        self.change.apply_but_status(&mut handling);
        handling.follow(messages, is_automatic);
        handling
    }
}

impl NewStatusChange {
    /// As it is stored.
    pub fn at(&self, after_message: MessageId) -> StatusChange {
        StatusChange { status: self.status, time: self.time, after_message }
    }
}
