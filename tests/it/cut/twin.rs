//! Servers that start from the same bytes, so that differences in what they did can be seen.

use std::{net::SocketAddr, sync::Arc};

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::stream;
use plaudit::{
    clock::ManualClock,
    domain::ConversationId,
    grpc, rest,
    service::{Services, Settings, scoring::record_failed_attempt},
    store::{
        Batch, Direction, Key, KeyRange, Keyspace, MemoryStore, Position, Space, Value, WorkspaceId, get_one,
        records::Job,
    },
};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use super::cases::Call;
use crate::harness::{Client, Cut, Http, KEYS, Plaudit, Proxy, TestServer, soon};

/// The entire contents of a store.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub pairs: Vec<(Key, Value)>,
    pub log: Vec<(Position, Value)>,
}

impl State {
    /// How much there is of each kind, regardless of numbers.
    pub fn shape(&self) -> (Vec<(u8, usize)>, usize) {
        let kinds: Vec<u8> = self.pairs.iter().map(|(key, _)| key[0]).collect();
        let mut counts: Vec<(u8, usize)> = Vec::new();
        for kind in kinds {
            match counts.last_mut() {
                Some((known, count)) if *known == kind => *count += 1,
                _ => counts.push((kind, 1)),
            }
        }
        (counts, self.log.len())
    }
}

/// A server over a store in memory, without a worker: only calls change it, and the same calls result in the same
/// bytes.
pub struct Twin {
    server: TestServer,
    services: Arc<Services>,
    store: Arc<MemoryStore>,
}

impl Twin {
    pub async fn empty() -> Self {
        Self::over(MemoryStore::new()).await
    }

    pub async fn beginning_as(state: &State) -> Self {
        let store = MemoryStore::new();
        let batch = Batch { put: state.pairs.clone(), ..Batch::default() };
        store.commit(batch).await.expect("the store takes what a store held");
        store.restore_log(state.log.clone()).await.expect("an empty log takes another");
        Self::over(store).await
    }

    async fn over(store: MemoryStore) -> Self {
        let store = Arc::new(store);
        let clock = Arc::new(ManualClock::at(Plaudit::START));
        let services = Services::open(store.clone(), clock, Settings::default()).await.expect("it opens");
        let services = Arc::new(services);
        let builder = TestServer::builder().grpc(grpc::routes(services.clone()));
        let server = builder
            .rest(rest::router(services.clone(), &rest::Options::default()))
            .rest_error(rest::error)
            .start()
            .await;
        Self { server, services, store }
    }

    pub async fn client(&self) -> Client {
        Client::new(self.server.channel().await)
    }

    pub async fn channel(&self) -> Channel {
        self.server.channel().await
    }

    /// As if scoring it had failed too often.
    pub async fn give_up(&self, conversation: &str) {
        let number = conversation.strip_prefix("conversations/").and_then(|number| number.parse().ok());
        let id = ConversationId(number.expect("a number"));
        let call = plaudit::service::Call::new(&self.services);
        let store: Arc<dyn Keyspace> = self.store.clone();
        for _ in 0..Settings::default().scoring_attempts {
            let job = get_one::<Job>(&Space::new(&store, WorkspaceId::FIRST), KEYS.job(id)).await.unwrap();
            let Some(job) = job else { return };
            record_failed_attempt(call, id, &job).await.expect("it is recorded");
        }
    }

    pub async fn state(&self) -> State {
        let everything = self.store.scan(KeyRange::all(), usize::MAX, Direction::Ascending).await;
        let log = self.store.log(0, usize::MAX).await.expect("the log is read");
        State { pairs: everything.expect("the store is read"), log }
    }

    pub async fn call(&self, call: &Call) -> Outcome {
        send(self.server.address(), call).await
    }

    /// Calls through a proxy that cuts the connection, so that the caller learns nothing about the outcome.
    pub async fn call_cut(&self, call: &Call, cut: Cut) {
        let proxy = Proxy::start(self.server.address(), cut).await;
        let outcome = send(proxy.address(), call).await;
        assert_eq!(outcome, Outcome::Lost, "{cut:?}: an answer came through");
    }
}

/// The outcome of a call as its caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was carried out, with these answers.
    Done(Vec<Bytes>),
    /// It was refused for this reason.
    Refused(String),
    /// The connection ended.
    Lost,
}

async fn send(address: SocketAddr, call: &Call) -> Outcome {
    match call {
        Call::Rpc { path, messages } => soon(path, send_rpc(address, path, messages.clone())).await,
        Call::Post { path, key, body } => {
            let mut headers = vec![("content-type", "application/json")];
            headers.extend((!key.is_empty()).then_some(("idempotency-key", key.as_str())));
            let answer = Http::new(address).attempt("POST", path, &headers, body.clone()).await;
            match answer {
                Ok(answer) if answer.status.is_success() => Outcome::Done(vec![answer.body]),
                Ok(answer) => Outcome::Refused(answer.status.as_u16().to_string()),
                Err(_) => Outcome::Lost,
            }
        }
    }
}

/// On the wire, a unary call is a stream of one message.
async fn send_rpc(address: SocketAddr, path: &str, messages: Vec<Bytes>) -> Outcome {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    let mut client = Grpc::new(endpoint.connect_lazy());
    if client.ready().await.is_err() {
        return Outcome::Lost;
    }
    let path = path.parse().expect("a path");
    let answers = client.streaming(Request::new(stream::iter(messages)), path, Raw).await;
    let collected = async {
        let mut answers = answers?.into_inner();
        let mut collected = Vec::new();
        while let Some(answer) = answers.message().await? {
            collected.push(answer);
        }
        Ok(collected)
    };
    match collected.await {
        Ok(answers) => Outcome::Done(answers),
        Err(status) => of_error(&status),
    }
}

/// Every error from the server has a reason; an error of the connection has none.
fn of_error(status: &Status) -> Outcome {
    status.get_details_error_info().map_or(Outcome::Lost, |info| Outcome::Refused(info.reason))
}

/// Messages as raw bytes.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
