//! What was answered survives SIGKILL, what was not is there whole or not at all.

mod audit;
mod load;
mod model;

use std::{
    collections::HashSet,
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use self::{
    load::{read, write},
    model::{Random, Unknown, Writer},
};
use crate::{
    conflict::assert_unique,
    harness::{Client, ServerProcess, sample},
};

const KILLS: u64 = 50;
const WRITERS: usize = 4;
/// How many conversations of earlier rounds are looked at after every kill; all are at the end.
const SAMPLE: usize = 6;

/// What is sent depends on the seed alone; when the kill comes depends on the machine too.
fn seed() -> u64 {
    let given = env::var("PLAUDIT_TEST_SEED").ok();
    let seed = given.map(|text| text.parse().expect("PLAUDIT_TEST_SEED is a number"));
    let seed = seed.unwrap_or_else(|| getrandom::u64().expect("random numbers"));
    eprintln!("PLAUDIT_TEST_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_kills_and_nothing_is_half_written() {
    let begun = Instant::now();
    let mut random = Random::new(seed());
    let writers: Vec<_> = (0..WRITERS).map(|number| Arc::new(Writer::new(number, random.next()))).collect();
    let mut server = ServerProcess::start();
    let mut unknown = Vec::new();
    for round in 0..KILLS {
        load_until_killed(&mut server, &writers, &mut random).await;
        server = server.restart();
        let client = Client::new(server.channel().await);
        for writer in &writers {
            unknown.push(writer.settle(&client, round).await);
            writer.check_some(&client, SAMPLE, &mut random).await;
        }
    }
    let loaded = begun.elapsed();
    let client = Client::new(server.channel().await);
    let names = everything_is_there_and_scored(&client, &writers).await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
    audit::audit(&server.data(), names).await;
    let count = |outcome| unknown.iter().filter(|unknown| **unknown == outcome).count();
    let (absent, whole) = (count(Unknown::WasAbsent), count(Unknown::WasWhole));
    eprintln!(
        "{names} conversations; without an answer {whole} whole, {absent} absent; {KILLS} kills in {loaded:?}"
    );
    assert!(absent + whole > 0, "no kill met a write: the load is too light");
}

async fn load_until_killed(server: &mut ServerProcess, writers: &[Arc<Writer>], random: &mut Random) {
    let killed = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for writer in writers {
        let client = Client::new(server.channel().await);
        tasks.spawn(write(writer.clone(), client, killed.clone()));
    }
    let client = Client::new(server.channel().await);
    tasks.spawn(read(writers.to_vec(), client, killed.clone(), Random::new(random.next())));
    tokio::time::sleep(Duration::from_micros(random.below(100_000))).await;
    killed.store(true, Ordering::SeqCst);
    server.kill();
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no caller met what must not be");
    }
}

/// Answers how many conversations there are.
async fn everything_is_there_and_scored(client: &Client, writers: &[Arc<Writer>]) -> usize {
    let mut names = HashSet::new();
    for writer in writers {
        writer.check_all(client).await;
        for name in writer.names() {
            client.scored(&name).await;
            let messages = client.messages(&name, 1000).await;
            let message_names: HashSet<_> = messages.iter().map(|message| message.name.clone()).collect();
            assert_eq!(message_names.len(), messages.len(), "two messages of {name} have one name");
            let assessments = client.assessments(&name, 50).await;
            assert!(!assessments.is_empty(), "{name} has no assessment");
            assert_unique(&assessments);
            assert!(names.insert(name.clone()), "two conversations are {name}");
        }
    }
    names.len()
}

#[tokio::test]
async fn what_was_stored_before_a_crash_is_scored_after_it() {
    // One attempt on one thread is kept busy by a large conversation, so that the others still wait when the kill comes.
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
