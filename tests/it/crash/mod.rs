//! Acknowledged writes survive SIGKILL; unacknowledged ones are there in full or not at all.

pub mod audit;
pub mod caller;
pub mod kept;
pub mod load;
pub mod random;
mod staff;
mod thread;
mod thread_calls;
pub mod writer;

use std::{
    collections::HashMap,
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use plaudit::proto::v1::ScoringState;
use tokio::task::JoinSet;

use self::{
    caller::Caller,
    kept::Unknown,
    load::{read, write},
    random::Random,
    thread::Thread,
    writer::Writer,
};
use crate::{
    conflict::assert_unique,
    harness::{Client, ServerProcess, sample},
};

/// How many kills there are; `KILLS` asks for more.
const KILLS: u64 = 50;
const WRITERS: usize = 4;
/// How many conversations of earlier rounds are checked after every kill; all are checked at the end.
const SAMPLE: usize = 2;

/// What is sent depends on the seed and on earlier answers; when the kill happens also depends on the machine.
pub fn seed() -> u64 {
    let given = env::var("PLAUDIT_TEST_SEED").ok();
    let seed = given.map(|text| text.parse().expect("PLAUDIT_TEST_SEED is a number"));
    let seed = seed.unwrap_or_else(|| getrandom::u64().expect("random numbers"));
    eprintln!("PLAUDIT_TEST_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kills_and_nothing_is_partial_or_duplicated() {
    kill_under_load("sled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kills_on_fjall_and_nothing_is_partial_or_duplicated() {
    kill_under_load("fjall").await;
}

/// A number from the environment.
pub fn asked_for(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

async fn kill_under_load(engine: &str) {
    let begun = Instant::now();
    let kills = asked_for("KILLS", KILLS);
    let mut random = Random::new(seed());
    let writers: Vec<_> = (0..WRITERS).map(|number| Arc::new(Writer::new(number, random.next()))).collect();
    let mut server = ServerProcess::start_on(engine);
    let mut unknown = Vec::new();
    for round in 0..kills {
        load_until_killed(&mut server, &writers, &mut random).await;
        server = server.restart();
        let caller = Caller::of(&server).await;
        let settled = writers.iter().map(|writer| {
            let mut random = Random::new(random.next());
            let caller = &caller;
            async move {
                let unknown = writer.settle(caller, round).await;
                writer.check_some(caller, SAMPLE, &mut random).await;
                unknown
            }
        });
        unknown.extend(join_all(settled).await.into_iter().flatten());
    }
    let loaded = begun.elapsed();
    let caller = Caller::of(&server).await;
    let threads = everything_is_there_and_scored(&caller, &writers, &mut random).await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
    let requests = audit::audit(&server.data(), &threads).await;
    assert!(requests > 0, "no request had an id: the load is too light");
    let count = |outcome| unknown.iter().filter(|unknown| **unknown == outcome).count();
    let (absent, whole) = (count(Unknown::WasAbsent), count(Unknown::WasWhole));
    let sum = |of: fn(&Thread) -> usize| threads.values().map(of).sum::<usize>();
    eprintln!(
        "{} conversations, {} messages, {} ratings; without an answer {whole} whole, {absent} absent; {kills} kills in {loaded:?}",
        threads.len(),
        sum(|thread| thread.messages.len()),
        sum(|thread| thread.ratings.len()),
    );
    assert!(absent + whole > 0, "no kill met a write: the load is too light");
}

async fn load_until_killed(server: &mut ServerProcess, writers: &[Arc<Writer>], random: &mut Random) {
    let killed = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for writer in writers {
        tasks.spawn(write(writer.clone(), Caller::of(server).await, killed.clone()));
    }
    let caller = Caller::of(server).await;
    tasks.spawn(read(writers.to_vec(), caller, killed.clone(), Random::new(random.next())));
    tokio::time::sleep(Duration::from_micros(random.below(200_000))).await;
    killed.store(true, Ordering::SeqCst);
    server.kill();
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no caller failed");
    }
}

/// Returns everything there is, by number.
pub async fn everything_is_there_and_scored(
    caller: &Caller,
    writers: &[Arc<Writer>],
    random: &mut Random,
) -> HashMap<u64, Thread> {
    let mut threads = HashMap::new();
    for writer in writers {
        writer.check_all(caller, random).await;
        for kept in writer.threads() {
            let thread = kept.certain();
            if !thread.is_stored {
                continue;
            }
            let name = &thread.name;
            let number = name.strip_prefix("conversations/").and_then(|number| number.parse().ok());
            if !thread.is_deleted {
                let state = caller.client.settled(name).await.scoring.expect("where it stands").state();
                assert!(matches!(state, ScoringState::Done | ScoringState::Off), "{name} is {state:?}");
                let assessments = caller.client.assessments(name, 1000).await;
                assert_unique(&assessments);
                let is_scored = state == ScoringState::Done && !thread.messages.is_empty();
                assert!(!is_scored || !assessments.is_empty(), "{name} has no assessment");
            }
            let other = threads.insert(number.expect("a number"), thread);
            assert!(other.is_none(), "two conversations have one name: {other:?}");
        }
    }
    threads
}

#[tokio::test]
async fn conversations_stored_before_a_crash_are_scored_after_it() {
    // A large conversation keeps the one attempt on one thread busy, so that the others are still waiting at the time
    // of the kill.
    let mut server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    client.import(sample::import_of("large", sample::messages(0, 2000))).await.unwrap();
    let mut names = Vec::new();
    for number in 0..20 {
        names.push(client.import(sample::import(&number.to_string())).await.unwrap().conversation);
    }
    server.kill();
    let server = server.restart();
    let client = Client::new(server.channel().await);
    for name in names {
        client.scored(&name).await;
        let assessments = client.assessments(&name, 50).await;
        assert_eq!(assessments.len(), 2);
        assert_unique(&assessments);
    }
}
