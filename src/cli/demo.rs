//! `plaudit serve --demo`: like any other client, it imports a handful of conversations, stores a ticket message by message,
//! lets customers submit ratings, waits for the scores and prints what it reads back.

mod page;
mod ratings;
mod samples;
mod ticket;

use std::{io::Write as _, net::SocketAddr, time::Duration};

use tokio::time::{Instant, sleep};
use tonic::{Code, Status, transport::Channel};

use crate::proto::v1::{
    Assessment, GetConversationRequest, ImportOutcome, ListAssessmentsRequest, ListConversationsRequest,
    ScoringState, assessment_service_client::AssessmentServiceClient,
    conversation_service_client::ConversationServiceClient, import_service_client::ImportServiceClient,
};

use self::{
    page::Page,
    samples::{SampleConversation, Samples},
};

/// How long to wait for the scores.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(10);

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(
        "the data directory holds other conversations, which the demo would join, so it stored nothing; leave out --data, or name \
         an empty directory"
    )]
    OtherData,
    #[error("the demo's files cannot be read: {0}")]
    Samples(#[from] serde_json::Error),
    #[error("the demo could not reach its own server: {0}")]
    Connect(#[from] tonic::transport::Error),
    #[error("the demo's call failed: {0}")]
    Call(#[from] Status),
    #[error("the demo's REST call failed: {0}")]
    Rest(Box<dyn std::error::Error + Send + Sync>),
    #[error("the demo's table could not be printed: {0}")]
    Print(std::io::Error),
    #[error("the demo waited {} s for {what}", PATIENCE.as_secs())]
    Slow { what: String },
    #[error("{conversation} was not scored: {failure}")]
    Unscored { conversation: String, failure: String },
}

/// A row of the table: one conversation.
struct Row {
    about: String,
    was_new: bool,
    conversation: String,
    import: String,
    assessments: Vec<Assessment>,
}

/// Stores what is not stored yet, waits for all scores and prints them.
pub async fn show(address: SocketAddr) -> Result<(), DemoError> {
    let samples = Samples::read()?;
    let channel = Channel::from_shared(format!("http://{address}"))
        .map_err(|cause| Status::internal(cause.to_string()))?
        .connect()
        .await?;
    require_own_data(&channel, &samples).await?;
    let mut rows = Vec::with_capacity(samples.conversations.len());
    for sample in samples.conversations {
        rows.push(import(&channel, sample).await?);
    }
    let (ticket, ticket_id) = (samples.ticket.conversation(), samples.ticket.ticket_id.clone());
    ticket::store(&channel, samples.ticket.into_requests()).await?;
    ratings::submit_all(&channel, samples.ratings).await?;
    for row in &mut rows {
        wait_until_scored(&channel, &row.conversation).await?;
        row.assessments = list(&channel, &row.conversation).await?;
    }
    wait_until_scored(&channel, &ticket).await?;
    let page = Page {
        rows,
        ticket: ticket::assessments(address, &ticket_id).await?,
        ticket_id,
        ratings: ratings::summary(&channel).await?,
    };
    let mut out = std::io::stdout().lock();
    out.write_all(page.text(address).as_bytes()).and_then(|()| out.flush()).map_err(DemoError::Print)
}

/// Refuses a store with conversations that no demo has been shown in.
async fn require_own_data(channel: &Channel, samples: &Samples) -> Result<(), DemoError> {
    let mut client = ConversationServiceClient::new(channel.clone());
    let request = ListConversationsRequest { page_size: 1, show_deleted: true, ..Default::default() };
    let deadline = Instant::now() + PATIENCE;
    let is_empty = loop {
        match client.list_conversations(request.clone()).await {
            Ok(found) => break found.get_ref().conversations.is_empty(),
            // The server may still be starting.
            Err(status) if status.code() == Code::Unavailable && Instant::now() < deadline => {
                sleep(POLL_EVERY).await;
            }
            Err(status) => return Err(status.into()),
        }
    };
    let Some(first) = samples.conversations.first().filter(|_| !is_empty) else { return Ok(()) };
    match client.get_conversation(GetConversationRequest { name: first.name(), ..Default::default() }).await {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::NotFound => Err(DemoError::OtherData),
        Err(status) => Err(status.into()),
    }
}

async fn import(channel: &Channel, sample: SampleConversation) -> Result<Row, DemoError> {
    let about = sample.about.clone();
    let request = sample.into_request();
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        match ImportServiceClient::new(channel.clone()).import_conversation(request.clone()).await {
            Ok(answer) => break answer.into_inner(),
            // The server may still be starting.
            Err(status) if status.code() == Code::Unavailable && Instant::now() < deadline => {
                sleep(POLL_EVERY).await;
            }
            Err(status) => return Err(status.into()),
        }
    };
    Ok(Row {
        about,
        was_new: answer.outcome() == ImportOutcome::Created,
        conversation: answer.conversation,
        import: answer.import,
        assessments: Vec::new(),
    })
}

async fn wait_until_scored(channel: &Channel, name: &str) -> Result<(), DemoError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        let mut conversations = ConversationServiceClient::new(channel.clone());
        let conversation = conversations.get_conversation(request).await?.into_inner();
        let scoring = conversation.scoring.unwrap_or_default();
        match scoring.state() {
            ScoringState::Done => return Ok(()),
            ScoringState::Failed => {
                return Err(DemoError::Unscored { conversation: name.to_owned(), failure: scoring.failure });
            }
            _ if Instant::now() > deadline => {
                return Err(DemoError::Slow { what: format!("the scores of {name}") });
            }
            _ => sleep(POLL_EVERY).await,
        }
    }
}

async fn list(channel: &Channel, conversation: &str) -> Result<Vec<Assessment>, DemoError> {
    let mut assessments = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            ListAssessmentsRequest { parent: conversation.to_owned(), page_token, ..Default::default() };
        let page =
            AssessmentServiceClient::new(channel.clone()).list_assessments(request).await?.into_inner();
        assessments.extend(page.assessments);
        if page.next_page_token.is_empty() {
            return Ok(assessments);
        }
        page_token = page.next_page_token;
    }
}
