//! Reading assessments.

use crate::{
    domain::{Assessment, AssessmentId, AssessmentState, ConversationId, ConversationRef, Receipt},
    error::{Error, ResourceKind},
    store::{assessment, conversation},
};

use super::{
    Services,
    conversation::ScoringStatus,
    import::{ImportStatus, get_import},
};

/// One assessment of a conversation.
pub async fn get_assessment(
    services: &Services,
    parent: &ConversationRef,
    id: AssessmentId,
) -> Result<Assessment, Error> {
    let not_found = || Error::not_found(ResourceKind::Assessment, format!("{id} of conversation {parent}"));
    let Some(conversation) = conversation::resolve(&*services.store, parent).await? else {
        return Err(not_found());
    };
    let stored = assessment::find(&*services.store, conversation, id).await?;
    stored.map(|stored| stored.value).ok_or_else(not_found)
}

/// A page of assessments.
#[derive(Clone, Debug)]
pub struct AssessmentPage {
    /// Ascending by number.
    pub assessments: Vec<Assessment>,
    /// Whether there are more after it.
    pub has_more: bool,
}

/// At most `limit` assessments of one conversation after `after`.
pub async fn list_assessments(
    services: &Services,
    conversation: ConversationId,
    after: AssessmentId,
    limit: usize,
) -> Result<AssessmentPage, Error> {
    let store = &*services.store;
    let mut assessments = assessment::list_after(store, conversation, after, limit + 1).await?;
    if assessments.is_empty() && !conversation::exists(store, conversation).await? {
        return Err(Error::not_found(ResourceKind::Conversation, conversation));
    }
    let has_more = assessments.len() > limit;
    assessments.truncate(limit);
    Ok(AssessmentPage { assessments, has_more })
}

/// What became of an import, with what its scoring gave.
#[derive(Clone, Debug)]
pub struct ScoredImport {
    pub status: ImportStatus,
    /// Ascending by number, without deleted ones; empty until the scoring is done.
    pub assessments: Vec<Assessment>,
}

/// The import with this receipt and, once it is scored, its assessments.
pub async fn get_scored_import(services: &Services, receipt: &Receipt) -> Result<ScoredImport, Error> {
    let status = get_import(services, receipt).await?;
    let mut assessments = Vec::new();
    // Asked before the assessments are read: what was done then has all of them now.
    if status.scoring == ScoringStatus::Done {
        let (_, stored) = assessment::find_indexed(&*services.store, status.conversation.id).await?;
        assessments.extend(stored.into_iter().map(|stored| stored.value));
        assessments.retain(|assessment| assessment.state != AssessmentState::Deleted);
        assessments.sort_unstable_by_key(|assessment| assessment.id);
    }
    Ok(ScoredImport { status, assessments })
}
