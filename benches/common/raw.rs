//! What the operations build on: the same keys and bytes, written to sled alone and to our engine without gRPC.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use plaudit::store::{Batch, Keyspace as _, SledOptions, SledStore, StoreError};
use tokio::task::JoinSet;

use super::{
    IN_FLIGHT, Result,
    record::Recorded,
    server::{Data, new_data, sled_dir},
};

/// The first byte of the log's keys, which no other key starts with.
const LOG: u8 = 0xF0;
/// The first byte of everything that raw sled writes, which a server never reads.
const BESIDE: u8 = 0xF8;

/// A directory for sled alone, with the engine's cache and segment sizes: one thread applies merged batches, flushes
/// and syncs.
pub struct RawSled {
    dir: PathBuf,
    /// Keeps the directory.
    _data: Data,
}

impl RawSled {
    pub fn empty() -> Result<Self> {
        let data = new_data()?;
        Ok(Self { dir: data.path().to_owned(), _data: data })
    }

    /// Uses the files of a server that has stopped, in addition to what it stored.
    pub fn beside(data: &Data) -> Self {
        Self { dir: sled_dir(data), _data: Arc::clone(data) }
    }

    /// Batches per second, in groups of `grouping`. `place` must differ each time, so that nothing is overwritten. As
    /// with a measured server, sled is reopened on the existing data.
    pub fn rate(&self, recorded: &Recorded, place: usize, grouping: f64, length: Duration) -> Result<f64> {
        if !recorded.before.is_empty() {
            let opened = Opened::of(&self.dir)?;
            for before in &recorded.before {
                opened.apply(place, std::slice::from_ref(before), 0)?;
            }
            opened.sync()?;
        }
        let opened = Opened::of(&self.dir)?;
        let mut done = 0;
        let began = Instant::now();
        for group in recorded.batches.chunks(grouping.round().max(1.0) as usize) {
            opened.apply(place, group, done)?;
            opened.sync()?;
            done += group.len();
            if began.elapsed() >= length {
                break;
            }
        }
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }
}

struct Opened {
    db: sled::Db,
    file: File,
}

impl Opened {
    fn of(dir: &Path) -> Result<Self> {
        let config = sled::Config::new().path(dir).cache_capacity(16 << 20).flush_every_ms(None);
        let db = config.segment_size(4 << 20).open()?;
        let file = File::open(dir.join("db"))?;
        Ok(Self { db, file })
    }

    /// Applies batches as one. `position` is the log position so far.
    fn apply(&self, place: usize, batches: &[Batch], position: usize) -> Result<()> {
        let key = |rest: &[u8]| [&[BESIDE, place as u8], rest].concat();
        let mut merged = sled::Batch::default();
        let mut position = position as u64;
        for batch in batches {
            for (rest, value) in &batch.put {
                merged.insert(key(rest), value.as_ref());
            }
            for rest in &batch.delete {
                merged.remove(key(rest));
            }
            for record in &batch.log {
                let mut rest = vec![LOG];
                rest.extend(position.to_be_bytes());
                merged.insert(key(&rest), record.as_ref());
                position += 1;
            }
        }
        Ok(self.db.apply_batch(merged)?)
    }

    fn sync(&self) -> Result<()> {
        self.db.flush()?;
        Ok(self.file.sync_data()?)
    }
}

/// Batches per second of our engine with [`IN_FLIGHT`] committers, on an empty directory.
pub async fn engine_rate(recorded: &Recorded, length: Duration) -> Result<f64> {
    let data = new_data()?;
    let store = Arc::new(SledStore::open(data.path(), SledOptions::default())?);
    for before in &recorded.before {
        store.commit(before.clone()).await?;
    }
    let rate = commit(&store, &recorded.batches, length).await?;
    store.close().await?;
    Ok(rate)
}

/// Commits batches in order until the time is up or there are none left; returns how many per second.
async fn commit(store: &Arc<SledStore>, batches: &[Batch], length: Duration) -> Result<f64> {
    // A batch is shared bytes: copying them is cheap, and every committer needs them all.
    let batches: Arc<[Batch]> = batches.into();
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (store, batches, next) = (Arc::clone(store), Arc::clone(&batches), Arc::clone(&next));
        tasks.spawn(async move {
            let mut done = 0_u64;
            while began.elapsed() < length {
                let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                store.commit(batch.clone()).await?;
                done += 1;
            }
            Ok::<_, StoreError>(done)
        });
    }
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += task??;
    }
    Ok(done as f64 / began.elapsed().as_secs_f64())
}
