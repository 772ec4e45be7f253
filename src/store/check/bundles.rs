//! Everything that is stored under a conversation's number, one conversation after the other.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use super::{Progress, pieces::decode};
use crate::{
    domain::ConversationId,
    store::{
        Key, KeyRange, Keys, Keyspace, StoreError, Value,
        keys::{Kind, conversation_of},
        records::AttachmentBytes,
        sweep::{Part, Place, Sweep},
    },
};

/// What can be read of one conversation, and of what not everything can.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub id: ConversationId,
    /// Attachments without their bytes, which were read all the same.
    pub pairs: BTreeMap<Key, Value>,
    /// Each kind once, with the reason.
    pub lost: BTreeMap<Kind, Arc<str>>,
}

impl Bundle {
    fn empty(id: ConversationId) -> Self {
        Self { id, pairs: BTreeMap::new(), lost: BTreeMap::new() }
    }

    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Value)> {
        self.pairs.iter().filter(move |(key, _)| Kind::of(key) == Some(kind))
    }

    fn add(&mut self, key: Key, value: Value) {
        let mut kept = value;
        if Kind::of(&key) == Some(Kind::Attachment) {
            if let Err(why) = decode::<AttachmentBytes>(&key, &kept) {
                self.lost.insert(Kind::Attachment, why);
                return;
            }
            kept = Value::new();
        }
        self.pairs.insert(key, kept);
    }
}

/// Reads the bundles in the order of their numbers. A conversation of which nothing can be read is not among them.
pub struct Bundles<'a> {
    store: &'a dyn Keyspace,
    keys: Keys,
    streams: Vec<Stream<'a>>,
    /// The stretches that no bundle has met yet.
    unmet: Vec<(Kind, KeyRange, Arc<str>)>,
}

/// The keys of one kind.
struct Stream<'a> {
    kind: Kind,
    sweep: Sweep<'a>,
    read: VecDeque<(Key, Value)>,
    /// Values that cannot be read, and stretches by the numbers of the conversations that they may be of.
    lost: Vec<Lost>,
    is_ended: bool,
}

struct Lost {
    first: ConversationId,
    last: ConversationId,
    why: Arc<str>,
    /// Where these conversations may have something, if that is all that is known.
    stretch: Option<KeyRange>,
    /// Whether one of them is known.
    is_met: bool,
}

impl Lost {
    fn unmet(self, kind: Kind) -> Option<(Kind, KeyRange, Arc<str>)> {
        let why = self.why;
        self.stretch.filter(|_| !self.is_met).map(|range| (kind, range, why))
    }
}

impl<'a> Bundles<'a> {
    pub fn new(store: &'a dyn Keyspace, keys: Keys) -> Self {
        let stream = |kind: Kind| Stream {
            kind,
            sweep: Sweep::new(store, keys.of_kind(kind)),
            read: VecDeque::new(),
            lost: Vec::new(),
            is_ended: false,
        };
        Self { store, keys, streams: Kind::BY_CONVERSATION.map(stream).into(), unmet: Vec::new() }
    }

    /// After the last bundle: the stretches that cannot be read and in which no conversation that is known may have anything.
    pub fn unmet(self) -> Vec<(Kind, KeyRange, Arc<str>)> {
        let last = self.streams.into_iter().flat_map(|stream| {
            let kind = stream.kind;
            stream.lost.into_iter().filter_map(move |lost| lost.unmet(kind))
        });
        self.unmet.into_iter().chain(last).collect()
    }

    pub async fn next(&mut self, progress: &mut Progress<'_>) -> Result<Option<Bundle>, StoreError> {
        let mut id: Option<ConversationId> = None;
        for stream in &mut self.streams {
            let next = stream.next_id(progress).await?;
            id = [id, next].into_iter().flatten().min();
        }
        let Some(id) = id else { return Ok(None) };
        let mut bundle = Bundle::empty(id);
        for stream in &mut self.streams {
            stream.take(id, &mut bundle, progress).await?;
            let (near, left) = std::mem::take(&mut stream.lost).into_iter().partition(|lost| lost.last >= id);
            stream.lost = near;
            self.unmet.extend(Vec::into_iter(left).filter_map(|lost: Lost| lost.unmet(stream.kind)));
            let near = || stream.lost.iter().filter(|lost| lost.first <= id);
            if near().any(|lost| lost.stretch.is_some()) {
                look_again(self.store, self.keys, stream.kind, &mut bundle).await?;
            } else if let Some(lost) = near().next() {
                bundle.lost.insert(stream.kind, Arc::clone(&lost.why));
            }
            stream.lost.iter_mut().filter(|lost| lost.first <= id).for_each(|lost| lost.is_met = true);
            stream.lost.retain(|lost| lost.stretch.is_some() || lost.last > id);
        }
        progress.read.conversations += 1;
        Ok(Some(bundle))
    }
}

/// What of a kind can be read of one conversation where a stretch near it cannot.
async fn look_again(
    store: &dyn Keyspace,
    keys: Keys,
    kind: Kind,
    bundle: &mut Bundle,
) -> Result<(), StoreError> {
    let mut sweep = Sweep::new(store, keys.of_kind_and_conversation(kind, bundle.id));
    while let Some(part) = sweep.next().await? {
        match part {
            Part::Pairs(pairs) => pairs.into_iter().for_each(|(key, value)| bundle.add(key, value)),
            Part::Lost(lost) => {
                bundle.lost.insert(kind, lost.why);
            }
        }
    }
    Ok(())
}

impl Stream<'_> {
    /// The number of the next conversation that it has something of.
    async fn next_id(&mut self, progress: &mut Progress<'_>) -> Result<Option<ConversationId>, StoreError> {
        while self.read.is_empty() && !self.is_ended {
            // A value that cannot be read belongs to a conversation, too.
            if let Some(known) = self.lost.iter().find(|lost| lost.stretch.is_none()) {
                return Ok(Some(known.first));
            }
            self.read_on(progress).await?;
        }
        let read = self.read.front().map(|(key, _)| conversation_of(key));
        let lost = self.lost.iter().filter(|lost| lost.stretch.is_none()).map(|lost| lost.first).min();
        Ok(read.into_iter().chain(lost).min())
    }

    async fn take(
        &mut self,
        id: ConversationId,
        bundle: &mut Bundle,
        progress: &mut Progress<'_>,
    ) -> Result<(), StoreError> {
        loop {
            while self.read.front().is_some_and(|(key, _)| conversation_of(key) == id) {
                self.read.pop_front().into_iter().for_each(|(key, value)| bundle.add(key, value));
            }
            let may_go_on = self.read.is_empty() && !self.is_ended;
            if !may_go_on {
                return Ok(());
            }
            self.read_on(progress).await?;
        }
    }

    async fn read_on(&mut self, progress: &mut Progress<'_>) -> Result<(), StoreError> {
        match self.sweep.next().await? {
            None => self.is_ended = true,
            Some(Part::Pairs(pairs)) => {
                progress.pairs(&pairs);
                self.read.extend(pairs);
            }
            Some(Part::Lost(lost)) => {
                progress.read.lost += 1;
                self.lost.push(match lost.place {
                    Place::Value(key) => {
                        let id = conversation_of(&key);
                        Lost { first: id, last: id, why: lost.why, stretch: None, is_met: false }
                    }
                    Place::Stretch(range) => {
                        let (first, last) = conversations_in(&range);
                        Lost { first, last, why: lost.why, stretch: Some(range), is_met: false }
                    }
                });
            }
        }
        progress.tell();
        Ok(())
    }
}

/// The first and the last conversation whose keys may be in a range of keys that begin with their numbers.
pub fn conversations_in(range: &KeyRange) -> (ConversationId, ConversationId) {
    let first = match &range.start {
        Bound::Included(key) | Bound::Excluded(key) => conversation_of(key),
        Bound::Unbounded => ConversationId(0),
    };
    let last = match &range.end {
        Bound::Included(key) | Bound::Excluded(key) if key.len() > 5 => conversation_of(key),
        _ => ConversationId(u64::MAX),
    };
    (first, last)
}
