//! Callers that go on until the server is killed. An error before that is a fault.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::model::{Random, Writer};
use crate::harness::Client;

/// How many requests a writer sends at most between two kills, so that scoring keeps up.
const MOST_REQUESTS: usize = 8;

/// Sends one request after the other; the last may stay without an answer.
pub async fn write(writer: Arc<Writer>, client: Client, killed: Arc<AtomicBool>) {
    for _ in 0..MOST_REQUESTS {
        if killed.load(Ordering::SeqCst) {
            return;
        }
        let (place, request) = writer.next();
        match client.import(request.clone()).await {
            Ok(answer) => writer.answered(place, request, answer),
            Err(status) => {
                assert!(killed.load(Ordering::SeqCst), "an error of a server that lives: {status:?}");
                return;
            }
        }
    }
}

/// Reads what is being written: never less than was answered, never a part of a request.
pub async fn read(writers: Vec<Arc<Writer>>, client: Client, killed: Arc<AtomicBool>, mut random: Random) {
    while !killed.load(Ordering::SeqCst) {
        let writer = &writers[random.below(writers.len() as u64) as usize];
        let known = writer.len() as u64;
        if known == 0 {
            tokio::task::yield_now().await;
            continue;
        }
        let place = random.below(known) as usize;
        let (name, least) = writer.with(place, |written| (written.name.clone(), written.certain.len()));
        let Some(name) = name else {
            tokio::task::yield_now().await;
            continue;
        };
        let found = match client.conversation(&name).await {
            Ok(found) => found.message_count as usize,
            Err(status) => {
                assert!(killed.load(Ordering::SeqCst), "an error of a server that lives: {status:?}");
                return;
            }
        };
        writer.with(place, |written| {
            assert!(found >= least, "{name} had {least} messages, {found} are shown");
            let is_whole = written.counts.contains(&found) || found == written.with_pending();
            assert!(is_whole, "{name} shows {found} messages: {:?}", written.counts);
            written.seen = written.seen.max(found);
        });
    }
}
