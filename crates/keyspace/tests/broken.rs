//! Stores that break a promise, each of which a case of the suite has to find out.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use plaudit_keyspace::{
    Batch, Committed, Direction, Expect, Key, KeyRange, Keyspace, MemoryStore, Position, Readiness, Stats,
    StoreError, Value,
    conformance::{self, Subject},
};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breaks {
    Nothing,
    /// Looks whether an expectation holds, and writes a while later.
    Later,
    /// Only what is written is looked at.
    OthersUnseen,
    /// What is to be removed is not looked at.
    RemovedUnseen,
    /// Of a batch that is refused, the writes are done.
    RefusedDone,
    /// A record of the log is shown once another has come after it.
    LogLate,
}

struct Broken {
    below: MemoryStore,
    breaks: Breaks,
    calls: AtomicU64,
}

impl Broken {
    /// Lets other tasks run, on a few threads at once.
    async fn wait(&self) {
        for _ in 0..1 + self.calls.fetch_add(1, Ordering::Relaxed) % 5 {
            tokio::task::yield_now().await;
        }
    }

    async fn check(&self, expect: &[(Key, Expect)]) -> Result<(), StoreError> {
        let batch = Batch { expect: expect.to_vec(), ..Batch::default() };
        self.below.commit(batch).await.map(drop)
    }
}

impl Keyspace for Broken {
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>> {
        async move {
            let held = self.below.get(keys).await;
            self.wait().await;
            held
        }
        .boxed()
    }

    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        async move {
            let found = self.below.scan_within(range, limit, max_bytes, direction).await;
            self.wait().await;
            found
        }
        .boxed()
    }

    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        self.below.scan_keys(range, limit, direction)
    }

    fn commit(&self, mut batch: Batch) -> BoxFuture<'_, Result<Committed, StoreError>> {
        async move {
            let is_put = |key: &Key| batch.put.iter().any(|(put, _)| put == key);
            match self.breaks {
                Breaks::Nothing | Breaks::LogLate => {}
                Breaks::Later => {
                    self.check(&batch.expect).await?;
                    batch.expect.clear();
                    self.wait().await;
                }
                Breaks::OthersUnseen => {
                    let written: Vec<Key> =
                        batch.put.iter().map(|(key, _)| key).chain(&batch.delete).cloned().collect();
                    batch.expect.retain(|(key, _)| written.contains(key));
                }
                Breaks::RemovedUnseen => {
                    let kept =
                        batch.expect.iter().filter(|(key, _)| is_put(key) || !batch.delete.contains(key));
                    batch.expect = kept.cloned().collect();
                }
                Breaks::RefusedDone => {
                    let checked = self.check(&batch.expect).await;
                    batch.expect.clear();
                    let done = self.below.commit(batch).await;
                    return checked.and(done);
                }
            }
            self.below.commit(batch).await
        }
        .boxed()
    }

    fn log(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, Value)>, StoreError>> {
        async move {
            let mut page = self.below.log(after, limit).await?;
            // The last record but one, at times.
            if self.breaks == Breaks::LogLate && page.len() > 2 && page.len() % 7 == 3 {
                page.remove(page.len() - 2);
            }
            self.wait().await;
            Ok(page)
        }
        .boxed()
    }

    fn newest(&self) -> watch::Receiver<Position> {
        self.below.newest()
    }

    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.below.trim_log(up_to)
    }

    fn trimmed(&self) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.below.trimmed()
    }

    fn restore_log(&self, records: Vec<(Position, Value)>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.below.restore_log(records)
    }

    fn is_exclusive(&self) -> bool {
        self.below.is_exclusive()
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.below.stats()
    }

    fn readiness(&self) -> watch::Receiver<Readiness> {
        self.below.readiness()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.below.close()
    }
}

impl Subject for Breaks {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        let store = Broken { below: MemoryStore::new(), breaks: *self, calls: AtomicU64::new(0) };
        Box::pin(async { Arc::new(store) as Arc<dyn Keyspace> })
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        unreachable!("no case here reopens a store")
    }
}

/// The promise that is broken makes the case fail, and the store that keeps it passes.
macro_rules! found_out {
    ($($case:ident: $breaks:expr),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                conformance::$case(&Breaks::Nothing).await;
                let broken = tokio::spawn(async { conformance::$case(&$breaks).await }).await;
                let ended = broken.expect_err("the case does not notice it");
                assert!(ended.is_panic(), "{ended:?}");
            }
        )*
    };
}

found_out! {
    no_increment_of_a_counter_is_lost: Breaks::Later,
    a_claim_is_won_once: Breaks::Later,
    no_update_of_several_keys_is_lost: Breaks::Later,
    nothing_is_issued_twice: Breaks::Later,
    there_is_no_write_skew: Breaks::OthersUnseen,
    nothing_is_taken_twice: Breaks::RemovedUnseen,
    conflicts_within_a_group_are_found: Breaks::RefusedDone,
    the_log_has_no_gaps_under_load: Breaks::LogLate,
}
