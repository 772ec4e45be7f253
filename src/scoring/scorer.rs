//! Scoring a transcript with several scorecards at once.

use std::{collections::HashSet, sync::Arc};

use super::{
    facts::{self, Context, Digest, FactId, Facts, View, digest},
    rules::{Scope, Variables},
    scorecard::Scorecard,
    summary::summary,
};
use crate::domain::{
    Author, Axis, CriterionResult, LastAnswers, Message, MessageId, RevisionRef, ScoredFact, Totals,
    Transcript, Unit, UnitKind, UnixMillis, worklog,
};

/// Scores transcripts with the given scorecards: the active ones, or one to preview.
#[derive(Debug)]
pub struct Scorer {
    scorecards: Vec<Arc<Scorecard>>,
    /// The facts that the scorecards of each kind use together, so that a fact is computed once per unit.
    conversation_facts: Vec<FactId>,
    worklog_facts: Vec<FactId>,
    /// The names of all of them.
    fact_names: HashSet<&'static str>,
    idle_millis: i64,
}

/// One unit scored with one scorecard.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    pub scorecard: RevisionRef,
    pub unit: Unit,
    /// Whose work it is; absent for a whole conversation.
    pub assessee: Option<Author>,
    pub criteria: Vec<CriterionResult>,
    pub totals: Totals,
    /// Present for AXIS.
    pub axis: Option<Axis>,
    pub summary: String,
    /// The known facts that the scorecard uses, in alphabetical order.
    pub facts: Vec<ScoredFact>,
}

impl Scorer {
    pub fn new(scorecards: Vec<Arc<Scorecard>>) -> Self {
        let facts_of = |unit: UnitKind| {
            let of_kind = scorecards.iter().filter(|scorecard| scorecard.revision().unit == unit);
            let mut named: Vec<FactId> = of_kind.flat_map(|scorecard| scorecard.facts()).copied().collect();
            named.sort_unstable();
            named.dedup();
            named
        };
        let conversation_facts = facts_of(UnitKind::Conversation);
        let worklog_facts = facts_of(UnitKind::Worklog);
        let all = conversation_facts.iter().chain(&worklog_facts);
        let fact_names = all.map(|id| facts::get(*id).name).collect();
        let idle_millis = worklog::IDLE_MILLIS;
        Self { scorecards, conversation_facts, worklog_facts, fact_names, idle_millis }
    }

    /// Splits worklogs after a silence other than 24 hours.
    #[must_use]
    pub fn with_idle_millis(self, idle_millis: i64) -> Self {
        Self { idle_millis, ..self }
    }

    pub fn scorecards(&self) -> impl Iterator<Item = &RevisionRef> {
        self.scorecards.iter().map(|scorecard| &scorecard.revision().revision)
    }

    /// Whether any scorecard uses one of these facts.
    pub fn reads(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.fact_names.contains(name))
    }

    /// Scores a transcript of a conversation without ratings.
    pub fn score(&self, transcript: &Transcript, now: UnixMillis) -> Vec<Scored> {
        self.score_rated(transcript, LastAnswers::default(), now)
    }

    /// Scores a transcript: one result per unit and applicable scorecard, the whole conversation first, then the worklogs
    /// in order. `now` is the time of the answers.
    pub fn score_rated(&self, transcript: &Transcript, answers: LastAnswers, now: UnixMillis) -> Vec<Scored> {
        let digests = digest(&transcript.messages, transcript.conversation.given_language());
        let automatic = automatic(&digests);
        let is_automatic = |message: &Message| automatic.contains(&message.id);
        let context = Context::of(transcript, is_automatic, answers);
        let mut scored = Vec::new();
        if self.has(UnitKind::Conversation) {
            let view = View::conversation(&digests).context(context);
            self.score_unit(&view, Unit::Conversation, None, now, &mut scored);
        }
        if self.has(UnitKind::Worklog) {
            let worklogs = worklog::cut(
                &transcript.messages,
                is_automatic,
                &transcript.conversation.handling.status_changes,
                self.idle_millis,
            );
            let windows = worklog::windows(&worklogs, digests.len());
            let scored_worklogs = worklogs.iter().zip(windows).take(worklog::MAX_WORKLOGS);
            for (index, (worklog, window)) in scored_worklogs.enumerate() {
                let taken_over =
                    worklogs[index + 1..].iter().any(|later| !later.agent.is_same_as(&worklog.agent));
                let view = View::worklog(&digests, window, taken_over).context(context);
                let unit = Unit::Worklog { first_message: worklog.first_message };
                self.score_unit(&view, unit, Some(&worklog.agent), now, &mut scored);
            }
        }
        scored
    }

    fn has(&self, unit: UnitKind) -> bool {
        self.scorecards.iter().any(|scorecard| scorecard.revision().unit == unit)
    }

    fn score_unit(
        &self,
        view: &View,
        unit: Unit,
        assessee: Option<&Author>,
        now: UnixMillis,
        scored: &mut Vec<Scored>,
    ) {
        let wanted = match view.unit {
            UnitKind::Conversation => &self.conversation_facts,
            UnitKind::Worklog => &self.worklog_facts,
        };
        let facts = Facts::of(view, wanted);
        let variables = Variables::of(&facts);
        let mut scope = Scope::new(&variables);
        for scorecard in self.scorecards.iter().filter(|scorecard| scorecard.revision().unit == view.unit) {
            if scorecard.applies(&scope) {
                scored.push(assess(scorecard, view, unit, assessee, &facts, &mut scope, now));
            }
        }
    }
}

fn assess(
    scorecard: &Scorecard,
    view: &View,
    unit: Unit,
    assessee: Option<&Author>,
    facts: &Facts,
    scope: &mut Scope,
    now: UnixMillis,
) -> Scored {
    let criteria = scorecard.answers(facts, scope, now);
    let totals = Totals::of(scorecard.revision(), &criteria);
    let facts = facts.scored(scorecard.facts());
    let axis = if scorecard.is_axis() { Axis::from_results(&criteria, &facts) } else { None };
    let summary = summary(view, scorecard.revision(), &criteria, &totals, axis.as_ref());
    Scored {
        scorecard: scorecard.revision().revision.clone(),
        unit,
        assessee: assessee.cloned(),
        criteria,
        totals,
        axis,
        summary,
        facts,
    }
}

/// Those that no person wrote.
fn automatic(digests: &[Digest]) -> HashSet<MessageId> {
    digests.iter().filter(|digest| digest.automatic.is_some()).map(|digest| digest.id).collect()
}

/// Every fact of a whole conversation, by name: for examining a transcript without a scorecard.
pub fn conversation_facts(transcript: &Transcript, answers: LastAnswers) -> Vec<ScoredFact> {
    let digests = digest(&transcript.messages, transcript.conversation.given_language());
    let every: Vec<FactId> = facts::all().iter().filter_map(|fact| facts::find(fact.name)).collect();
    let automatic = automatic(&digests);
    let context = Context::of(transcript, |message| automatic.contains(&message.id), answers);
    Facts::of(&View::conversation(&digests).context(context), &every).scored(&every)
}
