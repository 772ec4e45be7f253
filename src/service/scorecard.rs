//! Scorecards: seeding the built-in ones, reading, and compiling the active ones into the scorer.

use std::sync::Arc;

use crate::{
    domain::{RevisionRef, ScorecardRevision, ScorecardState, UnixMillis},
    error::{Error, ResourceKind},
    scoring::{self, Builtin, Scorecard, Scorer},
    store::{Decision, Space, scorecard},
};

use super::{
    Call, Settings,
    decide::{Decide, until_committed},
};

/// How many scorecards are read at once.
const PAGE: usize = 100;
/// The revisions of a built-in family are numbered from its id times this: fixed, and below every leased id.
const BUILTIN_REVISIONS: u64 = 1_000_000;

/// A page of scorecards, each the newest revision of its family.
#[derive(Clone, Debug)]
pub struct ScorecardPage {
    /// By base, without deleted ones.
    pub revisions: Vec<ScorecardRevision>,
    /// The last base that was looked at.
    pub last: Option<String>,
    /// Whether there are more after it.
    pub has_more: bool,
}

/// One revision of a scorecard; without an ordinal the newest.
pub async fn get_scorecard(
    call: Call<'_>,
    base: &str,
    ordinal: Option<u32>,
) -> Result<ScorecardRevision, Error> {
    let store = &call.space();
    let revision = match ordinal {
        Some(ordinal) => scorecard::find_revision(store, base, ordinal).await?,
        None => scorecard::find_newest(store, base).await?.map(|(_, revision)| revision),
    };
    let name = || match ordinal {
        Some(ordinal) => format!("scorecards/{base}/revisions/{ordinal}"),
        None => format!("scorecards/{base}"),
    };
    revision.ok_or_else(|| Error::not_found(ResourceKind::Scorecard, name()))
}

/// At most `limit` scorecards after the base `after`.
pub async fn list_scorecards(
    call: Call<'_>,
    after: Option<&str>,
    limit: usize,
) -> Result<ScorecardPage, Error> {
    let mut revisions = scorecard::list_newest_after(&call.space(), after, limit + 1).await?;
    let has_more = revisions.len() > limit;
    revisions.truncate(limit);
    let last = revisions.last().map(|revision| revision.revision.base.clone());
    revisions.retain(|revision| revision.state != ScorecardState::Deleted);
    Ok(ScorecardPage { revisions, last, has_more })
}

/// Stores the built-in scorecards that are not stored yet, and a new revision of each whose text has changed since. A
/// retired or deleted one stays so.
pub(super) async fn seed_builtins(space: Space<'_>, now: UnixMillis) -> Result<(), Error> {
    for builtin in scoring::builtins() {
        until_committed(space, None, &Seed { builtin, now }).await?;
    }
    Ok(())
}

struct Seed {
    builtin: Builtin,
    now: UnixMillis,
}

impl Decide for Seed {
    type Answer = ();

    fn subject(&self) -> String {
        format!("scorecards/{}", self.builtin.base)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        let Self { builtin, now } = self;
        let stored = scorecard::find_newest(&*decision, builtin.base).await?;
        let file = scoring::yaml::parse(builtin.yaml).map_err(|violations| {
            Error::Internal(format!("the built-in scorecard {}: {violations}", builtin.base))
        })?;
        let (ordinal, state) = match stored {
            Some((family, _)) if family.seeded_hash.as_ref() == Some(&file.content_hash) => return Ok(()),
            Some((_, newest)) => (newest.revision.ordinal + 1, newest.state),
            None => (1, file.state),
        };
        let name = RevisionRef {
            base: builtin.base.to_owned(),
            base_id: builtin.base_id,
            ordinal,
            revision_id: builtin.base_id * BUILTIN_REVISIONS + u64::from(ordinal),
        };
        let revision = ScorecardRevision { state, ..file.into_revision(name, *now) };
        scorecard::put_seeded(decision, &revision);
        Ok(())
    }
}

/// Compiles every active scorecard.
pub(super) async fn load_scorer(space: Space<'_>, settings: Settings) -> Result<Scorer, Error> {
    let mut active = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = scorecard::list_newest_after(&space, after.as_deref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        after = page.last().map(|revision| revision.revision.base.clone());
        for revision in page.into_iter().filter(|revision| revision.state == ScorecardState::Active) {
            let base = revision.revision.base.clone();
            let compiled = Scorecard::compile(revision).map_err(|violations| {
                Error::Internal(format!("the stored scorecard {base}: {violations}"))
            })?;
            active.push(Arc::new(compiled));
        }
        if is_last {
            return Ok(Scorer::new(active).with_idle_millis(settings.worklog_idle_millis()));
        }
    }
}
