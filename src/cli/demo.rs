//! `plaudit serve --demo`: as any client would, it imports a handful of conversations, waits for their scores and prints
//! what it reads back.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use prost_types::Timestamp;
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status, transport::Channel};

use crate::proto::v1::{
    Assessment, Author, AuthorKind, AxisBand, ConflictPolicy, Conversation, GetImportRequest,
    ImportConversationRequest, ImportOutcome, ListAssessmentsRequest, Message, MessageKind, Resolution,
    ScoringState, UnitKind, assessment_service_client::AssessmentServiceClient,
    import_service_client::ImportServiceClient,
};

const CONVERSATIONS: &str = include_str!("../../demo/conversations.json");
/// How long the scores may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the demo could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the demo's conversations cannot be read: {0}")]
    Conversations(#[from] serde_json::Error),
    #[error("the demo could not reach its own server: {0}")]
    Connect(#[from] tonic::transport::Error),
    #[error("the demo's call failed: {0}")]
    Call(#[from] Status),
    #[error("the demo's table could not be printed: {0}")]
    Print(std::io::Error),
    #[error("the demo waited {} s for {what}", PATIENCE.as_secs())]
    Slow { what: String },
    #[error("{conversation} was not scored: {failure}")]
    Unscored { conversation: String, failure: String },
}

/// One conversation of `demo/conversations.json`; the file has the shape of a CraftCX import.
#[derive(Deserialize)]
struct Sample {
    about: String,
    source: String,
    ticket_id: String,
    subject: String,
    messages: Vec<SampleMessage>,
}

#[derive(Deserialize)]
struct SampleMessage {
    external_id: String,
    kind: String,
    content: String,
    author: SampleAuthor,
    timestamp: i64,
    ai_tool: Option<String>,
}

#[derive(Deserialize)]
struct SampleAuthor {
    r#type: String,
    external_id: String,
    name: String,
}

/// A row of the table: what came of one sample.
struct Row {
    about: String,
    was_new: bool,
    conversation: String,
    import: String,
    assessments: Vec<Assessment>,
}

/// Imports the samples that are not stored yet, waits for all scores and prints them.
pub async fn show(address: SocketAddr) -> Result<(), DemoError> {
    let samples: Vec<Sample> = serde_json::from_str(CONVERSATIONS)?;
    let channel = Channel::from_shared(format!("http://{address}"))
        .map_err(|cause| Status::internal(cause.to_string()))?
        .connect()
        .await?;
    let mut rows = Vec::with_capacity(samples.len());
    for sample in samples {
        rows.push(import(&channel, sample).await?);
    }
    for row in &mut rows {
        wait_until_scored(&channel, row).await?;
        row.assessments = list(&channel, &row.conversation).await?;
    }
    let mut out = std::io::stdout().lock();
    out.write_all(page(&rows, address).as_bytes()).and_then(|()| out.flush()).map_err(DemoError::Print)
}

async fn import(channel: &Channel, sample: Sample) -> Result<Row, DemoError> {
    let about = sample.about.clone();
    let request = sample.into_request();
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        match ImportServiceClient::new(channel.clone()).import_conversation(request.clone()).await {
            Ok(answer) => break answer.into_inner(),
            // The server may still be starting to serve.
            Err(status) if status.code() == Code::Unavailable && Instant::now() < deadline => {
                sleep(Duration::from_millis(20)).await;
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

async fn wait_until_scored(channel: &Channel, row: &Row) -> Result<(), DemoError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = GetImportRequest { name: row.import.clone() };
        let import = ImportServiceClient::new(channel.clone()).get_import(request).await?.into_inner();
        let scoring = import.scoring.unwrap_or_default();
        match scoring.state() {
            ScoringState::Done => return Ok(()),
            ScoringState::Failed => {
                return Err(DemoError::Unscored {
                    conversation: import.conversation,
                    failure: scoring.failure,
                });
            }
            _ if Instant::now() > deadline => {
                return Err(DemoError::Slow { what: format!("the scores of {}", import.conversation) });
            }
            _ => sleep(Duration::from_millis(10)).await,
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

impl Sample {
    fn into_request(self) -> ImportConversationRequest {
        let conversation = Conversation {
            source: self.source,
            external_id: self.ticket_id,
            subject: Some(self.subject),
            ..Conversation::default()
        };
        ImportConversationRequest {
            conversation: Some(conversation),
            messages: self.messages.into_iter().map(SampleMessage::into_wire).collect(),
            on_conflict: ConflictPolicy::ReturnExisting.into(),
            ..ImportConversationRequest::default()
        }
    }
}

impl SampleMessage {
    fn into_wire(self) -> Message {
        // An unknown word becomes UNSPECIFIED, which the server refuses by name.
        let kind = MessageKind::from_str_name(&format!("MESSAGE_KIND_{}", self.kind.to_uppercase()));
        let author_kind =
            AuthorKind::from_str_name(&format!("AUTHOR_KIND_{}", self.author.r#type.to_uppercase()));
        let seconds = self.timestamp.div_euclid(1000);
        let nanos = (self.timestamp.rem_euclid(1000) * 1_000_000) as i32;
        Message {
            external_id: self.external_id,
            kind: kind.unwrap_or_default().into(),
            content: Some(self.content),
            author: Some(Author {
                kind: author_kind.unwrap_or_default().into(),
                external_id: Some(self.author.external_id),
                name: Some(self.author.name),
            }),
            create_time: Some(Timestamp { seconds, nanos }),
            ai_tool: self.ai_tool,
            ..Message::default()
        }
    }
}

/// The table, and the calls to try next.
fn page(rows: &[Row], address: SocketAddr) -> String {
    let new = rows.iter().filter(|row| row.was_new).count();
    let old = rows.len() - new;
    let width = rows.iter().map(|row| title(row).chars().count()).max().unwrap_or(0);
    let head = format!("{:<width$}  AXIS  band       resolution    service basics", "conversation");
    let lines: Vec<String> = rows.iter().map(|row| line(row, width)).collect();
    let lines = lines.join("\n");
    let conversation = rows.first().map_or("", |row| &row.conversation);
    let receipt = rows.first().map_or("", |row| row.import.trim_start_matches("imports/"));
    format!(
        r#"
{new} conversations imported, {old} were here already. Read back through the API:

{head}
{lines}

Try next:
  grpcurl -plaintext {address} list
  grpcurl -plaintext -d '{{"parent":"{conversation}"}}' {address} plaudit.v1.AssessmentService/ListAssessments
  grpcurl -plaintext -d '{{"name":"{conversation}","view":"CONVERSATION_VIEW_FULL"}}' {address} plaudit.v1.ConversationService/GetConversation
  curl -s http://{address}/v1/assess/{receipt}
  curl -s http://{address}/v1/assess -H 'content-type: application/json' -d '{TICKET}'

"#
    )
}

/// A body to try with curl.
const TICKET: &str = r#"{"ticket_id":"t-1","messages":[{"external_id":"m-1","kind":"message","content":"Hello?","author":{"type":"contact"},"timestamp":1767603600000}]}"#;

fn title(row: &Row) -> String {
    format!("{} {}", row.conversation.trim_start_matches("conversations/"), row.about)
}

/// One conversation: its AXIS score, and the percentage of each agent's worklog.
fn line(row: &Row, width: usize) -> String {
    let axis = row.assessments.iter().find_map(|assessment| assessment.axis.as_ref());
    let (score, band, resolution) = match axis {
        Some(axis) => (format!("{:.1}", axis.score), band(axis.band()), resolution(axis.resolution())),
        None => ("-".to_owned(), "-", "-"),
    };
    let worklogs = row.assessments.iter().filter(|assessment| assessment.unit() == UnitKind::Worklog);
    let worklogs: Vec<String> = worklogs.map(worklog).collect();
    let title = title(row);
    format!("{title:<width$}  {score:>4}  {band:<9}  {resolution:<12}  {}", worklogs.join(", "))
}

fn worklog(assessment: &Assessment) -> String {
    let name = assessment.assessee.as_ref().and_then(|author| author.name.as_deref()).unwrap_or("?");
    let percentage = assessment.totals.unwrap_or_default().percentage;
    format!("{name} {percentage} %")
}

fn band(band: AxisBand) -> &'static str {
    match band {
        AxisBand::Unspecified => "-",
        AxisBand::Poor => "Poor",
        AxisBand::Fair => "Fair",
        AxisBand::Excellent => "Excellent",
    }
}

fn resolution(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Unspecified => "-",
        Resolution::Resolved => "Resolved",
        Resolution::Partial => "Partial",
        Resolution::NotResolved => "Not Resolved",
    }
}
