//! The messages of an import that are stored already.

use std::collections::{HashMap, HashSet};

use crate::domain::{
    Message, MessageId, NewConversation, Path, Transcript, UnixMillis,
    append::{Differences, take_message},
};

/// Compares the messages of an import with those stored, one at a time.
pub(super) struct Known<'a> {
    new: &'a NewConversation,
    horizon: UnixMillis,
    places: HashMap<&'a str, usize>,
    /// By place in the import.
    compared: Vec<Option<Compared>>,
    /// How many differences can still be named.
    room: usize,
}

/// A stored message, next to the one of the import.
struct Compared {
    /// By its external id, and not by its tracking id alone.
    is_own: bool,
    differences: Differences,
    edited: Option<Message>,
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
            let edited = take_message(new, stored, is_own, self.horizon, at, &mut differences);
            let compared = Compared { is_own, differences, edited };
            if is_own || before.is_none() || compared.is_same() {
                self.room = self.room.saturating_sub(compared.differences.iter().len());
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
    pub(super) fn edited(self, differences: &mut Differences) -> Vec<Message> {
        let mut edited = Vec::new();
        for compared in self.compared.into_iter().flatten() {
            differences.absorb(compared.differences);
            edited.extend(compared.edited);
        }
        edited
    }
}

impl Compared {
    fn is_same(&self) -> bool {
        self.differences.is_empty() && self.edited.is_none()
    }
}
