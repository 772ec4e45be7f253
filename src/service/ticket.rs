//! The assessments of one conversation's worklogs, with everything that the Enneo dialect shows next to them.

use std::collections::{HashMap, HashSet};

use crate::{
    domain::{
        Assessment, AssessmentId, AssessmentState, Author, Conversation, ConversationRef, Message, MessageId,
        Rating, Transcript, Unit,
        experience::Experience,
        work::{self, Work},
        worklog,
    },
    error::Error,
    scoring::written,
    store::{Scanner, assessment, conversation, rating, records::Head},
};

use super::{
    Call, Services,
    conversation::{ScoringStatus, scoring_status},
    directory::{self, KnownAuthor},
};

/// How many assessments are read at once.
const PAGE: usize = 256;

/// The assessments of a conversation's worklogs.
#[derive(Clone, Debug)]
pub struct TicketAssessments {
    /// Ascending by number, without deleted ones.
    pub rows: Vec<Row>,
    /// The same for all of them.
    pub experience: Experience,
    /// The last answered rating. The same for all of them.
    pub csat: Option<Csat>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Row {
    pub assessment: Assessment,
    pub progress: Progress,
    /// The number of whose work it is; absent until they have entered the directory.
    pub assessee: Option<u64>,
    /// The worklog's first message, which is also its id.
    pub worklog: MessageId,
    /// Absent when the worklog is no more, as after a change of the idle time: what a person has touched outlives it.
    pub work: Option<Work>,
    /// Those that the work names, in their order.
    pub ai_agents: Vec<AiAgent>,
}

/// The state of an assessment, including derived states that are not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// As it is stored.
    Is(AssessmentState),
    /// Its conversation waits to be scored again, or is being scored, and that may change it.
    AiInProgress,
    /// Its conversation was given up after it had changed.
    Failed,
}

impl Progress {
    /// An assessment that a person has touched is never overwritten, so a pending scoring does not affect it.
    fn of(state: AssessmentState, scoring: &ScoringStatus) -> Self {
        match (state, scoring) {
            (
                AssessmentState::ReviewOngoing
                | AssessmentState::ReviewedBySupervisor
                | AssessmentState::DiscussedWithAssessee
                | AssessmentState::Deleted,
                _,
            ) => Self::Is(state),
            (_, ScoringStatus::Pending { .. }) => Self::AiInProgress,
            (_, ScoringStatus::Failed { .. }) => Self::Failed,
            (_, ScoringStatus::Done | ScoringStatus::Off) => Self::Is(state),
        }
    }

    /// A discussed assessment is final. There is no authorization yet, so anyone may edit the rest.
    pub fn is_editable(self) -> bool {
        !matches!(self, Self::Is(AssessmentState::DiscussedWithAssessee | AssessmentState::Deleted))
    }
}

/// An AI agent that had to do with a worklog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AiAgent {
    /// Absent until they have entered the directory.
    pub number: Option<u64>,
    /// Empty if it has no name.
    pub name: String,
    pub description: String,
}

/// The last answered rating of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csat {
    /// The rating's UUID.
    pub id: String,
    /// The best answer there is: 5, 10 or 1.
    pub scale: u8,
    pub answer: u8,
    pub text: Option<String>,
}

/// The assessments of the worklogs of one conversation. Numbers of people are those that callers of `numeric_source` know. It
/// writes nothing: an agent enters the directory before their work is scored.
pub async fn get_ticket_assessments(
    call: Call<'_>,
    name: &ConversationRef,
    numeric_source: &str,
) -> Result<TicketAssessments, Error> {
    let store = &call.space();
    let not_found = || Error::no_conversation(name);
    let id = conversation::resolve(store, name).await?.ok_or_else(not_found)?;
    // Read before the conversation: a growing conversation keeps every worklog that an assessment names.
    let mut assessments = Vec::new();
    loop {
        let after = assessments.last().map_or(AssessmentId(0), |last: &Assessment| last.id);
        let page = assessment::list_after(store, id, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        assessments.extend(page);
        if is_last {
            break;
        }
    }
    let found = conversation::find(store, id).await?.ok_or_else(not_found)?;
    let scoring = scoring_status(&found);
    let (transcript, automatic) = who_wrote(store, found.head).await?;
    if transcript.conversation.delete_time.is_some() {
        return Err(not_found());
    }
    let is_automatic = |message: &Message| automatic.contains(&message.id);
    let changes = &transcript.conversation.handling.status_changes;
    let idle_millis = call.services.settings().worklog_idle_millis();
    let worklogs = worklog::cut(&transcript.messages, is_automatic, changes, idle_millis);
    let works = work::of(&transcript.messages, &worklogs);
    let works = worklogs.iter().map(|worklog| worklog.first_message).zip(works).collect();
    let mut rows = rows_of(assessments, &scoring, works);
    name_people(call, numeric_source, &transcript.conversation, &mut rows).await?;
    let experience = Experience::of(&transcript, is_automatic, call.services.clock.now());
    let csat = rating::last_answered(store, id).await?.and_then(|rating| csat_of(call.services, &rating));
    Ok(TicketAssessments { rows, experience, csat })
}

/// Who wrote when in a conversation whose head was read: its messages without their words, and those that no person wrote.
/// Only their words tell that, and they are read in parts: a long conversation has more of them than fit in memory.
async fn who_wrote(store: &dyn Scanner, head: Head) -> Result<(Transcript, HashSet<MessageId>), Error> {
    const PART_MESSAGES: usize = 1000;
    const PART_BYTES: usize = 1024 * 1024;
    /// Well under a millisecond, less than a busy thread of another pool would keep the caller waiting.
    const READ_HERE_BYTES: usize = 16 * 1024;
    let tell = |part: Vec<Message>| {
        let automatic: Vec<MessageId> =
            part.iter().filter(|message| written::is_automatic(message)).map(|message| message.id).collect();
        (part.into_iter().map(Message::without_words).collect::<Vec<_>>(), automatic)
    };
    let count = head.conversation.message_count as usize;
    let (mut messages, mut automatic) = (Vec::new(), HashSet::new());
    while messages.len() < count {
        let last = messages.last().map_or(MessageId(0), |message: &Message| message.id);
        let part = conversation::messages_after(store, &head, last, PART_MESSAGES, PART_BYTES).await?;
        if part.is_empty() {
            break;
        }
        let (part, ids) = if part.iter().map(Message::text_bytes).sum::<usize>() <= READ_HERE_BYTES {
            tell(part)
        } else {
            // Not on the threads that score, since a caller waits, nor on those that serve everybody else.
            let told = tokio::task::spawn_blocking(move || tell(part));
            told.await.map_err(|_panicked| {
                Error::Internal(format!("telling who wrote in conversation {} failed", head.conversation.id))
            })?
        };
        messages.extend(part);
        automatic.extend(ids);
    }
    // Those beyond it were added after the head was read.
    messages.truncate(count);
    Ok((Transcript { conversation: head.conversation, messages }, automatic))
}

/// The question answered last; the first of several answered at once.
fn csat_of(services: &Services, rating: &Rating) -> Option<Csat> {
    let answered =
        rating.questions.iter().filter_map(|question| Some((question.kind, question.answer.as_ref()?)));
    let (kind, answer) = answered.rev().max_by_key(|(_, answer)| answer.time)?;
    Some(Csat {
        id: services.rating_uuid_of(rating).to_string(),
        scale: *kind.values().end(),
        answer: answer.value,
        text: answer.comment.clone(),
    })
}

fn rows_of(
    assessments: Vec<Assessment>,
    scoring: &ScoringStatus,
    works: HashMap<MessageId, Work>,
) -> Vec<Row> {
    let shown = assessments.into_iter().filter(|assessment| assessment.state != AssessmentState::Deleted);
    let row = |assessment: Assessment| {
        let Unit::Worklog { first_message } = assessment.unit else { return None };
        Some(Row {
            progress: Progress::of(assessment.state, scoring),
            assessee: None,
            worklog: first_message,
            work: works.get(&first_message).cloned(),
            ai_agents: Vec::new(),
            assessment,
        })
    };
    shown.filter_map(row).collect()
}

/// Fills in the numbers and names of the people in the rows.
async fn name_people(
    call: Call<'_>,
    numeric_source: &str,
    conversation: &Conversation,
    rows: &mut [Row],
) -> Result<(), Error> {
    let mut named: Vec<&Author> = Vec::new();
    for author in rows.iter().flat_map(named_in) {
        if !named.iter().any(|known| known.is_same_as(author)) {
            named.push(author);
        }
    }
    let known = directory::find_authors(call, numeric_source, conversation, &named).await?;
    let known: Vec<(Author, KnownAuthor)> = named.into_iter().cloned().zip(known).collect();
    let of = |author: &Author| known.iter().find(|(known, _)| known.is_same_as(author));
    for row in rows {
        row.assessee = row.assessment.assessee.as_ref().and_then(|author| of(author)?.1.number);
        let agents = row.work.iter().flat_map(|work| &work.ai_agents).filter_map(of);
        row.ai_agents = agents.map(|(author, known)| ai_agent(author, known)).collect();
    }
    Ok(())
}

/// Everybody whom a row names.
fn named_in(row: &Row) -> impl Iterator<Item = &Author> {
    row.assessment.assessee.iter().chain(row.work.iter().flat_map(|work| &work.ai_agents))
}

fn ai_agent(author: &Author, KnownAuthor { number, entry }: &KnownAuthor) -> AiAgent {
    let said = entry.as_ref().map(|entry| entry.display_name.to_string()).filter(|name| !name.is_empty());
    AiAgent {
        number: *number,
        name: said.or_else(|| author.name.clone()).unwrap_or_default(),
        description: entry.as_ref().map(|entry| entry.description.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_scored_again_is_in_progress_unless_a_person_has_touched_it() {
        use AssessmentState::{AiReady, DiscussedWithAssessee, Error, ReviewOngoing, Unprocessed};
        let pending = ScoringStatus::Pending { failed_attempts: 0 };
        let failed = ScoringStatus::Failed { failed_attempts: 5, cause: String::new() };
        for state in [AiReady, Unprocessed, Error] {
            assert_eq!(Progress::of(state, &pending), Progress::AiInProgress);
            assert_eq!(Progress::of(state, &failed), Progress::Failed);
            assert_eq!(Progress::of(state, &ScoringStatus::Done), Progress::Is(state));
        }
        for state in [ReviewOngoing, DiscussedWithAssessee] {
            for scoring in [&pending, &failed, &ScoringStatus::Done] {
                assert_eq!(Progress::of(state, scoring), Progress::Is(state));
            }
        }
    }
}
