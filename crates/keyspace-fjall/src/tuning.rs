//! How fjall is set up. The settings of the keyspace are stored with it: changing one here changes new stores alone.

use std::{path::Path, sync::Arc};

use ::fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, Result, compaction::Leveled,
    config::CompressionPolicy,
};

use super::FjallOptions;

/// The one keyspace. With several, a journal would be kept until each of them has written its part of it to a table, and
/// opening would read all that is kept.
const KEYSPACE: &str = "store";

/// Written to a table when it is full. Up to three more are kept until they are.
const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;
/// A merge writes tables of this size.
const TABLE_BYTES: u64 = 16 * 1024 * 1024;
/// The least that fjall takes. It begins another journal when a memtable is full and the journal has 64 MB.
const JOURNALS_BYTES: u64 = 64 * 1024 * 1024;
/// Of tables, which are closed and opened again as needed; the rest is for connections.
const OPEN_FILES: usize = 256;
/// fjall's own threads: it writes memtables to tables (see `compactor`).
const WORKERS: usize = 1;

/// This many tables of memtables are merged at once: with more, less is written again; with fewer, a read looks into fewer.
const MERGED_AT_ONCE: u8 = 8;

/// How tables are merged.
pub(super) fn merging() -> Arc<Leveled> {
    Arc::new(Leveled::default().with_l0_threshold(MERGED_AT_ONCE).with_table_target_size(TABLE_BYTES))
}

/// For fjall's own threads: there is never anything to merge.
fn merging_nothing() -> Arc<Leveled> {
    Arc::new(Leveled::default().with_l0_threshold(u8::MAX).with_table_target_size(1 << 40))
}

pub(super) fn open(path: &Path, options: &FjallOptions) -> Result<(Database, Keyspace)> {
    let db = Database::builder(path)
        .cache_size(options.cache_bytes)
        .max_cached_files(Some(OPEN_FILES))
        .max_journaling_size(JOURNALS_BYTES)
        .worker_threads(WORKERS)
        // fjall checks a compressed entry by compressing it anew: another version of the compressor would make a journal
        // unreadable.
        .journal_compression(CompressionType::None)
        .open()?;
    let keyspace = db.keyspace(KEYSPACE, || {
        KeyspaceCreateOptions::default()
            .max_memtable_size(MEMTABLE_BYTES)
            // What a memtable becomes is soon merged, and compressed then.
            .data_block_compression_policy(CompressionPolicy::new([
                CompressionType::None,
                CompressionType::Lz4,
            ]))
            .compaction_strategy(merging_nothing())
    })?;
    Ok((db, keyspace))
}
