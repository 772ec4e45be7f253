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
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
/// A compaction writes a few tables of this size at a time.
const TABLE_BYTES: u64 = 32 * 1024 * 1024;
/// The least that fjall takes. It begins another journal when a memtable is full and the journal has 64 MB.
const JOURNALS_BYTES: u64 = 64 * 1024 * 1024;
/// Of tables, which are closed and opened again as needed; the rest is for connections.
const OPEN_FILES: usize = 256;
/// One of two would do nothing but pass compactions on to the other, as fast as it can, while the other compacts.
const WORKERS: usize = 1;

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
            .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
            .compaction_strategy(Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES)))
    })?;
    Ok((db, keyspace))
}
