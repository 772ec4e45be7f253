//! What an append takes of a conversation, its messages and ratings that are stored already, and how it differs in what it does not
//! take. docs/export.md has the rules.

mod conversation;
mod history;
mod message;
mod rating;

use std::fmt;

use super::{Author, Path, Transcript, UnixMillis, Words as _, rules};

pub use conversation::{Told, take_conversation};
pub use history::{Among, take_history};
pub use message::{Edit, take_message};
pub use rating::take_rating;

/// Something that an append says otherwise than what is stored, and that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path of the field in the import.
    pub field: String,
    /// What is stored, as [`rules::shown`]; empty: nothing.
    pub kept: String,
    /// What the append says.
    pub given: String,
    /// Why that is not taken.
    pub because: String,
}

/// The differences of an append, as many as an answer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences {
    named: Vec<Difference>,
    room: usize,
    left_out: usize,
}

impl Default for Differences {
    fn default() -> Self {
        Self::with_room(Self::MAX)
    }
}

impl Differences {
    /// The most that are named, so that an answer stays small however much differs. The rest is only counted.
    pub const MAX: usize = 100;

    /// A list that names at most so many.
    pub fn with_room(room: usize) -> Self {
        Self { named: Vec::new(), room, left_out: 0 }
    }

    /// Adds those of a part.
    pub fn absorb(&mut self, part: Self) {
        self.left_out += part.left_out;
        for difference in part.named {
            self.push(|| difference);
        }
    }

    fn add(&mut self, field: Path<'_>, (kept, given): (String, String), because: impl fmt::Display) {
        self.push(|| Difference { field: field.to_string(), kept, given, because: because.to_string() });
    }

    /// The same; what is shown is only made if it is named.
    fn add_shown(
        &mut self,
        field: Path<'_>,
        show: impl FnOnce() -> (String, String),
        because: impl FnOnce() -> String,
    ) {
        self.push(|| {
            let (kept, given) = show();
            Difference { field: field.to_string(), kept, given, because: because() }
        });
    }

    fn push(&mut self, difference: impl FnOnce() -> Difference) {
        match self.named.len() < self.room {
            true => self.named.push(difference()),
            false => self.left_out += 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.left_out == 0
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Difference> {
        self.named.iter()
    }

    /// How many there are beyond those that are named.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

/// Two texts as they are shown next to each other: quoted, and long ones from shortly before the place where they differ.
fn shown_apart(kept: &str, given: &str) -> (String, String) {
    /// Shown of what both have in common.
    const BEFORE: usize = 20;
    let common = kept.chars().zip(given.chars()).take_while(|(one, other)| one == other).count();
    let skipped = common.saturating_sub(BEFORE);
    let from = |text: &str| match skipped {
        0 => rules::shown(text),
        skipped => format!("…{}", rules::shown(after(text, skipped))),
    };
    (from(kept), from(given))
}

/// A text after so many of its characters.
fn after(text: &str, skipped: usize) -> &str {
    text.char_indices().nth(skipped).map_or("", |(begin, _)| text.get(begin..).unwrap_or_default())
}

fn shown_author(author: &Author) -> String {
    let mut shown = author.kind.word().to_owned();
    for text in author.external_id.as_deref().into_iter().chain(author.name.as_deref()) {
        shown.push(' ');
        shown += &rules::shown(text);
    }
    shown
}

/// Whether the first says nothing of somebody but what the second says.
fn is_known_as(said: &Author, known: &Author) -> bool {
    said.kind == known.kind
        && (said.external_id.is_none() || said.external_id == known.external_id)
        && (said.name.is_none() || said.name == known.name)
}

/// The latest of these times that may have been.
fn latest(times: impl Iterator<Item = UnixMillis>, horizon: UnixMillis) -> Option<UnixMillis> {
    times.filter(|time| *time <= horizon).max()
}

/// As of when something stored is known, by its times; nothing after `horizon` has happened.
pub fn stored_as_of(stored: &Transcript, horizon: UnixMillis) -> Option<UnixMillis> {
    let Transcript { conversation, messages } = stored;
    let of_messages = messages.iter().flat_map(|message| [Some(message.create_time), message.update_time]);
    let of_changes = conversation.handling.status_changes.iter().map(|change| change.time);
    let times = of_messages.flatten().chain(of_changes).chain(conversation.told_time);
    latest(times, horizon)
}

#[cfg(test)]
mod tests;
