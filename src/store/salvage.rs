//! Copies what is whole of a damaged store into a new one, so that nothing in the new one refers to what is lost.
//!
//! What follows from something else is not copied but made anew: identities, postings, owners of assessments, what is found by time.
//! A conversation is copied with all its messages, or not at all.

mod conversations;
mod others;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minicbor::Encode;

use self::others::Others;
use super::{
    Batch, Key, Keys, Keyspace, Position, StoreError, Value, WorkspaceId,
    check::{
        Affected, Progress, Read, Report,
        bundles::Bundles,
        pieces::Pieces,
        references::{compare, indexed_below},
    },
    records,
    sweep::{LogPart, LogSweep},
};
use crate::domain::{ConversationId, Event, EventKind, FIRST_ID, LAST_ID, UnixMillis};

/// How far numbers and positions are advanced where the newest are lost: whoever knows them must not meet others under them.
const ADVANCE: u64 = 1 << 20;
/// The most keys and bytes of a batch.
const BATCH_KEYS: usize = 512;
const BATCH_BYTES: usize = 1024 * 1024;

/// What became of a damaged store.
#[derive(Clone, Debug, Default)]
pub struct Salvaged {
    /// Conversations that were copied.
    pub kept: u64,
    /// Conversations that were left out, since not all their messages can be read.
    pub left_out: BTreeSet<ConversationId>,
    /// Conversations that are scored again, since not all their assessments can be read.
    pub queued: BTreeSet<ConversationId>,
    /// Events that can be read but stand before some that cannot: they are left out, so that who follows them learns of the gap.
    pub events_left_out: u64,
    /// All that is damaged.
    pub damage: BTreeMap<ConversationId, Affected>,
}

/// Copies what is whole into an empty store. `report` is what a check of the damaged one found; `is_cut` says that its newest commits
/// are lost.
pub async fn salvage(
    from: &dyn Keyspace,
    to: &dyn Keyspace,
    report: &Report,
    is_cut: bool,
    now: UnixMillis,
    tell: &mut (dyn FnMut(Read) + Send),
) -> Result<Salvaged, StoreError> {
    let keys = Keys::of(WorkspaceId::FIRST);
    let mut progress = Progress::new(tell);
    let mut writer = Writer::new(to);
    let mut salvaged = Salvaged { damage: report.conversations.clone(), ..Salvaged::default() };
    let mut kept: Vec<ConversationId> = Vec::new();
    let mark = indexed_below(from, keys).await?;
    let mut bundles = Bundles::new(from, keys);
    while let Some(bundle) = bundles.next(&mut progress).await? {
        let mut pieces = Pieces::of(&bundle, keys);
        compare(from, keys, mark, &mut pieces).await?;
        let copy = conversations::Copy { from, keys, mark, now, bundle: &bundle, pieces: &pieces };
        match copy.put(&mut writer).await? {
            None => _ = salvaged.left_out.insert(bundle.id),
            Some(is_queued) => {
                kept.push(bundle.id);
                if is_queued {
                    salvaged.queued.insert(bundle.id);
                }
            }
        }
    }
    salvaged.left_out.extend(report.conversations.keys().filter(|id| kept.binary_search(id).is_err()));
    salvaged.kept = kept.len() as u64;
    let others = Others { from, keys, kept: &kept, now, is_cut };
    others.put(&mut writer, &mut progress).await?;
    writer.flush().await?;
    salvaged.events_left_out = put_log(from, to, is_cut, kept.first().copied(), now).await?;
    Ok(salvaged)
}

/// Copies the log from behind the last event that is lost. What is before counts as removed, so that no reader misses it unknowingly.
async fn put_log(
    from: &dyn Keyspace,
    to: &dyn Keyspace,
    is_cut: bool,
    kept: Option<ConversationId>,
    now: UnixMillis,
) -> Result<u64, StoreError> {
    let (mut last_lost, mut before, mut last) = (0, 0, 0);
    let mut is_end_lost = is_cut;
    let mut log = LogSweep::new(from);
    while let Some(part) = log.next().await? {
        match part {
            LogPart::Records(records) => {
                last = records.last().map_or(last, |(position, _)| *position);
                before += records.len() as u64;
            }
            LogPart::Lost(lost) => {
                let (after, until) = lost.place;
                is_end_lost |= until == super::sweep::LAST;
                last = if until == super::sweep::LAST { after } else { until };
                last_lost = last;
            }
        }
    }
    let mut copied = 0;
    let mut log = LogSweep::after(from, last_lost);
    while let Some(part) = log.next().await? {
        let LogPart::Records(records) = part else { continue };
        copied += records.len() as u64;
        let bytes: usize = records.iter().map(|(_, record)| record.len()).sum();
        // One that is large goes alone.
        let together = if bytes <= BATCH_BYTES { records.len() } else { 1 };
        for some in records.chunks(together.max(1)) {
            to.restore_log(some.to_vec()).await?;
        }
    }
    if let Some(conversation) = kept.filter(|_| is_end_lost) {
        let event = Event { conversation, time: now, kind: EventKind::ConversationUpdated };
        let position: Position = last + ADVANCE;
        to.restore_log(vec![(position, records::encode(&event))]).await?;
    }
    Ok(before - copied)
}

/// Writes pairs in batches.
struct Writer<'a> {
    to: &'a dyn Keyspace,
    put: Vec<(Key, Value)>,
    bytes: usize,
    /// The highest of the numbers that the copied things bear.
    highest: u64,
}

impl<'a> Writer<'a> {
    fn new(to: &'a dyn Keyspace) -> Self {
        Self { to, put: Vec::new(), bytes: 0, highest: FIRST_ID - 1 }
    }

    async fn raw(&mut self, key: Key, value: Value) -> Result<(), StoreError> {
        let bytes = key.len() + value.len();
        if self.put.len() >= BATCH_KEYS || self.bytes + bytes > BATCH_BYTES {
            self.flush().await?;
        }
        self.bytes += bytes;
        self.put.push((key, value));
        Ok(())
    }

    async fn record<T: Encode<()>>(&mut self, key: Key, record: &T) -> Result<(), StoreError> {
        self.raw(key, records::encode(record)).await
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let put = std::mem::take(&mut self.put);
        if put.is_empty() {
            return Ok(());
        }
        self.to.commit(Batch { put, ..Batch::default() }).await.map(drop)
    }

    /// Notes a number that is taken.
    fn takes(&mut self, number: u64) {
        if number <= LAST_ID {
            self.highest = self.highest.max(number);
        }
    }
}

/// A value as it is stored, if it can be read.
async fn readable(from: &dyn Keyspace, key: &Key) -> Result<Result<Option<Value>, Arc<str>>, StoreError> {
    let found = super::sweep::unless_damaged(from.get(vec![key.clone()]).await)?;
    Ok(found.map(|mut values| values.pop().flatten()))
}
