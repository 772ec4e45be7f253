//! Scoring a conversation: read it, compute, and commit what came out, at most once per version.

use std::{collections::HashMap, sync::Arc};

use crate::{
    domain::{
        Answer, Assessment, AssessmentId, AssessmentState, ConversationId, CriterionResult, Event, EventKind,
        LastAnswers, Unit, UnixMillis, axis,
    },
    error::Error,
    scoring::{Scored, facts::OF_RATINGS},
    store::{
        Batch, StoreError, Stored, Value, assessment, conversation, get_one, keys, queue, rating,
        records::{self, AssessmentEntry, AssessmentIndex, Job, ScoringFailure},
    },
};

use super::{ATTEMPTS, Services, directory, listing};

/// What came of an attempt to score a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its assessments are stored and its job is ended.
    Scored,
    /// It has no job: somebody else was faster.
    NothingToDo,
    /// It kept changing; its job waits.
    ChangedMeanwhile,
}

/// Scores the version that the conversation's job names. A crash at any moment leaves the job or the assessments, never half.
///
/// Errors: [`Error::Internal`] when the computation failed or what is stored is damaged: that is a failed attempt, see
/// [`record_failed_attempt`]. Others say that the store would not answer.
pub async fn score_conversation(services: &Services, id: ConversationId) -> Result<Outcome, Error> {
    for _ in 0..ATTEMPTS {
        if let Some(outcome) = attempt(services, id).await? {
            return Ok(outcome);
        }
    }
    Ok(Outcome::ChangedMeanwhile)
}

/// Scores a conversation until what was stored of it is scored, as the worker does, but at once.
///
/// Errors: as [`score_conversation`]; an attempt that failed is counted.
pub async fn score_now(services: &Services, id: ConversationId) -> Result<(), Error> {
    loop {
        match score_conversation(services, id).await {
            Ok(Outcome::Scored | Outcome::NothingToDo) => return Ok(()),
            Ok(Outcome::ChangedMeanwhile) => {}
            Err(Error::Internal(cause)) => {
                tracing::error!(conversation = %id, %cause, "an attempt at scoring failed");
                record_failed_attempt(services, id).await?;
                return Err(Error::Internal(cause));
            }
            Err(error) => return Err(error),
        }
    }
}

/// One attempt; `None` when the conversation changed under it.
async fn attempt(services: &Services, id: ConversationId) -> Result<Option<Outcome>, Error> {
    let store = &*services.store;
    let Some(found) = conversation::find(store, id).await? else {
        return match get_one::<Job>(store, keys::job(id)).await? {
            None => Ok(Some(Outcome::NothingToDo)),
            Some(_) => Err(Error::Internal(format!("conversation {id} has a job and is not stored"))),
        };
    };
    let Some(job) = found.job else { return Ok(Some(Outcome::NothingToDo)) };
    let transcript = Arc::new(conversation::transcript(store, found.head.value).await?);
    // In a commit of its own, which is rare: most conversations are of people who were met before.
    directory::meet_all(services, &transcript).await?;
    let version = transcript.conversation.version;
    let scorer = services.scorer();
    let families: Vec<String> = scorer.scorecards().map(|scorecard| scorecard.base.clone()).collect();
    let now = services.clock.now();
    let mut answers = LastAnswers::default();
    if scorer.reads(&OF_RATINGS) {
        answers = LastAnswers::of(rating::newest(store, id).await?.iter());
    }
    let scored_transcript = Arc::clone(&transcript);
    let computed = services.threads.run(move || scorer.score_rated(&scored_transcript, answers, now)).await;
    let scored =
        computed.map_err(|cause| Error::Internal(format!("scoring conversation {id} failed: {cause}")))?;

    let (index, existing) = assessment::find_indexed(store, id).await?;
    let mut batch = Batch::default();
    let merge = Merge { services, conversation: id, version, now, families };
    let Written { changed, score_tenths } = merge.put_changes(&mut batch, scored, index, existing).await?;
    let mut listing = listing::Update::begin(store, id).await?;
    let scored = listing::Scored { failed_attempts: None, score_tenths };
    listing.settle(&transcript.conversation, &transcript.messages, &scored);
    listing.put(&mut batch);
    conversation::expect_head(&mut batch, id, found.head.raw);
    queue::end(&mut batch, id, job.raw);
    let event =
        Event { conversation: id, time: now, kind: EventKind::AssessmentsScored { assessments: changed } };
    batch.log.push(records::encode(&event));
    match services.store.commit(batch).await {
        Ok(_) => Ok(Some(Outcome::Scored)),
        Err(StoreError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a scoring brought.
struct Written {
    /// The assessments that are new, changed or gone, ascending.
    changed: Vec<AssessmentId>,
    /// The conversation's AXIS score as it stands now.
    score_tenths: Option<u32>,
}

/// Brings freshly scored units together with the assessments that are stored.
struct Merge<'a> {
    services: &'a Services,
    conversation: ConversationId,
    version: u64,
    now: UnixMillis,
    /// The scorecards that were scored with.
    families: Vec<String>,
}

impl Merge<'_> {
    /// Puts every assessment that is new or says something else than before, and deletes those of units that are no more;
    /// answers all of them. What a person has touched stays.
    async fn put_changes(
        &self,
        batch: &mut Batch,
        scored: Vec<Scored>,
        index: Option<Stored<AssessmentIndex>>,
        existing: Vec<Stored<Assessment>>,
    ) -> Result<Written, Error> {
        let (entries, index_raw) = match index {
            Some(stored) => (stored.value.entries, Some(stored.raw)),
            None => (Vec::new(), None),
        };
        let mut stored: HashMap<(Unit, String), Stored<Assessment>> =
            entries.iter().map(|entry| (entry.unit, entry.scorecard.clone())).zip(existing).collect();
        let is_new = |scored: &&Scored| !stored.contains_key(&(scored.unit, scored.scorecard.base.clone()));
        let new_count = scored.iter().filter(is_new).count() as u64;
        let mut next_id = if new_count > 0 { self.services.ids.take(new_count).await? } else { 0 };
        let (mut changed, mut score_tenths) = (Vec::new(), None);
        let mut kept = entries;
        for scored in scored {
            let unit = (scored.unit, scored.scorecard.base.clone());
            let Some(stored) = stored.remove(&unit) else {
                let id = AssessmentId(next_id);
                next_id += 1;
                changed.push(id);
                score_tenths = score_tenths.or(axis_score(&scored));
                assessment::put_new(batch, &self.first_scored(id, scored));
                kept.push(AssessmentEntry { unit: unit.0, scorecard: unit.1, assessment: id });
                continue;
            };
            if belongs_to_a_person(stored.value.state) {
                score_tenths = score_tenths.or(listing::score_of([&stored.value]));
                let agrees = answers_the_same(&stored.value, &scored);
                changed.extend(self.put_mark(batch, stored, !agrees));
                continue;
            }
            score_tenths = score_tenths.or(axis_score(&scored));
            if !says_the_same(&stored.value, &scored) {
                let assessment = self.rescored(&stored.value, scored);
                changed.push(assessment.id);
                assessment::put_changed(batch, &assessment, stored.raw);
            }
        }
        // What is left was a unit once: another idle time cuts other worklogs, a filter may no longer let a unit pass, its
        // only message was deleted.
        stored.retain(|(_, family), _| self.families.contains(family));
        let (touched, gone): (HashMap<_, _>, HashMap<_, _>) =
            stored.into_iter().partition(|(_, stored)| belongs_to_a_person(stored.value.state));
        for stored in touched.into_values() {
            changed.extend(self.put_mark(batch, stored, true));
        }
        kept.retain(|entry| !gone.contains_key(&(entry.unit, entry.scorecard.clone())));
        for gone in gone.into_values() {
            changed.push(gone.value.id);
            assessment::delete(batch, &gone.value, gone.raw);
        }
        changed.sort_unstable();
        assessment::put_index(batch, self.conversation, &AssessmentIndex { entries: kept }, index_raw);
        Ok(Written { changed, score_tenths })
    }

    /// Marks an assessment that a person has touched as stale, or takes the mark away; answers its number when that
    /// changed it. Nobody reads the mark of a deleted one.
    fn put_mark(&self, batch: &mut Batch, read: Stored<Assessment>, is_stale: bool) -> Option<AssessmentId> {
        let is_deleted = read.value.state == AssessmentState::Deleted;
        if is_deleted || read.value.stale_time.is_some() == is_stale {
            return None;
        }
        let mut marked = read.value;
        marked.stale_time = is_stale.then_some(self.now);
        marked.version += 1;
        marked.update_time = self.now;
        assessment::put_changed(batch, &marked, read.raw);
        Some(marked.id)
    }

    fn first_scored(&self, id: AssessmentId, scored: Scored) -> Assessment {
        Assessment {
            id,
            conversation: self.conversation,
            unit: scored.unit,
            assessee: scored.assessee,
            scorecard: scored.scorecard,
            state: AssessmentState::AiReady,
            scored_version: self.version,
            version: 1,
            criteria: scored.criteria,
            totals: scored.totals,
            axis: scored.axis,
            summary: scored.summary,
            facts: scored.facts,
            create_time: self.now,
            update_time: self.now,
            stale_time: None,
        }
    }

    /// The system's answers are replaced.
    fn rescored(&self, stored: &Assessment, scored: Scored) -> Assessment {
        Assessment {
            version: stored.version + 1,
            create_time: stored.create_time,
            ..self.first_scored(stored.id, scored)
        }
    }
}

/// The score of a whole conversation, if that is what was scored.
fn axis_score(scored: &Scored) -> Option<u32> {
    let is_axis = scored.unit == Unit::Conversation && scored.scorecard.base == axis::SCORECARD;
    scored.axis.as_ref().filter(|_| is_axis).map(|axis| axis.score_tenths)
}

/// Whether a scoring came out as the one before. Its times do not count, nor does the version that it was computed from.
fn says_the_same(stored: &Assessment, scored: &Scored) -> bool {
    stored.state == AssessmentState::AiReady
        && stored.scorecard == scored.scorecard
        && stored.totals == scored.totals
        && stored.axis == scored.axis
        && stored.summary == scored.summary
        && answers_the_same(stored, scored)
}

/// Whether the system would answer as it did, from the same facts, whatever a person made of it.
fn answers_the_same(stored: &Assessment, scored: &Scored) -> bool {
    let answer =
        |answer: &Option<Answer>| answer.clone().map(|answer| Answer { time: UnixMillis(0), ..answer });
    let criterion = |result: &CriterionResult| CriterionResult {
        system: answer(&result.system),
        human: None,
        ..result.clone()
    };
    let criteria = |results: &[CriterionResult]| results.iter().map(criterion).collect::<Vec<_>>();
    stored.assessee == scored.assessee
        && stored.facts == scored.facts
        && criteria(&stored.criteria) == criteria(&scored.criteria)
}

/// What a person has begun to review, has reviewed or has deleted is not scored over.
fn belongs_to_a_person(state: AssessmentState) -> bool {
    match state {
        AssessmentState::Unprocessed | AssessmentState::AiReady | AssessmentState::Error => false,
        AssessmentState::ReviewOngoing
        | AssessmentState::ReviewedBySupervisor
        | AssessmentState::DiscussedWithAssessee
        | AssessmentState::Deleted => true,
    }
}

/// What is stored of a failure. Its cause may quote the conversation, so it goes to the log and not to callers.
pub(super) const FAILURE: &str = "scoring failed by a fault of the server; its log has the cause";

/// Counts a failed attempt: the job waits longer each time, and after the last attempt it is given up, which is stored too.
pub async fn record_failed_attempt(services: &Services, id: ConversationId) -> Result<(), Error> {
    // The job alone is read: the conversation's head may be what is damaged.
    let Some(job) = get_one::<Job>(&*services.store, keys::job(id)).await? else { return Ok(()) };
    let failed_attempts = job.value.failed_attempts.saturating_add(1);
    if failed_attempts >= services.settings.scoring_attempts {
        return give_up(services, id, job.value.version, failed_attempts, job.raw).await;
    }
    let now = services.clock.now();
    let not_before = UnixMillis(now.0.saturating_add(backoff_millis(failed_attempts)));
    let mut batch = Batch::default();
    queue::put_back(&mut batch, id, &Job { failed_attempts, not_before, ..job.value }, job.raw);
    commit_unless_changed(services, batch).await
}

/// Gives a job up that cannot be read: no attempt is possible, and it must not stay in the way of the others.
pub async fn give_up_damaged(services: &Services, id: ConversationId, job: Value) -> Result<(), Error> {
    tracing::error!(conversation = %id, "a job of the queue is damaged; its scoring is given up");
    give_up(services, id, 0, 0, job).await
}

async fn give_up(
    services: &Services,
    id: ConversationId,
    version: u64,
    failed_attempts: u32,
    job: Value,
) -> Result<(), Error> {
    let now = services.clock.now();
    let mut batch = Batch::default();
    let failure = ScoringFailure { version, failed_attempts, cause: FAILURE.to_owned(), time: now };
    queue::give_up(&mut batch, id, &failure, job);
    match put_failed_listing(services, &mut batch, id, failed_attempts).await {
        // What is damaged may be why it is given up; then it stays out of lists with a filter.
        Ok(()) | Err(StoreError::Corrupt(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let event = Event { conversation: id, time: now, kind: EventKind::ScoringFailed };
    batch.log.push(records::encode(&event));
    commit_unless_changed(services, batch).await
}

/// Takes a conversation into the lists whose scoring is given up.
async fn put_failed_listing(
    services: &Services,
    batch: &mut Batch,
    id: ConversationId,
    failed_attempts: u32,
) -> Result<(), StoreError> {
    let store = &*services.store;
    let Some(found) = conversation::find(store, id).await? else { return Ok(()) };
    let conversation = found.head.value.conversation.clone();
    let messages = match conversation::transcript(store, found.head.value).await {
        Ok(transcript) => Some(transcript.messages),
        Err(StoreError::Corrupt(_)) => None,
        Err(error) => return Err(error),
    };
    let mut listing = listing::Update::begin(store, id).await?;
    listing.fail(&conversation, messages.as_deref(), failed_attempts);
    listing.put(batch);
    Ok(())
}

async fn commit_unless_changed(services: &Services, batch: Batch) -> Result<(), Error> {
    match services.store.commit(batch).await {
        // A conflict means that the conversation changed: its new version has not failed yet.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// 1, 2, 4, … seconds up to 10 minutes, of which up to a half is taken off at random, so that jobs do not return together.
fn backoff_millis(failed_attempts: u32) -> i64 {
    let whole = 1000_i64.saturating_mul(1 << failed_attempts.saturating_sub(1).min(20)).min(600_000);
    let random = getrandom::u32().map_or(0, i64::from);
    whole - random % (whole / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_job_waits_longer_each_time_up_to_ten_minutes() {
        for (attempts, longest) in [(1, 1_000), (2, 2_000), (5, 16_000), (30, 600_000), (u32::MAX, 600_000)] {
            let waits = backoff_millis(attempts);
            assert!(waits > longest / 2 && waits <= longest, "{attempts} attempts wait {waits} ms");
        }
    }
}
