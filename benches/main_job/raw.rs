//! What an import stands on: the same keys and bytes, given to sled alone and to our engine without gRPC.

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use plaudit::{
    clock::SystemClock,
    domain::{
        AuthorDraft, AuthorKind, ConversationDraft, ImportLimits, MessageDraft, MessageKind, UnixMillis,
        Violations,
    },
    service::{
        Services, Settings,
        import::{ConflictPolicy, import_conversation},
    },
    store::{
        Batch, Committed, Direction, Key, KeyRange, Keyspace, MemoryStore, Position, SledOptions, SledStore,
        Stats, StoreError, Value,
    },
};
use tokio::{sync::watch, task::JoinSet};

use super::{IN_FLIGHT, Result, load::import_request};

/// Remembers every batch that goes through.
struct Recorder {
    inner: MemoryStore,
    batches: Mutex<Vec<Batch>>,
}

impl Keyspace for Recorder {
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, std::result::Result<Vec<Option<Value>>, StoreError>> {
        self.inner.get(keys)
    }
    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, std::result::Result<Vec<(Key, Value)>, StoreError>> {
        self.inner.scan(range, limit, direction)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'_, std::result::Result<Committed, StoreError>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch.clone());
        self.inner.commit(batch)
    }
    fn log(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, std::result::Result<Vec<(Position, Value)>, StoreError>> {
        self.inner.log(after, limit)
    }
    fn newest(&self) -> watch::Receiver<Position> {
        self.inner.newest()
    }
    fn restore_log(
        &self,
        records: Vec<(Position, Value)>,
    ) -> BoxFuture<'_, std::result::Result<(), StoreError>> {
        self.inner.restore_log(records)
    }
    fn stats(&self) -> BoxFuture<'_, std::result::Result<Stats, StoreError>> {
        self.inner.stats()
    }
    fn failure(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.inner.failure()
    }
    fn close(&self) -> BoxFuture<'_, std::result::Result<(), StoreError>> {
        self.inner.close()
    }
}

/// The batches of `count` imports, as the use case builds them.
pub async fn record_batches(count: u64) -> Result<Vec<Batch>> {
    let recorder = Arc::new(Recorder { inner: MemoryStore::new(), batches: Mutex::default() });
    let services =
        Services::open(Arc::clone(&recorder) as _, Arc::new(SystemClock), Settings::default()).await?;
    for number in 0..count {
        let new =
            draft(number).check(ImportLimits::default(), Violations::default()).map_err(|v| v.to_string())?;
        import_conversation(&services, &new, ConflictPolicy::Reject, None).await?;
    }
    let mut batches = std::mem::take(&mut *recorder.batches.lock().unwrap_or_else(PoisonError::into_inner));
    // Seeds and leases of ids are not imports.
    batches.retain(|batch| batch.put.len() + batch.log.len() == 4);
    Ok(batches)
}

fn draft(number: u64) -> ConversationDraft {
    let request = import_request(number);
    let messages = request.messages.into_iter().map(|message| {
        let kind = match message.kind() {
            plaudit::proto::v1::MessageKind::Comment => MessageKind::Comment,
            _ => MessageKind::Message,
        };
        let create_time = message.create_time.map(|time| UnixMillis(time.seconds * 1000));
        let author = message.author.unwrap_or_default();
        let author_kind = match author.kind() {
            plaudit::proto::v1::AuthorKind::Ai => AuthorKind::Ai,
            plaudit::proto::v1::AuthorKind::Teammate => AuthorKind::Teammate,
            _ => AuthorKind::Contact,
        };
        MessageDraft {
            external_id: Some(message.external_id),
            kind: Some(kind),
            content: message.content,
            author: AuthorDraft {
                kind: Some(author_kind),
                external_id: author.external_id,
                name: author.name,
            },
            create_time,
            ai_tool: message.ai_tool,
            ..MessageDraft::default()
        }
    });
    let external_id = request.conversation.map(|conversation| conversation.external_id);
    ConversationDraft { external_id, messages: messages.collect(), ..ConversationDraft::default() }
}

/// Batches a second of sled alone: groups merged into one batch, applied, flushed, synced.
pub fn sled_rate(batches: &[Batch], group: usize, length: Duration) -> Result<f64> {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let db = sled::Config::new()
        .path(dir.path())
        .cache_capacity(128 << 20)
        .segment_size(4 << 20)
        .flush_every_ms(None)
        .open()?;
    let file = File::open(dir.path().join("db"))?;
    let began = Instant::now();
    let mut done = 0;
    for (number, group) in batches.chunks(group).enumerate() {
        let mut merged = sled::Batch::default();
        for (place, batch) in group.iter().enumerate() {
            for (key, value) in &batch.put {
                merged.insert(key.as_slice(), value.as_ref());
            }
            for record in &batch.log {
                let position = (number * group.len() + place) as u64;
                merged.insert(&[&[0xF0], position.to_be_bytes().as_slice()].concat()[..], record.as_ref());
            }
        }
        db.apply_batch(merged)?;
        db.flush()?;
        file.sync_data()?;
        done += group.len();
        if began.elapsed() >= length {
            break;
        }
    }
    Ok(done as f64 / began.elapsed().as_secs_f64())
}

/// Batches a second of our engine with [`IN_FLIGHT`] committers.
pub async fn engine_rate(batches: &[Batch], length: Duration) -> Result<f64> {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let store = Arc::new(SledStore::open(Path::new(dir.path()), SledOptions::default())?);
    let batches: Arc<[Batch]> = batches.into();
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (store, batches, next) = (Arc::clone(&store), Arc::clone(&batches), Arc::clone(&next));
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
    let rate = done as f64 / began.elapsed().as_secs_f64();
    store.close().await?;
    Ok(rate)
}
