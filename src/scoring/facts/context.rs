//! What is known of a conversation beside its messages' words: how the helpdesk handled it, and how the customer rated it.

use super::{Fact, FactKind, Found, Scope, View};
use crate::domain::{
    FactValue, LastAnswers, Message, MessageId, Status, Transcript, UnixMillis, experience::Experience,
};

/// The same for all units of a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// Whether the status is closed, and where it became so. Absent where nobody said a status.
    closed: Option<(bool, Option<MessageId>)>,
    /// Absent where it was never closed.
    reopened: Option<(bool, Option<MessageId>)>,
    sla_met: Option<bool>,
    answers: LastAnswers,
}

impl Context {
    pub fn of(
        transcript: &Transcript,
        is_automatic: impl Fn(&Message) -> bool,
        answers: LastAnswers,
    ) -> Self {
        let handling = &transcript.conversation.handling;
        let written = transcript.messages.iter().filter(|message| !is_automatic(message));
        // Not the clock's time: a score follows from what is stored.
        let latest = written.map(|message| message.create_time).max();
        let latest = latest.unwrap_or(UnixMillis::clamped(0));
        let experience = Experience::of(transcript, &is_automatic, latest);
        let closings = handling.status_changes.iter().filter(|change| change.status == Status::Closed);
        let last_closing = closings.map(|closing| closing.after_message).next_back();
        let of_message = |id: MessageId| transcript.messages.iter().any(|message| message.id == id);
        let closed_by = last_closing.filter(|id| of_message(*id));
        let closed = handling.status.map(|status| match status {
            Status::Closed => (true, closed_by),
            Status::Open | Status::Pending => (false, None),
        });
        let reopened = experience.closed.map(|_| (experience.reopened, experience.reopened_by));
        Self { closed, reopened, sla_met: experience.sla_met, answers }
    }
}

/// Those that rest on ratings.
pub const OF_RATINGS: [&str; 3] = ["csat_stars", "nps_points", "thumbs_up"];
/// The one that rests on the date on which a conversation is due.
pub const OF_DUE_DATE: &str = "sla_met";

pub const FACTS: &[Fact] = &[
    Fact {
        name: "closed",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The status of the conversation is closed. Absent where nobody said a status.",
        scope: Scope::Both,
        compute: |view| yes_or_no(view.context.closed?),
    },
    Fact {
        name: "reopened",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "After a closing the status became open, or the customer wrote again. Absent where it was never closed.",
        scope: Scope::Both,
        compute: |view| yes_or_no(view.context.reopened?),
    },
    Fact {
        name: "sla_met",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The conversation was closed by the date on which it was due; no while it is open and a message was written \
              after that date. Absent without such a date, or before it.",
        scope: Scope::Both,
        compute: |view| yes_or_no((view.context.sla_met?, None)),
    },
    Fact {
        name: "csat_stars",
        unit: "1 to 5",
        kind: FactKind::Int,
        doc: "What the customer answered last when asked how satisfied they are. Like the other answers absent without one.",
        scope: Scope::Both,
        compute: |view| answer(view, |answers| answers.csat),
    },
    Fact {
        name: "nps_points",
        unit: "0 to 10",
        kind: FactKind::Int,
        doc: "What the customer answered last when asked how likely they are to recommend the company.",
        scope: Scope::Both,
        compute: |view| answer(view, |answers| answers.nps),
    },
    Fact {
        name: "thumbs_up",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer's last thumb is up.",
        scope: Scope::Both,
        compute: |view| yes_or_no((view.context.answers.thumbs? > 0, None)),
    },
];

fn yes_or_no((value, message): (bool, Option<MessageId>)) -> Option<Found> {
    Some(Found::new(FactValue::Bool(value), message))
}

fn answer(view: &View, of: fn(&LastAnswers) -> Option<u8>) -> Option<Found> {
    Some(Found::new(FactValue::Int(of(&view.context.answers)?.into()), []))
}
