//! Reading assessments.

use crate::{
    domain::{Assessment, AssessmentId, AssessmentState, Axis, ConversationRef, Receipt, axis},
    error::{Error, ResourceKind},
    store::{assessment, conversation},
};

mod list;

pub use list::{AssessmentsOf, Listed, list_assessments};

use super::{
    Call,
    conversation::ScoringStatus,
    import::{ImportStatus, get_import},
};

/// One assessment of a conversation.
pub async fn get_assessment(
    call: Call<'_>,
    parent: &ConversationRef,
    id: AssessmentId,
) -> Result<Assessment, Error> {
    let not_found =
        || Error::not_found(ResourceKind::Assessment, format!("conversations/{parent}/assessments/{id}"));
    let Some(conversation) = conversation::resolve(&call.space(), parent).await? else {
        return Err(not_found());
    };
    if !conversation::exists(&call.space(), conversation).await? {
        return Err(not_found());
    }
    assessment::find(&call.space(), conversation, id).await?.ok_or_else(not_found)
}

/// The status of an import and the results of its scoring.
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
    call: Call<'_>,
    receipt: &Receipt,
    limit: usize,
) -> Result<ScoredImport, Error> {
    let status = get_import(call, receipt).await?;
    // Checked before the assessments are read: if scoring was done then, all of them are there now.
    if !matches!(status.scoring, ScoringStatus::Done | ScoringStatus::Off) {
        return Ok(ScoredImport { status, axis: None, assessments: Vec::new() });
    }
    let store = &call.space();
    let id = status.conversation.id;
    let mut assessments = assessment::list_after(store, id, AssessmentId(0), limit).await?;
    let axis = match assessment::find_number_of_whole(store, id, axis::SCORECARD).await? {
        None => None,
        Some(number) => match assessments.iter().find(|assessment| assessment.id == number) {
            Some(found) => Some(found.clone()),
            None => assessment::find(store, id, number).await?,
        },
    };
    let axis = axis.filter(|axis| axis.state != AssessmentState::Deleted).and_then(|axis| axis.axis);
    assessments.retain(|assessment| assessment.state != AssessmentState::Deleted);
    Ok(ScoredImport { status, axis, assessments })
}
