//! Load over gRPC: a closed loop for rates, an open one for latencies.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plaudit::proto::v1::{
    Author, AuthorKind, Conversation, GetImportRequest, ImportConversationRequest, ListAssessmentsRequest,
    ListAssessmentsResponse, Message, MessageKind, ScoringState,
    assessment_service_client::AssessmentServiceClient, import_service_client::ImportServiceClient,
};
use prost_types::Timestamp;
use tokio::{task::JoinSet, time::sleep_until};
use tonic::{client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

use super::{
    IN_FLIGHT, Result,
    echo::ECHO,
    frames::{Connection, Span},
};

/// Connections that the calls share.
const CONNECTIONS: usize = 4;

/// What is called.
#[derive(Clone)]
pub enum Load {
    Import,
    Echo,
    /// Of these conversations in turn.
    List(Vec<String>),
}

impl Load {
    fn path(&self) -> &'static str {
        match self {
            Self::Import => "/plaudit.v1.ImportService/ImportConversation",
            Self::Echo => ECHO,
            Self::List(_) => "/plaudit.v1.AssessmentService/ListAssessments",
        }
    }
}

/// What a load came to.
pub struct Outcome {
    /// Calls that were measured.
    pub calls: u64,
    /// Those of the warm-up too.
    pub all_calls: u64,
    /// Calls a second.
    pub rate: f64,
    pub p50: Millis,
    pub p99: Millis,
}

/// A duration, printed in milliseconds.
pub struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.0.as_secs_f64() * 1000.0)
    }
}

/// The documented three-message body.
pub fn import_request(number: u64) -> ImportConversationRequest {
    let message =
        |id: &str, kind: MessageKind, content: &str, author: (AuthorKind, &str, &str), millis: i64| Message {
            external_id: id.to_owned(),
            kind: kind.into(),
            content: Some(content.to_owned()),
            author: Some(Author {
                kind: author.0.into(),
                external_id: Some(author.1.to_owned()),
                name: Some(author.2.to_owned()),
            }),
            create_time: Some(Timestamp { seconds: 1_700_000_000 + millis / 1000, nanos: 0 }),
            ai_tool: (author.0 == AuthorKind::Ai).then(|| "custom".to_owned()),
            ..Message::default()
        };
    let customer = (AuthorKind::Contact, "cus_123", "Jane Customer");
    let bot = (AuthorKind::Ai, "billing-agent", "Billing Bot");
    let person = (AuthorKind::Teammate, "tea_123", "Jason");
    ImportConversationRequest {
        conversation: Some(Conversation {
            external_id: format!("ticket_{number}"),
            ..Conversation::default()
        }),
        messages: vec![
            message("msg_1", MessageKind::Message, "Why was I charged twice?", customer, 0),
            message("msg_2", MessageKind::Message, "I can help with billing.", bot, 1000),
            message("note_1", MessageKind::Comment, "Escalated to billing for license review.", person, 2000),
        ],
        ..ImportConversationRequest::default()
    }
}

/// Calls with [`IN_FLIGHT`] at a time for `length`, after a warm-up of a fourth of it.
pub async fn closed_loop(address: &str, load: Load, length: Duration) -> Result<Outcome> {
    let begins = Instant::now() + length / 4;
    let span = Span { begins, ends: begins + length };
    let next = numbers();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let connection = Connection::open(address, load.path()).await?;
        let (load, next) = (load.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let next = || next.fetch_add(1, Ordering::Relaxed);
            match load {
                Load::Import | Load::Echo => {
                    connection.run(IN_FLIGHT / CONNECTIONS, span, || import_request(next())).await
                }
                Load::List(parents) => {
                    let parent = || parents[next() as usize % parents.len()].clone();
                    let request = || ListAssessmentsRequest { parent: parent(), ..Default::default() };
                    connection.run(IN_FLIGHT / CONNECTIONS, span, request).await
                }
            }
        });
    }
    let mut times = Vec::new();
    let mut all_calls = 0;
    while let Some(done) = tasks.join_next().await {
        let (measured, calls) = done??;
        times.extend(measured);
        all_calls += calls;
    }
    Ok(outcome(times, all_calls, length))
}

/// The same with whole gRPC clients, which decode the answers.
pub async fn closed_loop_of_clients(address: &str, load: Load, length: Duration) -> Result<Outcome> {
    let callers = callers(address, load).await?;
    let begins = Instant::now() + length / 4;
    let ends = begins + length;
    let made = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for number in 0..IN_FLIGHT {
        let mut caller = callers[number % callers.len()].clone();
        let made = Arc::clone(&made);
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let sent = Instant::now();
                if sent >= ends {
                    return Ok::<_, tonic::Status>(times);
                }
                caller.call().await?;
                made.fetch_add(1, Ordering::Relaxed);
                if sent >= begins {
                    times.push(sent.elapsed());
                }
            }
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    Ok(outcome(times, made.load(Ordering::Relaxed), length))
}

/// Sends calls at `rate` a second whatever the answers do; a latency counts from when its call was due.
pub async fn open_loop(address: &str, load: Load, rate: f64, length: Duration) -> Result<Outcome> {
    let callers = callers(address, load).await?;
    let began = tokio::time::Instant::now();
    let count = (rate * length.as_secs_f64()) as u64;
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let due = began + Duration::from_secs_f64(number as f64 / rate);
        sleep_until(due).await;
        let mut caller = callers[number as usize % callers.len()].clone();
        tasks.spawn(async move {
            caller.call().await?;
            Ok::<_, tonic::Status>(due.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.push(done??);
    }
    Ok(outcome(times, count, length))
}

fn outcome(mut times: Vec<Duration>, all_calls: u64, length: Duration) -> Outcome {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        Millis(times.get(place).copied().unwrap_or_default())
    };
    Outcome {
        calls: times.len() as u64,
        all_calls,
        rate: times.len() as f64 / length.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
    }
}

/// One connection and what is called on it.
#[derive(Clone)]
struct Caller {
    channel: Channel,
    load: Load,
    next: Arc<AtomicU64>,
}

/// Numbers that no other load of this process gets: no import is a duplicate.
fn numbers() -> Arc<AtomicU64> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Arc::new(AtomicU64::new(NEXT.fetch_add(1 << 32, Ordering::Relaxed)))
}

async fn callers(address: &str, load: Load) -> Result<Vec<Caller>> {
    let next = numbers();
    let mut callers = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let channel = connect(address).await?;
        callers.push(Caller { channel, load: load.clone(), next: Arc::clone(&next) });
    }
    Ok(callers)
}

async fn connect(address: &str) -> Result<Channel> {
    Ok(Channel::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?)
}

impl Caller {
    async fn call(&mut self) -> std::result::Result<(), tonic::Status> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match &self.load {
            Load::Import => {
                ImportServiceClient::new(self.channel.clone())
                    .import_conversation(import_request(number))
                    .await?;
            }
            Load::Echo => {
                let codec = ProstCodec::<ImportConversationRequest, ImportConversationRequest>::default();
                let mut client = Grpc::new(self.channel.clone());
                client.ready().await.map_err(|cause| tonic::Status::unavailable(cause.to_string()))?;
                let request = tonic::Request::new(import_request(number));
                client.unary(request, PathAndQuery::from_static(ECHO), codec).await?;
            }
            Load::List(parents) => {
                let parent = parents[number as usize % parents.len()].clone();
                let request = ListAssessmentsRequest { parent, ..Default::default() };
                let answer =
                    AssessmentServiceClient::new(self.channel.clone()).list_assessments(request).await?;
                assert!(!answer.get_ref().assessments.is_empty(), "a scored conversation has assessments");
            }
        }
        Ok(())
    }
}

/// Imports `count` conversations and waits until they are scored; their names.
pub async fn scored_conversations(address: &str, count: u64) -> Result<Vec<String>> {
    let mut client = ImportServiceClient::new(connect(address).await?);
    let mut imports = Vec::new();
    for number in 0..count {
        imports.push(client.import_conversation(import_request(number)).await?.into_inner());
    }
    for import in &imports {
        loop {
            let request = GetImportRequest { name: import.import.clone() };
            let scoring = client.get_import(request).await?.into_inner().scoring.unwrap_or_default();
            match scoring.state() {
                ScoringState::Done => break,
                ScoringState::Failed => return Err(scoring.failure.into()),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
    Ok(imports.into_iter().map(|import| import.conversation).collect())
}

pub async fn list_once(address: &str, parent: &str) -> Result<ListAssessmentsResponse> {
    let request = ListAssessmentsRequest { parent: parent.to_owned(), ..Default::default() };
    Ok(AssessmentServiceClient::new(connect(address).await?).list_assessments(request).await?.into_inner())
}
