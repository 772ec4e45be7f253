//! Reading assessments.

use crate::{
    domain::{
        Assessment, AssessmentId, AssessmentState, Axis, ConversationId, ConversationRef, Receipt, axis,
    },
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
    let not_found =
        || Error::not_found(ResourceKind::Assessment, format!("conversations/{parent}/assessments/{id}"));
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
        return Err(Error::not_found(ResourceKind::Conversation, format!("conversations/{conversation}")));
    }
    let has_more = assessments.len() > limit;
    assessments.truncate(limit);
    Ok(AssessmentPage { assessments, has_more })
}

/// What became of an import, with what its scoring gave.
#[derive(Clone, Debug)]
pub struct ScoredImport {
    pub status: ImportStatus,
    /// Absent until the scoring is done, and where AXIS is not in use.
    pub axis: Option<Axis>,
    /// Ascending by number, at most as many as were asked for, without deleted ones; empty until the scoring is done.
    pub assessments: Vec<Assessment>,
}

/// The import with this receipt and, once it is scored, its AXIS and its first `limit` assessments.
pub async fn get_scored_import(
    services: &Services,
    receipt: &Receipt,
    limit: usize,
) -> Result<ScoredImport, Error> {
    let status = get_import(services, receipt).await?;
    // Asked before the assessments are read: what was done then has all of them now.
    if !matches!(status.scoring, ScoringStatus::Done | ScoringStatus::Off) {
        return Ok(ScoredImport { status, axis: None, assessments: Vec::new() });
    }
    let store = &*services.store;
    let id = status.conversation.id;
    let mut assessments = assessment::list_after(store, id, AssessmentId(0), limit).await?;
    let axis = match assessment::find_number_of_whole(store, id, axis::SCORECARD).await? {
        None => None,
        Some(number) => match assessments.iter().find(|assessment| assessment.id == number) {
            Some(found) => Some(found.clone()),
            None => assessment::find(store, id, number).await?.map(|stored| stored.value),
        },
    };
    let axis = axis.filter(|axis| axis.state != AssessmentState::Deleted).and_then(|axis| axis.axis);
    assessments.retain(|assessment| assessment.state != AssessmentState::Deleted);
    Ok(ScoredImport { status, axis, assessments })
}
