//! Callers that continue until the server is killed. An error before that is a failure.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use plaudit::proto::v1::ConversationView;
use tonic::Code;

use super::{
    caller::Caller,
    random::Random,
    thread::{Said, Thread},
    thread_calls::said,
    writer::Writer,
};

/// The most requests a writer sends between two kills, so that scoring keeps up.
const MOST_TURNS: usize = 8;

/// Sends one request after another; the last may remain unanswered.
pub async fn write(writer: Arc<Writer>, caller: Caller, killed: Arc<AtomicBool>) {
    for _ in 0..MOST_TURNS {
        if killed.load(Ordering::SeqCst) {
            return;
        }
        if let Err(refused) = writer.turn(&caller).await {
            assert!(killed.load(Ordering::SeqCst), "an error from a running server: {}", refused.text);
            return;
        }
    }
}

/// Reads what is being written: never less than was acknowledged, never part of a request.
pub async fn read(writers: Vec<Arc<Writer>>, caller: Caller, killed: Arc<AtomicBool>, mut random: Random) {
    while !killed.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
        let thread =
            random.pick(&writers).and_then(|writer| writer.some_thread(&mut Random::new(random.next())));
        let Some(thread) = thread else { continue };
        let before = thread.state().clone();
        let name = before.certain.external_name();
        let shown = match caller.client.view(&name, ConversationView::Full.into()).await {
            Ok(found) => Some(found.messages.into_iter().map(|message| bare(said(message))).collect()),
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => {
                assert!(killed.load(Ordering::SeqCst), "an error from a running server: {status:?}");
                return;
            }
        };
        let mut state = thread.state();
        if state.steps != before.steps {
            continue;
        }
        let is_as_before = shown == messages(&before.certain);
        let is_as_after = shown == messages(&before.with_pending());
        assert!(is_as_before || is_as_after, "{name} shows {shown:?}: {:?}", before.pending);
        if !is_as_before && !state.is_seen {
            state.is_seen = true;
            thread.note(&state);
        }
    }
}

/// What a reader is shown; nothing of a deleted conversation.
fn messages(thread: &Thread) -> Option<Vec<Said>> {
    let is_there = thread.is_stored && !thread.is_deleted;
    is_there.then(|| thread.messages.iter().cloned().map(bare).collect())
}

fn bare(said: Said) -> Said {
    Said { name: String::new(), ..said }
}
