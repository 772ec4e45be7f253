//! What concurrent callers see of one conversation and one rating can be explained by one order of their calls.

mod checker;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::join_all;
use plaudit::{
    proto::v1::{Conversation, RatingType, UpdateConversationRequest},
    store::MemoryStore,
};
use prost_types::FieldMask;
use tonic::{Code, Status, transport::Channel};

use self::checker::{Call, Held, Op, Register, check};
use crate::{
    crash::{random::Random, seed},
    harness::{Client, ENGINES, Plaudit, ServerProcess, sample},
    rating::{offer, submission},
};

const CALLERS: u64 = 6;
const CALLS: u64 = 60;

/// Calls as they begin and end, in the order of one counter.
#[derive(Default)]
struct History {
    clock: AtomicU64,
    calls: Mutex<BTreeMap<&'static str, Vec<Call<Op>>>>,
}

impl History {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn add(&self, of: &'static str, begin: u64, end: u64, op: Op) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.entry(of).or_default().push(Call { begin, end: Some(end), op });
    }

    fn taken(&self, of: &str) -> Vec<Call<Op>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(of).unwrap_or_default()
    }
}

/// What there is before the load.
struct Start {
    conversation: Held,
    name: String,
    rating: Held,
    rating_name: String,
}

fn held(conversation: Conversation) -> Held {
    Held { value: conversation.subject.unwrap_or_default(), version: conversation.etag }
}

/// Callers who read and change a conversation and a rating, some by etags, some twice with one request id.
async fn under_load(channel: Channel, seed: u64) -> (Start, History) {
    let client = Client::new(channel.clone());
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    let rating_name = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
    let conversation = held(client.conversation(&name).await.unwrap());
    let start = Start { conversation, name, rating: rated(None), rating_name };
    let history = Arc::new(History::default());
    let callers = (0..CALLERS).map(|number| {
        let caller = Caller {
            client: Client::new(channel.clone()),
            history: history.clone(),
            name: start.name.clone(),
            rating: start.rating_name.clone(),
            number,
        };
        tokio::spawn(caller.call_often(Random::new(seed.wrapping_add(number))))
    });
    for ended in join_all(callers).await {
        ended.expect("no caller failed");
    }
    let history = Arc::into_inner(history).expect("the callers have ended");
    (start, history)
}

fn rated(value: Option<i32>) -> Held {
    Held { value: value.map(|value| value.to_string()).unwrap_or_default(), version: String::new() }
}

struct Caller {
    client: Client,
    history: Arc<History>,
    name: String,
    rating: String,
    number: u64,
}

impl Caller {
    async fn call_often(self, mut random: Random) {
        let mut known = String::new();
        for at in 0..CALLS {
            match random.below(8) {
                0 | 1 => known = self.read().await,
                2..4 => self.change(&format!("{}-{at}", self.number), &known).await,
                4 => self.write_twice(&format!("{}-{at}", self.number)).await,
                5 | 6 => self.read_rating().await,
                _ => self.rate(1 + random.below(5) as i32).await,
            }
        }
    }

    /// Returns the version it has seen.
    async fn read(&self) -> String {
        let begin = self.history.now();
        let seen = held(self.client.conversation(&self.name).await.expect("it is read"));
        self.history.add("conversation", begin, self.history.now(), Op::Read(seen.clone()));
        seen.version
    }

    async fn update(&self, subject: &str, etag: &str, request_id: &str) -> Result<Conversation, Status> {
        let conversation = Some(Conversation {
            name: self.name.clone(),
            subject: Some(subject.to_owned()),
            etag: etag.to_owned(),
            ..Conversation::default()
        });
        let update_mask = Some(FieldMask { paths: vec!["subject".to_owned()] });
        let request_id = request_id.to_owned();
        let request =
            UpdateConversationRequest { conversation, update_mask, request_id, ..Default::default() };
        self.client.update(request).await
    }

    /// By whoever knows the newest version.
    async fn change(&self, subject: &str, known: &str) {
        // Without a version it would be written in any case.
        let knew = if known.is_empty() { "0" } else { known }.to_owned();
        let begin = self.history.now();
        let op = match self.update(subject, &knew, "").await {
            Ok(changed) => Op::Change { knew, to: held(changed) },
            Err(refused) if refused.code() == Code::Aborted => Op::Refused { knew },
            Err(refused) => panic!("{refused:?}"),
        };
        self.history.add("conversation", begin, self.history.now(), op);
    }

    /// One change, sent twice at once: it takes effect once, before the first of the answers. The other answer shows what
    /// there is by then.
    async fn write_twice(&self, subject: &str) {
        let begin = self.history.now();
        let send = async || {
            let answer = self.update(subject, "", &format!("id-{subject}")).await;
            (held(answer.expect("it is written")), self.history.now())
        };
        let (one, other) = tokio::join!(send(), send());
        let end = one.1.min(other.1);
        let version = |held: &Held| held.version.parse::<u64>().expect("a number");
        let is_other = version(&one.0) > version(&other.0);
        let (written, (shown, shown_at)) = if is_other { (other.0, one) } else { (one.0, other) };
        self.history.add("conversation", begin, end, Op::Write(written));
        self.history.add("conversation", begin, shown_at, Op::Read(shown));
    }

    async fn read_rating(&self) {
        let begin = self.history.now();
        let rating = self.client.get_rating(&self.rating).await;
        let rating = rating.expect("it is read");
        let value = rating.questions.iter().find_map(|question| question.answer.as_ref()?.value);
        self.history.add("rating", begin, self.history.now(), Op::Read(rated(value)));
    }

    async fn rate(&self, value: i32) {
        let begin = self.history.now();
        self.client.submit_rating(submission(&self.rating, &[(0, value)])).await.expect("it is taken");
        self.history.add("rating", begin, self.history.now(), Op::Write(rated(Some(value))));
    }
}

/// Returns which of the two cannot be explained.
fn unexplained(start: &Start, history: &History) -> Vec<String> {
    let mut found = Vec::new();
    for (of, initial) in [("conversation", &start.conversation), ("rating", &start.rating)] {
        let calls = history.taken(of);
        assert!(calls.len() > 50, "{} calls of the {of}", calls.len());
        if let Err(longest) = check::<Register>(initial.clone(), &calls) {
            let left = (0..calls.len()).filter(|at| !longest.contains(at)).map(|at| &calls[at]);
            let left = left.take(10).collect::<Vec<_>>();
            let last = longest.last().map(|at| &calls[*at]);
            found.push(format!(
                "{of}: {} of {} explained, last {last:?}, then {left:?}",
                longest.len(),
                calls.len()
            ));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_see_has_one_order_on_disk() {
    for engine in ENGINES {
        let server = ServerProcess::start_on(engine);
        let (start, history) = under_load(server.channel().await, seed()).await;
        assert_eq!(unexplained(&start, &history), Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_see_has_one_order_in_memory() {
    let server = Plaudit::start_in(Arc::new(MemoryStore::new())).await;
    let (start, history) = under_load(server.channel().await, seed()).await;
    assert_eq!(unexplained(&start, &history), Vec::<String>::new());
}

/// A store that writes whatever is expected loses updates, and the check says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_a_store_that_checks_nothing_is_found_out() {
    let server = Plaudit::start_in(Arc::new(MemoryStore::new())).await;
    server.store.forget_expectations();
    let (start, history) = under_load(server.channel().await, 1).await;
    let found = unexplained(&start, &history);
    assert!(found.iter().any(|found| found.starts_with("conversation: ")), "{found:?}");
}
