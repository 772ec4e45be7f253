//! The durable queue of conversations that want scoring: one job each, whatever happened to them.

use crate::domain::{ConversationId, UnixMillis};

use super::{
    Batch, Direction, Expect, Key, KeyRange, Keyspace, StoreError, Stored, Value, expect_unchanged, keys,
    records::{self, Job, ScoringFailure},
};

/// A job of the queue; `Err` holds what is stored in its place when that is damaged.
pub type Waiting = (ConversationId, Result<Job, Value>);

/// A page of jobs in the order of their keys, and the range that is left after it; `None` at the end.
pub async fn page(
    store: &dyn Keyspace,
    range: KeyRange,
    limit: usize,
) -> Result<(Vec<Waiting>, Option<KeyRange>), StoreError> {
    let pairs = store.scan(range.clone(), limit, Direction::Ascending).await?;
    let rest = match pairs.last() {
        Some((last, _)) if pairs.len() == limit => Some(range.after(last.clone())),
        _ => None,
    };
    let waiting = |(key, raw): (Key, Value)| {
        let job = records::decode(&key, &raw).map_err(|_| raw);
        Ok((conversation_of(&key)?, job))
    };
    Ok((pairs.into_iter().map(waiting).collect::<Result<_, StoreError>>()?, rest))
}

/// How long the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub jobs: usize,
    /// When the oldest of them was queued; meaningless without one.
    pub oldest: UnixMillis,
    /// Whether there are more than were counted.
    pub more: bool,
}

/// Counts at most about `most` jobs.
pub async fn depth(store: &dyn Keyspace, most: usize) -> Result<Depth, StoreError> {
    const COUNTED_AT_ONCE: usize = 1000;
    let mut depth = Depth { jobs: 0, oldest: UnixMillis(i64::MAX), more: false };
    let mut range = Some(keys::jobs());
    while let Some(rest) = range.take() {
        depth.more = depth.jobs >= most;
        if depth.more {
            break;
        }
        let (jobs, rest) = page(store, rest, COUNTED_AT_ONCE).await?;
        depth.jobs += jobs.len();
        let oldest = jobs.iter().filter_map(|(_, job)| Some(job.as_ref().ok()?.create_time)).min();
        depth.oldest = oldest.map_or(depth.oldest, |oldest| oldest.min(depth.oldest));
        range = rest;
    }
    Ok(depth)
}

fn conversation_of(key: &Key) -> Result<ConversationId, StoreError> {
    keys::conversation_of_job(key)
        .ok_or_else(|| StoreError::Corrupt(format!("a job has the key {key:02x?}").into()))
}

/// The lowest number of a conversation that has a job.
pub async fn lowest(store: &dyn Keyspace) -> Result<Option<ConversationId>, StoreError> {
    let mut lowest: Option<ConversationId> = None;
    for shard in keys::jobs_by_shard() {
        for (key, _) in store.scan(shard, 1, Direction::Ascending).await? {
            let first = conversation_of(&key)?;
            lowest = Some(lowest.map_or(first, |lowest| lowest.min(first)));
        }
    }
    Ok(lowest)
}

/// What waits for one conversation, or what became of it.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub job: Option<Job>,
    pub failure: Option<ScoringFailure>,
}

/// The jobs of several conversations, and the failures of those that ask for it; also how many values were read.
pub async fn find_many(
    store: &dyn Keyspace,
    wanted: Vec<(ConversationId, bool)>,
) -> Result<(Vec<(ConversationId, State)>, usize), StoreError> {
    let failures = wanted.iter().filter(|(_, with_failure)| *with_failure);
    let jobs = wanted.iter().map(|(id, _)| keys::job(*id));
    let keys: Vec<Key> = jobs.chain(failures.map(|(id, _)| keys::scoring_failure(*id))).collect();
    let reads = keys.len();
    let values = store.get(keys.clone()).await?;
    let (jobs, failures) = values.split_at(wanted.len().min(values.len()));
    let (job_keys, failure_keys) = keys.split_at(jobs.len());
    let mut failures = failure_keys.iter().zip(failures);
    let mut states = Vec::with_capacity(wanted.len());
    for ((id, with_failure), (key, job)) in wanted.into_iter().zip(job_keys.iter().zip(jobs)) {
        let failure = if with_failure { failures.next() } else { None };
        let failure = failure.and_then(|(key, raw)| Some(records::decode(key, raw.as_ref()?)));
        let job = job.as_ref().map(|raw| records::decode(key, raw));
        states.push((id, State { job: job.transpose()?, failure: failure.transpose()? }));
    }
    Ok((states, reads))
}

/// Queues a version of a conversation that never had a job.
pub fn put_first(batch: &mut Batch, conversation: ConversationId, version: u64, now: UnixMillis) {
    batch.put.push((keys::job(conversation), records::encode(&job(version, now))));
}

/// Queues a new version in place of the job that may wait, and forgets that an older one was given up.
pub fn put_next(
    batch: &mut Batch,
    conversation: ConversationId,
    version: u64,
    now: UnixMillis,
    failure: Option<&Stored<ScoringFailure>>,
) {
    put_first(batch, conversation, version, now);
    let key = keys::scoring_failure(conversation);
    if failure.is_some() {
        batch.delete.push(key.clone());
    }
    // Expected also when there is none: an older version may be given up just now.
    batch.expect.push((key, expect_unchanged(failure.map(|stored| stored.raw.clone()))));
}

/// Expects that the job, or its absence, is still what it was when it was read.
pub fn expect_job(batch: &mut Batch, conversation: ConversationId, read: Option<&Stored<Job>>) {
    batch.expect.push((keys::job(conversation), expect_unchanged(read.map(|stored| stored.raw.clone()))));
}

fn job(version: u64, now: UnixMillis) -> Job {
    Job { version, failed_attempts: 0, not_before: UnixMillis(0), create_time: now }
}

/// Ends a job that is still what it was when it was read.
pub fn end(batch: &mut Batch, conversation: ConversationId, read: Value) {
    let key = keys::job(conversation);
    batch.expect.push((key.clone(), Expect::Is(read)));
    batch.delete.push(key);
}

/// Puts a job back that is to be tried again.
pub fn put_back(batch: &mut Batch, conversation: ConversationId, job: &Job, read: Value) {
    let key = keys::job(conversation);
    batch.expect.push((key.clone(), Expect::Is(read)));
    batch.put.push((key, records::encode(job)));
}

/// Takes a conversation out of the queue, whatever waits there or was given up.
pub fn withdraw(
    batch: &mut Batch,
    conversation: ConversationId,
    job: Option<&Stored<Job>>,
    failure: Option<&Stored<ScoringFailure>>,
) {
    let job = (keys::job(conversation), job.map(|stored| stored.raw.clone()));
    let failure = (keys::scoring_failure(conversation), failure.map(|stored| stored.raw.clone()));
    for (key, read) in [job, failure] {
        batch.delete.extend(read.is_some().then(|| key.clone()));
        batch.expect.push((key, expect_unchanged(read)));
    }
}

/// Ends a job for good and says why.
pub fn give_up(batch: &mut Batch, conversation: ConversationId, failure: &ScoringFailure, read: Value) {
    end(batch, conversation, read);
    batch.put.push((keys::scoring_failure(conversation), records::encode(failure)));
}
