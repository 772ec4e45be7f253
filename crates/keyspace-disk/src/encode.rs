//! A batch as raw keys and stored values. Callers encode their own batches, to take work off the single committer.

use std::sync::atomic::AtomicU64;

use super::{
    chunks::{self, Encoded},
    engine::RawBytes,
    layout,
    merge::{LOG_OWNER, owner_of_pair},
};
use plaudit_keyspace::{Batch, Expect, Position, Value};

/// A batch ready to be merged.
pub(crate) struct Write<B> {
    /// Raw keys with what they must hold.
    pub expect: Vec<(B, Expect)>,
    /// Raw keys with their new values, `None` to delete.
    pub pairs: Pairs<B>,
    pub log: Vec<LogWrite<B>>,
    /// Raw keys of removed log records and their chunks.
    pub removed: Vec<B>,
    pub key_count: usize,
    pub size_bytes: usize,
}

/// Raw keys with what they are to hold, `None` to delete.
pub(crate) type Pairs<B> = Vec<(B, Option<Encoded<B>>)>;

/// A log record to append; it has a position only when loading a dump.
pub(crate) struct LogWrite<B> {
    pub position: Option<Position>,
    pub value: Encoded<B>,
}

pub(crate) fn batch<B: RawBytes>(batch: Batch, chunk_ids: &AtomicU64) -> Write<B> {
    let put = batch.put.into_iter().map(|(key, value)| {
        let key = layout::pair_key(&key);
        let value = chunks::encode(&value, owner_of_pair(&key), chunk_ids);
        (B::from(key), Some(value))
    });
    let delete = batch.delete.into_iter().map(|key| (B::from(layout::pair_key(&key)), None));
    let log = batch.log.iter().map(|value| record(None, value, chunk_ids));
    let expect = batch.expect.into_iter().map(|(key, expect)| (B::from(layout::pair_key(&key)), expect));
    sized(expect.collect(), put.chain(delete).collect(), log.collect())
}

/// Records at positions of their own.
pub(crate) fn restored<B: RawBytes>(records: &[(Position, Value)], chunk_ids: &AtomicU64) -> Write<B> {
    let log = records.iter().map(|(at, value)| record(Some(*at), value, chunk_ids)).collect();
    sized(Vec::new(), Vec::new(), log)
}

fn record<B: RawBytes>(position: Option<Position>, value: &Value, chunk_ids: &AtomicU64) -> LogWrite<B> {
    LogWrite { position, value: chunks::encode(value, LOG_OWNER, chunk_ids) }
}

/// Computes the size of a write, for the limits of queue and group.
fn sized<B: RawBytes>(expect: Vec<(B, Expect)>, pairs: Pairs<B>, log: Vec<LogWrite<B>>) -> Write<B> {
    let mut key_count = pairs.len() + log.len();
    let mut size_bytes = pairs.iter().map(|(key, _)| key.as_ref().len()).sum::<usize>();
    let values = pairs.iter().filter_map(|(_, value)| value.as_ref());
    for value in values.chain(log.iter().map(|record| &record.value)) {
        key_count += value.chunks.len();
        size_bytes += value.size_bytes();
    }
    Write { expect, pairs, log, removed: Vec::new(), key_count, size_bytes }
}
