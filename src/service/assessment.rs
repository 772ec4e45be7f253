//! Reading assessments.

use crate::{
    domain::{Assessment, AssessmentId, ConversationId, ConversationRef},
    error::{Error, ResourceKind},
    store::{assessment, conversation},
};

use super::Services;

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
