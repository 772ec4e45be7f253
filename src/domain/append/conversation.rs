//! What is said about a conversation as a whole.

use std::{collections::HashSet, fmt};

use super::{Differences, is_known_as, latest, shown_apart, shown_author, stored_as_of};
use crate::domain::{
    Conversation, HandlingUpdate, NewConversation, Path, Tag, Transcript, UnixMillis, Words, limits, rules,
};

/// As of when an import and what is stored tell how things stood.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub import: Option<UnixMillis>,
    pub stored: Option<UnixMillis>,
    /// When a caller last said so for what is stored, absent values included.
    pub explicit: Option<UnixMillis>,
    /// Whether the import says itself as of when it is.
    is_dated: bool,
}

impl Told {
    pub fn of(new: &NewConversation, stored: &Transcript, horizon: UnixMillis) -> Self {
        Self {
            import: latest(new.times().chain(new.update_time), horizon),
            stored: stored_as_of(stored, horizon),
            explicit: stored.conversation.told_time,
            is_dated: new.update_time.is_some_and(|time| time <= horizon),
        }
    }

    /// Notes in a conversation as of when it was told. A later import is noted even if it says what is stored, or one in between that
    /// arrives after it would replace that.
    pub fn note(&self, before: &Conversation, changed: &mut Conversation) {
        let says_more = self.is_later() || changed != before;
        if self.is_dated && says_more && self.import > self.explicit {
            changed.told_time = self.import;
        }
    }

    /// Whether the import is later. If not, it may still fill what is absent.
    fn is_later(&self) -> bool {
        self.import > self.stored
    }

    /// Whether a value of the import is taken. Nobody has cleared what is absent if nobody has said anything later.
    pub fn takes(&self, is_absent: bool) -> bool {
        self.is_later() || (is_absent && self.explicit <= self.import)
    }

    /// Why it is not taken.
    pub fn refusal(&self) -> String {
        match (self.stored, self.import) {
            (Some(stored), Some(import)) => {
                format!(
                    "what is stored is as of {stored}, the import as of {import}; only a later one replaces it"
                )
            }
            (Some(stored), None) => format!("what is stored is as of {stored}, and the import has no time"),
            _ => "nothing says that the import is later; update_time would".to_owned(),
        }
    }
}

impl NewConversation {
    /// When something in it happened.
    fn times(&self) -> impl Iterator<Item = UnixMillis> {
        let of_messages = self.messages.iter().flat_map(|it| [Some(it.create_time), it.update_time]);
        let of_changes = self.handling.iter().flat_map(|handling| &handling.status_changes);
        of_messages.flatten().chain(of_changes.map(|change| change.time))
    }

    /// As of when it tells how things stand, where what happened in it does not show that.
    pub fn told_time(&self, horizon: UnixMillis) -> Option<UnixMillis> {
        let time = self.update_time.filter(|time| *time <= horizon)?;
        self.times().filter(|other| *other <= horizon).all(|earlier| earlier < time).then_some(time)
    }
}

/// Takes over what is newer, except the status, and names what differs.
pub fn take_conversation(
    new: &NewConversation,
    told: &Told,
    changed: &mut Conversation,
    differences: &mut Differences,
) {
    let mut values = Values { told, differences };
    values.take("subject", &mut changed.subject, &new.subject, |text| text.clone());
    values.take("language", &mut changed.language, &new.language, |text| text.clone());
    let Some(said) = new.handling.as_deref() else { return };
    let HandlingUpdate {
        priority,
        first_response_due,
        due,
        assignee,
        tags,
        team,
        channel,
        subchannel_id,
        // The history of the status takes it; what follows from messages is guessed, and their part.
        status: _,
        status_time: _,
        likely_channel: _,
    } = &said.change;
    let handling = &mut changed.handling;
    values.take("priority", &mut handling.priority, priority, word);
    values.take("first_response_due_time", &mut handling.first_response_due, first_response_due, text);
    values.take("due_time", &mut handling.due, due, text);
    values.take("team", &mut handling.team, team, text);
    values.take("channel", &mut handling.channel, channel, word);
    values.take("subchannel_id", &mut handling.subchannel_id, subchannel_id, text);
    let is_known = assignee.as_ref().zip(handling.assignee.as_ref());
    if !is_known.is_some_and(|(said, known)| is_known_as(said, known)) {
        values.take("assignee", &mut handling.assignee, assignee, shown_author);
    }
    values.take_tags(&mut handling.tags, tags);
}

fn word(value: &impl Words) -> String {
    value.word().to_owned()
}

fn text(value: &impl fmt::Display) -> String {
    value.to_string()
}

struct Values<'a> {
    told: &'a Told,
    differences: &'a mut Differences,
}

impl Values<'_> {
    fn take<T: Clone + PartialEq>(
        &mut self,
        field: &str,
        stored: &mut Option<T>,
        said: &Option<T>,
        show: impl Fn(&T) -> String,
    ) {
        let Some(value) = said.as_ref().filter(|value| stored.as_ref() != Some(*value)) else { return };
        if self.told.takes(stored.is_none()) {
            *stored = Some(value.clone());
            return;
        }
        let kept = stored.as_ref().map(&show);
        let given = show(value);
        let shown = match kept {
            Some(kept) => shown_apart(&kept, &given),
            None => (String::new(), rules::shown(&given)),
        };
        self.differences.add(Path::of(field), shown, self.told.refusal());
    }

    /// A later import says which tags there are; another one can only add some.
    fn take_tags(&mut self, stored: &mut Vec<Tag>, said: &[Tag]) {
        if said.is_empty() {
            return;
        }
        let mut seen = HashSet::new();
        let said: Vec<Tag> = said.iter().filter(|tag| seen.insert(*tag)).cloned().collect();
        if self.told.is_later() && !is_same(stored, &said) {
            *stored = said;
            return;
        }
        let added: Vec<Tag> = said.iter().filter(|tag| !stored.contains(tag)).cloned().collect();
        if self.told.takes(true) && stored.len() + added.len() <= limits::TAGS {
            stored.extend(added);
        }
        if !is_same(stored, &said) {
            self.differences.add(Path::of("tags"), (listed(stored), listed(&said)), self.told.refusal());
        }
    }
}

fn is_same(one: &[Tag], other: &[Tag]) -> bool {
    one.len() == other.len() && one.iter().all(|tag| other.contains(tag))
}

fn listed(tags: &[Tag]) -> String {
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    rules::shown(&tags.join(", "))
}
