//! Load on a server: a closed loop for rates, an open loop for latencies.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plaudit::proto::v1::{
    GetImportRequest, ListAssessmentsRequest, ListAssessmentsResponse, Rating, ScoringState,
    assessment_service_client::AssessmentServiceClient, import_service_client::ImportServiceClient,
};
use prost::Message as _;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::{
    IN_FLIGHT, Result,
    echo::ECHO,
    figures::Outcome,
    frames::{Connection, Done, Span},
    requests::{self, Request},
};

/// Connections shared by the calls.
const CONNECTIONS: usize = 4;

/// Names of conversations or ratings.
pub type Names = Arc<[String]>;

/// The calls to make.
#[derive(Clone)]
pub enum Load {
    Import,
    Echo,
    /// Assessments of these conversations in turn.
    List(Names),
    /// The first message of a new conversation.
    Create,
    /// A message added to these conversations in turn.
    Store(Names),
    /// One rating per conversation.
    Offer(Names),
    /// An answer to each of these ratings.
    Submit(Names),
}

/// Identifies a call of a load: its index from 0, and a number that is unique in this process.
#[derive(Clone, Copy)]
pub struct Turn {
    pub place: usize,
    pub number: u64,
}

impl Load {
    pub fn path(&self) -> &'static str {
        match self {
            Self::Import => "/plaudit.v1.ImportService/ImportConversation",
            Self::Echo => ECHO,
            Self::List(_) => "/plaudit.v1.AssessmentService/ListAssessments",
            Self::Create | Self::Store(_) => "/plaudit.v1.ConversationService/StoreMessage",
            Self::Offer(_) => "/plaudit.v1.RatingService/OfferRating",
            Self::Submit(_) => "/plaudit.v1.RatingService/SubmitRating",
        }
    }

    /// `None` when there is nothing left to call.
    pub fn request(&self, turn: Turn) -> Option<Request> {
        let Turn { place, number } = turn;
        let store = |parent| Request::Store(Box::new(requests::store(parent, number)));
        let in_turn = |names: &Names| names.get(place % names.len().max(1)).cloned();
        Some(match self {
            Self::Import => Request::Import(requests::import(number)),
            Self::Echo => Request::Echo(requests::import(number)),
            Self::List(parents) => {
                Request::List(ListAssessmentsRequest { parent: in_turn(parents)?, ..Default::default() })
            }
            Self::Create => store(format!("conversations/custom:new_{number}")),
            Self::Store(parents) => store(in_turn(parents)?),
            Self::Offer(parents) => Request::Offer(requests::offer(parents.get(place)?.clone())),
            Self::Submit(ratings) => Request::Submit(requests::submit(ratings.get(place)?.clone())),
        })
    }
}

/// The turns of one load.
#[derive(Clone)]
pub struct Turns {
    first: u64,
    next: Arc<AtomicU64>,
}

impl Turns {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { first: NEXT.fetch_add(1 << 32, Ordering::Relaxed), next: Arc::default() }
    }

    pub fn next(&self) -> Turn {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        Turn { place: place as usize, number: self.first + place }
    }
}

/// Keeps [`IN_FLIGHT`] calls going for `length`, after a warm-up of a quarter of it.
pub async fn closed_loop(address: &str, load: &Load, length: Duration) -> Result<Outcome> {
    let (outcome, _) = run(address, load, length, Pace::InFlight(IN_FLIGHT), false).await?;
    Ok(outcome)
}

/// Offers ratings in a closed loop; also returns the names of the ratings.
pub async fn offers(address: &str, parents: Names, length: Duration) -> Result<(Outcome, Names)> {
    let load = Load::Offer(parents);
    let (outcome, answers) = run(address, &load, length, Pace::InFlight(IN_FLIGHT), true).await?;
    let names = answers.iter().map(|answer| Ok(Rating::decode(answer.as_slice())?.name));
    Ok((outcome, names.collect::<Result<_>>()?))
}

/// Sends `rate` calls per second regardless of the answers; a latency counts from when the call was due.
pub async fn open_loop(address: &str, load: &Load, rate: f64, length: Duration) -> Result<Outcome> {
    let (outcome, _) = run(address, load, length, Pace::Rate(rate), false).await?;
    Ok(outcome)
}

#[derive(Clone, Copy)]
enum Pace {
    InFlight(usize),
    /// Calls per second.
    Rate(f64),
}

async fn run(
    address: &str,
    load: &Load,
    length: Duration,
    pace: Pace,
    keeps_answers: bool,
) -> Result<(Outcome, Vec<Vec<u8>>)> {
    let begins = Instant::now() + length / 4;
    let span = Span { begins, ends: begins + length };
    let turns = Turns::new();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let connection = Connection::open(address, load.path(), keeps_answers).await?;
        let (load, turns) = (load.clone(), turns.clone());
        tasks.spawn(async move {
            let next = move || load.request(turns.next());
            match pace {
                Pace::InFlight(calls) => connection.run(calls / CONNECTIONS, span, next).await,
                Pace::Rate(rate) => connection.run_at(rate / CONNECTIONS as f64, span, next).await,
            }
        });
    }
    let (mut times, mut calls, mut answers, mut ended) = (Vec::new(), 0, Vec::new(), begins);
    while let Some(done) = tasks.join_next().await {
        let Done { times: more, calls: made, answers: kept, ended: at } = done??;
        times.extend(more);
        calls += made;
        answers.extend(kept);
        ended = ended.max(at);
    }
    Ok((Outcome::of(times, calls, span, ended), answers))
}

/// Like [`closed_loop`], but with whole gRPC clients, which decode the answers.
pub async fn closed_loop_of_clients(address: &str, load: &Load, length: Duration) -> Result<Outcome> {
    let mut channels = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        channels.push(connect(address).await?);
    }
    let begins = Instant::now() + length / 4;
    let span = Span { begins, ends: begins + length };
    let made = Arc::new(AtomicU64::new(0));
    let turns = Turns::new();
    let mut tasks = JoinSet::new();
    for number in 0..IN_FLIGHT {
        let channel = channels[number % CONNECTIONS].clone();
        let (load, turns, made) = (load.clone(), turns.clone(), Arc::clone(&made));
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let sent = Instant::now();
                let Some(request) = load.request(turns.next()).filter(|_| sent < span.ends) else {
                    return Ok::<_, tonic::Status>(times);
                };
                request.send(channel.clone(), load.path()).await?;
                made.fetch_add(1, Ordering::Relaxed);
                if sent >= span.begins {
                    times.push(sent.elapsed());
                }
            }
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    Ok(Outcome::of(times, made.load(Ordering::Relaxed), span, Instant::now()))
}

async fn connect(address: &str) -> Result<Channel> {
    Ok(Channel::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?)
}

/// Imports `count` conversations, waits until they are scored, and returns their names.
pub async fn scored_conversations(address: &str, count: usize) -> Result<Names> {
    let mut client = ImportServiceClient::new(connect(address).await?);
    let turns = Turns::new();
    let mut imports = Vec::new();
    for _ in 0..count {
        let request = requests::import(turns.next().number);
        imports.push(client.import_conversation(request).await?.into_inner());
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
