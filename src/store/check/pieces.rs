//! One conversation decoded: what is whole of it, and what is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minicbor::Decode;

use super::{Part, bundles::Bundle};
use crate::{
    domain::{Assessment, AttachmentId, ConversationId, Listing, Message, MessageId, Rating},
    store::{
        Key, Value,
        keys::{Keys, Kind, number_at_end},
        records::{self, AssessmentIndex, Head, RatingNumber, ScoringFailure, Segment, TrackedMessage},
    },
};

/// A conversation as far as it can be read.
pub struct Pieces {
    pub id: ConversationId,
    pub head: Option<Head>,
    /// The messages of each segment, by its key.
    pub segments: BTreeMap<Key, Segment>,
    pub tracked: Vec<(Key, MessageId)>,
    pub attachments: BTreeSet<AttachmentId>,
    pub index: Option<AssessmentIndex>,
    pub assessments: Vec<Assessment>,
    pub failure: Option<ScoringFailure>,
    pub ratings: Vec<Rating>,
    pub imported: Vec<(Key, RatingNumber)>,
    pub listing: Option<Listing>,
    /// What is not whole, each with the first reason.
    pub damage: BTreeMap<Part, Arc<str>>,
}

/// What a damaged key of this kind keeps from being read.
pub fn part_of(kind: Kind) -> Part {
    match kind {
        Kind::Head => Part::Conversation,
        Kind::Segment => Part::Messages,
        Kind::Attachment => Part::Attachments,
        Kind::Assessment | Kind::AssessmentIndex | Kind::AssessmentOwner => Part::Assessments,
        Kind::Rating | Kind::ImportedRating | Kind::RatingByTime => Part::Ratings,
        Kind::Job | Kind::ScoringFailure => Part::Scoring,
        Kind::Identity | Kind::Tracked => Part::Identity,
        _ => Part::Lists,
    }
}

impl Pieces {
    pub fn of(bundle: &Bundle, keys: Keys) -> Self {
        let mut damage = BTreeMap::new();
        for (kind, why) in &bundle.lost {
            damage.entry(part_of(*kind)).or_insert_with(|| Arc::clone(why));
        }
        let mut decoding = Decoding { bundle, damage };
        let id = bundle.id;
        let pieces = Self {
            id,
            head: decoding.one(Kind::Head),
            segments: decoding.all(Kind::Segment),
            tracked: decoding
                .all(Kind::Tracked)
                .into_iter()
                .map(|(key, it): (_, TrackedMessage)| (key, it.message))
                .collect(),
            attachments: bundle
                .of(Kind::Attachment)
                .filter_map(|(key, _)| number_at_end(key))
                .map(AttachmentId)
                .collect(),
            index: decoding.one(Kind::AssessmentIndex),
            assessments: decoding.all(Kind::Assessment).into_values().collect(),
            failure: decoding.one(Kind::ScoringFailure),
            ratings: decoding.all(Kind::Rating).into_values().collect(),
            imported: decoding.all(Kind::ImportedRating).into_iter().collect(),
            listing: decoding.one(Kind::Listing),
            damage: decoding.damage,
        };
        pieces.compared(keys)
    }

    /// Its messages, in order; `None` if one of them, or the head, cannot be read.
    pub fn messages(&self) -> Option<Vec<&Message>> {
        let head = self.head.as_ref()?;
        let count = head.conversation.message_count as usize;
        let in_segments = self.segments.values().flat_map(|segment| &segment.messages);
        let messages: Vec<&Message> = head.messages.iter().chain(in_segments).collect();
        let is_in_order = messages.is_sorted_by(|a, b| a.id < b.id);
        (messages.len() == count && is_in_order && !self.damage.contains_key(&Part::Messages))
            .then_some(messages)
    }

    /// Compares what refers to one another.
    fn compared(mut self, keys: Keys) -> Self {
        match &self.head {
            None => self.add(Part::Conversation, "its head is missing"),
            Some(head) if head.conversation.id != self.id => {
                self.add(Part::Conversation, "its head is that of another");
            }
            Some(_) if self.messages().is_none() => self.add(Part::Messages, "messages are missing"),
            Some(_) => {}
        }
        if let Some(messages) = self.messages() {
            let known: BTreeSet<MessageId> = messages.iter().map(|message| message.id).collect();
            let wanted: BTreeSet<AttachmentId> =
                messages.iter().flat_map(|message| message.stored_attachments()).collect();
            if self.tracked.iter().any(|(_, message)| !known.contains(message)) {
                self.add(Part::Identity, "a tracking id leads to a message that is missing");
            }
            if wanted.iter().any(|id| !self.attachments.contains(id)) {
                self.add(Part::Attachments, "the bytes of an attachment are missing");
            }
        }
        let entries = self.index.iter().flat_map(|index| &index.entries);
        let indexed: BTreeSet<_> = entries.map(|entry| entry.assessment).collect();
        let stored: BTreeSet<_> = self.assessments.iter().map(|assessment| assessment.id).collect();
        if indexed != stored {
            self.add(Part::Assessments, "its index does not name the assessments that are there");
        }
        let ratings: BTreeSet<_> = self.ratings.iter().map(|rating| rating.id).collect();
        let imported: BTreeSet<&Key> = self.imported.iter().map(|(key, _)| key).collect();
        let by_uuid = |rating: &Rating| Some(keys.imported_rating(self.id, rating.imported_uuid()?));
        let is_found = |key: Key| imported.contains(&key);
        if self.imported.iter().any(|(_, number)| !ratings.contains(&number.rating))
            || !self.ratings.iter().filter_map(by_uuid).all(is_found)
        {
            self.add(Part::Ratings, "a rating is not found by its UUID");
        }
        self
    }

    pub fn add(&mut self, part: Part, why: &str) {
        self.damage.entry(part).or_insert_with(|| why.into());
    }
}

struct Decoding<'a> {
    bundle: &'a Bundle,
    damage: BTreeMap<Part, Arc<str>>,
}

impl Decoding<'_> {
    fn one<T: for<'a> Decode<'a, ()>>(&mut self, kind: Kind) -> Option<T> {
        self.all(kind).into_values().next()
    }

    fn all<T: for<'a> Decode<'a, ()>>(&mut self, kind: Kind) -> BTreeMap<Key, T> {
        let mut decoded = BTreeMap::new();
        for (key, value) in self.bundle.of(kind) {
            match decode(key, value) {
                Ok(record) => _ = decoded.insert(key.clone(), record),
                Err(why) => _ = self.damage.entry(part_of(kind)).or_insert(why),
            }
        }
        decoded
    }
}

/// A record, or why it is none.
pub fn decode<T: for<'a> Decode<'a, ()>>(key: &Key, value: &Value) -> Result<T, Arc<str>> {
    records::decode(key, value).map_err(|error| error.to_string().into())
}
