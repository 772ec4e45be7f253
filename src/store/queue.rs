//! The durable scoring queue: at most one job per conversation.

use crate::domain::{ConversationId, UnixMillis};

use super::{
    Decision, Direction, Key, KeyRange, Reader, Scanner, StoreError, Value, get_one, keys,
    records::{self, Job, ScoringFailure},
};

/// A queued job; `Err` holds the stored bytes if they are damaged.
pub type Waiting = (ConversationId, Result<Job, Value>);

/// A page of jobs in key order, and the remaining range; `None` at the end.
pub async fn page(
    reader: &dyn Scanner,
    range: KeyRange,
    limit: usize,
) -> Result<(Vec<Waiting>, Option<KeyRange>), StoreError> {
    let pairs = reader.scan(range.clone(), limit, Direction::Ascending).await?;
    let rest = match pairs.last() {
        Some((last, _)) if pairs.len() == limit => Some(range.after(last.clone())),
        _ => None,
    };
    let waiting = |(key, raw): (Key, Value)| {
        let job = records::decode(&key, &raw).map_err(|_| raw);
        Some((conversation_of(&key)?, job))
    };
    Ok((pairs.into_iter().filter_map(waiting).collect(), rest))
}

/// A conversation's job. A damaged one is left for [`page`] to report.
pub async fn find(reader: &dyn Reader, conversation: ConversationId) -> Result<Option<Job>, StoreError> {
    let key = reader.keys().job(conversation);
    let raw = reader.get(vec![key.clone()]).await?.pop().flatten();
    Ok(raw.and_then(|raw| records::decode(&key, &raw).ok()))
}

/// The length and age of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub jobs: usize,
    /// When the oldest job was queued.
    pub oldest: Option<UnixMillis>,
    /// Whether there are more jobs than were counted.
    pub more: bool,
}

/// Counts jobs, up to about `most`.
pub async fn depth(reader: &dyn Scanner, most: usize) -> Result<Depth, StoreError> {
    const COUNTED_AT_ONCE: usize = 1000;
    let mut depth = Depth { jobs: 0, oldest: None, more: false };
    let mut range = Some(reader.keys().jobs());
    while let Some(rest) = range.take() {
        depth.more = depth.jobs >= most;
        if depth.more {
            break;
        }
        let (jobs, rest) = page(reader, rest, COUNTED_AT_ONCE).await?;
        depth.jobs += jobs.len();
        let times = jobs.iter().filter_map(|(_, job)| Some(job.as_ref().ok()?.create_time));
        depth.oldest = times.chain(depth.oldest).min();
        range = rest;
    }
    Ok(depth)
}

/// The number of conversations whose scoring was given up, counted up to about `most`, and whether there are more.
pub async fn count_failures(reader: &dyn Scanner, most: usize) -> Result<(usize, bool), StoreError> {
    const COUNTED_AT_ONCE: usize = 1000;
    let (mut range, mut count) = (reader.keys().scoring_failures(), 0);
    while count < most {
        let keys = reader.scan_keys(range.clone(), COUNTED_AT_ONCE, Direction::Ascending).await?;
        count += keys.len();
        match keys.into_iter().next_back() {
            Some(last) => range = range.after(last),
            None => return Ok((count, false)),
        }
    }
    Ok((count, true))
}

/// The conversation of a job's key. Any other key is logged and skipped.
fn conversation_of(key: &Key) -> Option<ConversationId> {
    let conversation = keys::conversation_of_job(key);
    if conversation.is_none() {
        tracing::error!(key = %format_args!("{key:02x?}"), "the queue holds what is no job");
    }
    conversation
}

/// A conversation's waiting job, or its failure.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub job: Option<Job>,
    pub failure: Option<ScoringFailure>,
}

/// The jobs of several conversations, plus failures where requested, and how many values were read.
pub async fn find_many(
    reader: &dyn Reader,
    wanted: Vec<(ConversationId, bool)>,
) -> Result<(Vec<(ConversationId, State)>, usize), StoreError> {
    let failures = wanted.iter().filter(|(_, with_failure)| *with_failure);
    let jobs = wanted.iter().map(|(id, _)| reader.keys().job(*id));
    let keys: Vec<Key> = jobs.chain(failures.map(|(id, _)| reader.keys().scoring_failure(*id))).collect();
    let reads = keys.len();
    let values = reader.get(keys.clone()).await?;
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

/// Queues a version of a conversation that has never had a job.
pub fn put_first(decision: &mut Decision<'_>, conversation: ConversationId, version: u64, now: UnixMillis) {
    let job = Job { version, failed_attempts: 0, not_before: UnixMillis::clamped(0), create_time: now };
    // Replaces any waiting job: there is only one, for the newest version.
    decision.overwrite(decision.keys().job(conversation), &job);
}

/// Queues a new version, replacing any waiting job and clearing the failure of an older version.
pub async fn put_next(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    version: u64,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let key = decision.keys().scoring_failure(conversation);
    // Read, and so expected, even if absent: an older version may be given up concurrently.
    if get_one::<ScoringFailure>(&*decision, key.clone()).await?.is_some() {
        decision.delete(key);
    }
    put_first(decision, conversation, version, now);
    Ok(())
}

/// Removes a finished job, which must have been read.
pub fn end(decision: &mut Decision<'_>, conversation: ConversationId) {
    decision.delete(decision.keys().job(conversation));
}

/// Requeues a job for another attempt. It must have been read.
pub fn put_back(decision: &mut Decision<'_>, conversation: ConversationId, job: &Job) {
    decision.replace(decision.keys().job(conversation), job);
}

/// Removes a conversation's job and failure, if any.
pub async fn withdraw(decision: &mut Decision<'_>, conversation: ConversationId) -> Result<(), StoreError> {
    let keys = decision.keys();
    let wanted = vec![keys.job(conversation), keys.scoring_failure(conversation)];
    let found = decision.get(wanted.clone()).await?;
    for (key, _) in wanted.into_iter().zip(found).filter(|(_, value)| value.is_some()) {
        decision.delete(key);
    }
    Ok(())
}

/// Gives up a job, which must have been read, and records why.
pub fn give_up(decision: &mut Decision<'_>, conversation: ConversationId, failure: &ScoringFailure) {
    end(decision, conversation);
    decision.put(decision.keys().scoring_failure(conversation), failure);
}
