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
        Decision, Reader as _, StoreError, Value, assessment, conversation, get_one,
        lease::LeasedTask,
        queue, rating,
        records::{AssessmentEntry, AssessmentIndex, Head, Job, ScoringFailure},
    },
};

use super::{Call, Services, decide::Decide, directory, listing};

/// What came of an attempt to score a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its assessments are stored and its job is ended.
    Scored,
    /// It has no job: somebody else was faster.
    NothingToDo,
    /// It kept changing, or this process no longer holds the lease of scoring; its job waits.
    ChangedMeanwhile,
}

/// Scores the version that the conversation's job names. A crash at any moment leaves the job or the assessments, never half.
///
/// Errors: [`Error::Internal`] when the computation failed, [`Error::Damaged`] when what is stored is damaged: that is a failed attempt, see
/// [`record_failed_attempt`]. Others say that the store would not answer.
pub async fn score_conversation(call: Call<'_>, id: ConversationId) -> Result<Outcome, Error> {
    score(Score { call, id, is_leased: false }).await
}

/// The same for the scoring task, whose process must have the lease of scoring until it is committed.
pub async fn score_leased(call: Call<'_>, id: ConversationId) -> Result<Outcome, Error> {
    score(Score { call, id, is_leased: true }).await
}

async fn score(score: Score<'_>) -> Result<Outcome, Error> {
    match score.call.decide(&score).await {
        Err(Error::ConcurrentChange { .. }) => Ok(Outcome::ChangedMeanwhile),
        scored => scored,
    }
}

/// Scores a conversation until what was stored of it is scored, as the scoring task does, but at once.
///
/// Errors: as [`score_conversation`]; an attempt that failed is counted.
pub async fn score_now(call: Call<'_>, id: ConversationId) -> Result<(), Error> {
    loop {
        let job = get_one::<Job>(&call.space(), call.keys().job(id)).await?;
        let Some(job) = job else { return Ok(()) };
        match score_conversation(call, id).await {
            Ok(Outcome::Scored | Outcome::NothingToDo) => return Ok(()),
            Ok(Outcome::ChangedMeanwhile) => {}
            Err(error @ (Error::Internal(_) | Error::Damaged(_))) => {
                tracing::error!(conversation = %id, cause = %error, "an attempt at scoring failed");
                record_failed_attempt(call, id, &job).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
    }
}

struct Score<'a> {
    call: Call<'a>,
    id: ConversationId,
    is_leased: bool,
}

impl Decide for Score<'_> {
    type Answer = Outcome;

    fn subject(&self) -> String {
        format!("conversations/{}", self.id)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Outcome, Error> {
        let (services, id) = (self.call.services, self.id);
        let _room = if self.is_leased { services.threads.room().await } else { None };
        if self.is_leased && !services.leases.expect_held(decision, LeasedTask::Scoring).await? {
            return Ok(Outcome::ChangedMeanwhile);
        }
        let Some(found) = conversation::find(&*decision, id).await? else {
            return match get_one::<Job>(&*decision, decision.keys().job(id)).await? {
                None => Ok(Outcome::NothingToDo),
                Some(_) => Err(Error::Internal(format!("conversation {id} has a job and is not stored"))),
            };
        };
        if found.job.is_none() {
            return Ok(Outcome::NothingToDo);
        }
        let guarded = decision.guarded_by(&decision.keys().head(id));
        let transcript = Arc::new(conversation::transcript(&guarded, found.head).await?);
        // In a commit of its own, which is rare: most conversations are of people who were met before.
        directory::meet_all(self.call, &transcript).await?;
        let version = transcript.conversation.version;
        let scorer = services.scorer();
        let families: Vec<String> = scorer.scorecards().map(|scorecard| scorecard.base.clone()).collect();
        let now = services.clock.now();
        let mut answers = LastAnswers::default();
        if scorer.reads(&OF_RATINGS) {
            // An answer that comes meanwhile makes another version of the conversation.
            answers = LastAnswers::of(rating::newest(&guarded, id).await?.iter());
        }
        let scored_transcript = Arc::clone(&transcript);
        let computed =
            services.threads.run(move || scorer.score_rated(&scored_transcript, answers, now)).await;
        let scored = computed
            .map_err(|cause| Error::Internal(format!("scoring conversation {id} failed: {cause}")))?;

        let (index, existing) = assessment::find_indexed(&*decision, id).await?;
        // Afresh: computing takes a while, and others have logged events meanwhile.
        let now = services.clock.now();
        let merge = Merge { services, conversation: id, version, now, families };
        let Written { changed, score_tenths } = merge.put_changes(decision, scored, index, existing).await?;
        let mut listing = listing::Update::begin(decision, id).await?;
        let scored = listing::Scored { failed_attempts: None, score_tenths };
        listing.settle(&transcript.conversation, &transcript.messages, &scored);
        listing.put(decision);
        queue::end(decision, id);
        let kind = EventKind::AssessmentsScored { assessments: changed };
        decision.log(&Event { conversation: id, time: now, kind });
        Ok(Outcome::Scored)
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
        decision: &mut Decision<'_>,
        scored: Vec<Scored>,
        index: AssessmentIndex,
        existing: Vec<Assessment>,
    ) -> Result<Written, Error> {
        let mut stored: HashMap<(Unit, String), Assessment> =
            index.entries.iter().map(|entry| (entry.unit, entry.scorecard.clone())).zip(existing).collect();
        let is_new = |scored: &&Scored| !stored.contains_key(&(scored.unit, scored.scorecard.base.clone()));
        let new_count = scored.iter().filter(is_new).count() as u64;
        let mut next_id = if new_count > 0 { self.services.ids.take(new_count).await? } else { 0 };
        let (mut changed, mut score_tenths) = (Vec::new(), None);
        let mut kept = index.entries.clone();
        for scored in scored {
            let unit = (scored.unit, scored.scorecard.base.clone());
            let Some(stored) = stored.remove(&unit) else {
                let id = AssessmentId(next_id);
                next_id += 1;
                changed.push(id);
                score_tenths = score_tenths.or(axis_score(&scored));
                assessment::put_new(decision, &self.first_scored(id, scored));
                kept.push(AssessmentEntry { unit: unit.0, scorecard: unit.1, assessment: id });
                continue;
            };
            if belongs_to_a_person(stored.state) {
                score_tenths = score_tenths.or(listing::score_of([&stored]));
                let agrees = answers_the_same(&stored, &scored);
                changed.extend(self.put_mark(decision, stored, !agrees));
                continue;
            }
            score_tenths = score_tenths.or(axis_score(&scored));
            if !says_the_same(&stored, &scored) {
                let assessment = self.rescored(&stored, scored);
                changed.push(assessment.id);
                assessment::put_changed(decision, &stored, &assessment);
            }
        }
        // What is left was a unit once: another idle time cuts other worklogs, a filter may no longer let a unit pass, its
        // only message was deleted.
        stored.retain(|(_, family), _| self.families.contains(family));
        let (touched, gone): (HashMap<_, _>, HashMap<_, _>) =
            stored.into_iter().partition(|(_, stored)| belongs_to_a_person(stored.state));
        for stored in touched.into_values() {
            changed.extend(self.put_mark(decision, stored, true));
        }
        kept.retain(|entry| !gone.contains_key(&(entry.unit, entry.scorecard.clone())));
        for gone in gone.into_values() {
            changed.push(gone.id);
            assessment::delete(decision, &gone);
        }
        changed.sort_unstable();
        assessment::put_index(decision, self.conversation, &index, &AssessmentIndex { entries: kept });
        Ok(Written { changed, score_tenths })
    }

    /// Marks an assessment that a person has touched as stale, or takes the mark away; answers its number when that
    /// changed it. Nobody reads the mark of a deleted one.
    fn put_mark(
        &self,
        decision: &mut Decision<'_>,
        read: Assessment,
        is_stale: bool,
    ) -> Option<AssessmentId> {
        let is_deleted = read.state == AssessmentState::Deleted;
        if is_deleted || read.stale_time.is_some() == is_stale {
            return None;
        }
        let mut marked = read.clone();
        marked.stale_time = is_stale.then_some(self.now);
        marked.version += 1;
        marked.update_time = self.now;
        assessment::put_changed(decision, &read, &marked);
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
    let answer = |answer: &Option<Answer>| {
        answer.clone().map(|answer| Answer { time: UnixMillis::clamped(0), ..answer })
    };
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

/// Counts a failed attempt at a job: it waits longer each time, and after the last attempt it is given up, which is stored too.
///
/// `tried` is the job as it was before the attempt. A version that was stored since has not failed yet, and nothing is counted.
pub async fn record_failed_attempt(call: Call<'_>, id: ConversationId, tried: &Job) -> Result<(), Error> {
    let mut decision = Decision::new(call.space());
    // The job alone is read: the conversation's head may be what is damaged.
    let Some(job) = get_one::<Job>(&decision, call.keys().job(id)).await? else { return Ok(()) };
    if job != *tried {
        return Ok(());
    }
    let failed_attempts = job.failed_attempts.saturating_add(1);
    if failed_attempts >= call.services.settings().scoring_attempts {
        return give_up(call, decision, id, job.version, failed_attempts).await;
    }
    let now = call.services.clock.now();
    let not_before = now.plus_millis(backoff_millis(failed_attempts));
    queue::put_back(&mut decision, id, &Job { failed_attempts, not_before, ..job });
    // False where the conversation changed: its new version has not failed yet.
    decision.commit().await?;
    Ok(())
}

/// Gives a job up that cannot be read: no attempt is possible, and it must not stay in the way of the others.
pub async fn give_up_damaged(call: Call<'_>, id: ConversationId, job: Value) -> Result<(), Error> {
    tracing::error!(conversation = %id, "a job of the queue is damaged; its scoring is given up");
    let mut decision = Decision::new(call.space());
    decision.expect(call.keys().job(id), Some(job));
    give_up(call, decision, id, 0, 0).await
}

async fn give_up(
    call: Call<'_>,
    mut decision: Decision<'_>,
    id: ConversationId,
    version: u64,
    failed_attempts: u32,
) -> Result<(), Error> {
    let now = call.services.clock.now();
    let failure = ScoringFailure { version, failed_attempts, cause: FAILURE.to_owned(), time: now };
    match put_failed_listing(&mut decision, id, failed_attempts).await {
        // What is damaged may be why it is given up; then it stays out of lists with a filter.
        Ok(()) | Err(StoreError::Corrupt(_)) => {}
        Err(error) => return Err(error.into()),
    }
    queue::give_up(&mut decision, id, &failure);
    decision.log(&Event { conversation: id, time: now, kind: EventKind::ScoringFailed });
    // False where the conversation changed: its new version has not failed yet.
    decision.commit().await?;
    Ok(())
}

/// Indexes a conversation whose scoring is given up.
async fn put_failed_listing(
    decision: &mut Decision<'_>,
    id: ConversationId,
    failed_attempts: u32,
) -> Result<(), StoreError> {
    let head_key = decision.keys().head(id);
    let Some(head) = get_one::<Head>(&*decision, head_key.clone()).await? else { return Ok(()) };
    if head.conversation.delete_time.is_some() {
        return Ok(());
    }
    let conversation = head.conversation.clone();
    let messages = match conversation::transcript(&decision.guarded_by(&head_key), head).await {
        Ok(transcript) => Some(transcript.messages),
        Err(StoreError::Corrupt(_)) => None,
        Err(error) => return Err(error),
    };
    let mut listing = listing::Update::begin(decision, id).await?;
    listing.fail(&conversation, messages.as_deref(), failed_attempts);
    listing.put(decision);
    Ok(())
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
