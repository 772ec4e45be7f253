//! The status of a conversation, and the history of its changes.

use std::collections::HashSet;

use super::{Differences, Told};
use crate::domain::{
    Handling, Message, MessageId, NewConversation, NewHandling, NewStatusChange, Path, Status, StatusChange,
    UnixMillis, Words as _,
};

/// The messages among which an append places its status changes.
pub struct Among<'a> {
    numbers: &'a [Option<MessageId>],
    added: &'a [Message],
    /// The last message that is stored already.
    last: Option<MessageId>,
    /// When each of those was written that is stored and not in the import, in this order, and the last of them up to it. A search
    /// per change would otherwise go through the whole conversation.
    others: Vec<(UnixMillis, MessageId)>,
    before: MessageId,
}

impl<'a> Among<'a> {
    /// `numbers`: of each message of the import. `added`: those of them that are added now. `stored`: what is stored already, in its
    /// order. `before`: lower than all of these.
    pub fn new(
        numbers: &'a [Option<MessageId>],
        added: &'a [Message],
        stored: &[Message],
        before: MessageId,
    ) -> Self {
        let listed: HashSet<MessageId> = numbers.iter().flatten().copied().collect();
        let others = stored.iter().filter(|message| !listed.contains(&message.id));
        let mut others: Vec<_> = others.map(|message| (message.create_time, message.id)).collect();
        others.sort_unstable();
        let mut last = before;
        for (_, id) in &mut others {
            last = last.max(*id);
            *id = last;
        }
        Self { numbers, added, last: stored.last().map(|message| message.id), others, before }
    }

    /// The number of a message of the import, if it is added now.
    fn added_at(&self, index: Option<usize>) -> Option<MessageId> {
        let number = self.numbers.get(index?).copied().flatten()?;
        self.added.first().is_some_and(|first| first.id <= number).then_some(number)
    }

    /// After which message a change belongs that comes with none of those added: after those that stand before it in the import,
    /// and after whatever else was not written later.
    pub(super) fn place_of(&self, change: &NewStatusChange) -> MessageId {
        let place = usize::try_from(change.place).unwrap_or(usize::MAX).min(self.numbers.len());
        let listed = self.numbers.iter().take(place).flatten().copied().max();
        listed.max(self.last_written_by(change.time)).unwrap_or(self.before)
    }

    /// The last message that is not in the import and was not written later.
    fn last_written_by(&self, time: UnixMillis) -> Option<MessageId> {
        let count = self.others.partition_point(|(written, _)| *written <= time);
        self.others.get(count.checked_sub(1)?).map(|(_, id)| *id)
    }
}

/// Takes over the status, and the status changes that are new. Returns the place of the last change if it closed the conversation
/// and messages are stored after it: whether the customer wrote one of them is still to be found out.
pub fn take_history(
    new: &NewConversation,
    among: &Among<'_>,
    told: &Told,
    handling: &mut Handling,
    differences: &mut Differences,
) -> Option<MessageId> {
    let said = new.handling.as_deref()?;
    let before = handling.status_changes.clone();
    for index in 0..said.status_changes.len() {
        take_change(new, index, &before, among, handling, differences);
    }
    match among.added.last() {
        // The status adds nothing to a history that comes with it.
        Some(last) => {
            let is_news = |status| said.status_changes.is_empty() || handling.status != Some(status);
            if let Some(status) = said.change.status.filter(|status| is_news(*status)) {
                handling.set_status(status, last.create_time, last.id);
            }
        }
        None if !new.additions_only => take_status(said, among, told, handling, differences),
        None => {}
    }
    let closing = handling.status_changes.get(before.len()..)?.last()?;
    let is_followed = among.last.is_some_and(|last| closing.after_message < last);
    (closing.status == Status::Closed && is_followed).then_some(closing.after_message)
}

/// `before` is what was stored of the history before this append.
fn take_change(
    new: &NewConversation,
    index: usize,
    before: &[StatusChange],
    among: &Among<'_>,
    handling: &mut Handling,
    differences: &mut Differences,
) {
    let Some(said) = new.handling.as_deref() else { return };
    let Some(change) = said.status_changes.get(index) else { return };
    let place = usize::try_from(change.place).ok();
    let is_known = before.iter().any(|known| (known.status, known.time) == (change.status, change.time));
    let with_added =
        match (among.added_at(place.and_then(|place| place.checked_sub(1))), among.added_at(place)) {
            // A part that only adds has its own changes, and may have one of the same moment as an earlier part.
            (Some(anchor), _) if !is_known || new.additions_only => Some(anchor),
            // It may have come with the preceding message, which is known already.
            (None, Some(next)) if !is_known => Some(MessageId(next.0 - 1)),
            _ => None,
        };
    if let Some(after) = with_added {
        handling.status_changes.push(change.at(after));
        handling.status = Some(change.status);
        handling.customer_wrote_since = false;
        return;
    }
    if is_known || new.additions_only {
        return;
    }
    let last = handling.status_changes.last().copied();
    let because = match last {
        Some(last) if !follows(said, index, &last) => {
            "only a change after the last one is added to the history"
        }
        Some(_) if !handling.becomes(change.status) => "the same status again is no change",
        _ => {
            let floor = last.map_or(among.before, |last| last.after_message);
            handling.set_status(change.status, change.time, among.place_of(change).max(floor));
            return;
        }
    };
    let at = |status: Status, time| format!("{} at {time}", status.word());
    let kept = last.map_or_else(String::new, |last| at(last.status, last.time));
    let field = Path::ROOT.item("status_changes", index);
    differences.add(field, (kept, at(change.status, change.time)), because);
}

/// Whether a change comes after the last one that is stored: by its time, or, at the same time, by what stands before it in the
/// import.
fn follows(said: &NewHandling, index: usize, last: &StatusChange) -> bool {
    let is_last = |change: &NewStatusChange| (change.status, change.time) == (last.status, last.time);
    said.status_changes.get(index).is_some_and(|change| {
        last.time < change.time
            || (last.time == change.time && said.status_changes.iter().take(index).any(is_last))
    })
}

/// Whether the status is told after whatever the import's history has that is not known. Of something at the same time nobody can say
/// that it came before, and a repeated import would take it then.
fn is_told_after(said: &NewHandling, time: UnixMillis, handling: &Handling) -> bool {
    let is_known = |change: &NewStatusChange| {
        handling.status_changes.iter().any(|known| (known.status, known.time) == (change.status, change.time))
    };
    said.status_changes.iter().all(|change| change.time != time || is_known(change))
}

/// The status where no message is added and no change tells of it: it changed when the import was written.
fn take_status(
    said: &NewHandling,
    among: &Among<'_>,
    told: &Told,
    handling: &mut Handling,
    differences: &mut Differences,
) {
    let Some(status) = said.change.status.filter(|status| Some(*status) != handling.status) else { return };
    // The history tells of it, and what is stored goes on after that.
    if said.status_changes.last().is_some_and(|last| last.status == status) {
        return;
    }
    let last = handling.status_changes.last().copied();
    match told.import {
        Some(time)
            if told.takes(handling.status.is_none())
                && last.is_none_or(|last| last.time <= time)
                && is_told_after(said, time, handling) =>
        {
            let place = u64::MAX;
            let after = among.place_of(&NewStatusChange { status, time, place });
            handling.set_status(
                status,
                time,
                after.max(last.map_or(among.before, |last| last.after_message)),
            );
        }
        _ => {
            let kept = handling.status.map_or_else(String::new, |kept| kept.word().to_owned());
            differences.add(Path::of("status"), (kept, status.word().to_owned()), told.refusal());
        }
    }
}
