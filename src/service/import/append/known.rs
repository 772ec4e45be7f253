//! The messages of an import that are stored already.

use std::collections::{HashMap, HashSet};

use crate::domain::{
    Message, MessageId, NewConversation, Path, Transcript, UnixMillis, Violations,
    append::{Differences, Edit, take_message},
};

use super::put::{MAX_REWRITTEN_BYTES, check_rewritten};

/// Compares the messages of an import with those stored, one at a time.
pub(super) struct Known<'a> {
    new: &'a NewConversation,
    horizon: UnixMillis,
    places: HashMap<&'a str, usize>,
    /// By place in the import.
    compared: Vec<Option<Compared>>,
    /// How many differences can still be named.
    room: usize,
    /// Of the edits; beyond the limit they are only added up, and refused in the end.
    edited_bytes: usize,
}

/// A stored message, next to the one of the import.
struct Compared {
    /// By its external id, and not by its tracking id alone.
    is_own: bool,
    differences: Differences,
    edit: Option<Edit>,
}

/// What an import edits.
pub(super) struct Edits {
    /// As they are to be stored.
    pub(super) messages: Vec<Message>,
    /// Whether any of them says something else than before.
    pub(super) are_reworded: bool,
}

/// The ids by which messages of an import are known.
pub(super) struct Wanted<'a>(HashSet<&'a str>);

impl Wanted<'_> {
    pub(super) fn has(&self, message: &Message) -> bool {
        ids(message).any(|id| self.0.contains(id))
    }
}

/// A message that was stored on its own is also known by its tracking id.
fn ids(message: &Message) -> impl Iterator<Item = &str> {
    let tracking_id = message.details.as_ref().and_then(|details| details.tracking_id.as_deref());
    [Some(message.external_id.as_str()), tracking_id].into_iter().flatten()
}

impl<'a> Known<'a> {
    pub(super) fn of(new: &'a NewConversation, horizon: UnixMillis) -> Self {
        let places = new.messages.iter().enumerate().map(|(place, new)| (new.external_id.as_str(), place));
        Self {
            new,
            horizon,
            places: places.collect(),
            compared: std::iter::repeat_with(|| None).take(new.messages.len()).collect(),
            room: Differences::MAX,
            edited_bytes: 0,
        }
    }

    /// What is to be compared.
    pub(super) fn wanted(&self) -> Wanted<'a> {
        let is_compared = !self.new.additions_only;
        Wanted(self.places.keys().copied().filter(|_| is_compared).collect())
    }

    /// Compares a stored message, as it is stored.
    ///
    /// Several may have one tracking id. One of that external id, and else one that is the same, is the one meant.
    pub(super) fn compare(&mut self, stored: &Message) {
        for id in ids(stored) {
            let Some(place) = self.places.get(id).copied() else { continue };
            let (Some(new), Some(before)) = (self.new.messages.get(place), self.compared.get_mut(place))
            else {
                continue;
            };
            let is_own = stored.external_id.as_str() == id;
            if before.as_ref().is_some_and(|before| !is_own && (before.is_own || before.is_same())) {
                continue;
            }
            let mut differences = Differences::with_room(self.room);
            let at = Path::ROOT.item("messages", place);
            let edit = take_message(new, stored, is_own, self.horizon, at, &mut differences);
            let mut compared = Compared { is_own, differences, edit };
            if is_own || before.is_none() || compared.is_same() {
                self.room = self.room.saturating_sub(compared.differences.iter().len());
                self.edited_bytes += compared.edited_bytes();
                if self.edited_bytes > MAX_REWRITTEN_BYTES {
                    compared.edit = None;
                }
                *before = Some(compared);
            }
        }
    }

    /// The numbers of the messages of the import that are stored.
    pub(super) fn numbers(&self, stored: &Transcript) -> Vec<Option<MessageId>> {
        let mut numbers = vec![None; self.new.messages.len()];
        for message in &stored.messages {
            for id in ids(message) {
                let place = self.places.get(id).and_then(|place| numbers.get_mut(*place));
                if let Some(number) =
                    place.filter(|number| number.is_none() || message.external_id.as_str() == id)
                {
                    *number = Some(message.id);
                }
            }
        }
        numbers
    }

    /// The messages as edited; what is not taken is among the differences.
    pub(super) fn edits(self, differences: &mut Differences) -> Result<Edits, Violations> {
        check_rewritten(self.edited_bytes <= MAX_REWRITTEN_BYTES)?;
        let mut edits = Edits { messages: Vec::new(), are_reworded: false };
        for compared in self.compared.into_iter().flatten() {
            differences.absorb(compared.differences);
            if let Some(Edit { message, is_reworded }) = compared.edit {
                edits.messages.push(message);
                edits.are_reworded |= is_reworded;
            }
        }
        Ok(edits)
    }
}

impl Compared {
    fn is_same(&self) -> bool {
        self.differences.is_empty() && self.edit.is_none()
    }

    fn edited_bytes(&self) -> usize {
        self.edit.as_ref().map_or(0, |edit| edit.message.text_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Author, AuthorKind, MessageDetails, MessageKind, NewConversation, NewImportedMessage,
    };

    #[test]
    fn no_more_is_held_of_edits_than_is_rewritten() {
        let message = |number: u64| NewImportedMessage {
            external_id: number.to_string().parse().unwrap(),
            kind: MessageKind::Message,
            content: "Hello.".to_owned(),
            author: Author { kind: AuthorKind::Contact, external_id: None, name: None },
            create_time: UnixMillis::clamped(0),
            update_time: Some(UnixMillis::clamped(1_000)),
            ai_tool: None,
            details: None,
            is_automatic: false,
        };
        let mut new = NewConversation::new("test".parse().unwrap(), "1".parse().unwrap());
        new.messages = (1..=100).map(message).collect();
        // What an edit does not touch is long.
        let details = MessageDetails { raw_data: Some("x".repeat(256 * 1024)), ..MessageDetails::default() };
        let stored = |number: u64| Message {
            details: Some(Box::new(details.clone())),
            content: "Good morning.".to_owned(),
            update_time: None,
            ..message(number).message(MessageId(number))
        };
        let of = |count: u64| {
            let mut known = Known::of(&new, UnixMillis::clamped(2_000));
            (1..=count).for_each(|number| known.compare(&stored(number)));
            known
        };
        let known = of(100);
        let held: usize = known.compared.iter().flatten().map(Compared::edited_bytes).sum();
        assert!(held <= MAX_REWRITTEN_BYTES, "{held} bytes");
        assert!(known.edits(&mut Differences::default()).is_err());
        let edits = of(60).edits(&mut Differences::default()).unwrap();
        assert!(edits.messages.len() == 60 && edits.are_reworded);
    }
}
