use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{ConversationId, MessageId},
    store::{MemoryStore, Scanner as _, WorkspaceId, get_one, records::Identity},
};

fn store() -> Arc<dyn Keyspace> {
    Arc::new(MemoryStore::new())
}

fn space(store: &Arc<dyn Keyspace>) -> Space<'_> {
    Space::new(store, WorkspaceId::FIRST)
}

fn key(number: u64) -> Key {
    Keys::of(WorkspaceId::FIRST).head(ConversationId(number))
}

fn record(number: u64) -> Identity {
    Identity { conversation: ConversationId(number) }
}

async fn put(store: &Arc<dyn Keyspace>, number: u64, value: u64) {
    let mut decision = Decision::new(space(store));
    decision.overwrite(key(number), &record(value));
    assert!(decision.commit().await.unwrap());
}

async fn read(reader: &dyn Reader, number: u64) -> Option<Identity> {
    get_one(reader, key(number)).await.unwrap()
}

#[tokio::test]
async fn what_was_read_is_expected_whether_it_was_there_or_not() {
    let store = store();
    put(&store, 1, 10).await;
    for (changed, stands) in [(1, false), (2, false), (3, true)] {
        let mut decision = Decision::new(space(&store));
        read(&decision, 1).await;
        read(&decision, 2).await;
        decision.put(key(9), &record(90));
        put(&store, changed, 11).await;
        assert_eq!(decision.still_stands().await.unwrap(), stands, "{changed}");
        assert_eq!(decision.commit().await.unwrap(), stands, "{changed}");
        let mut restored = Decision::new(space(&store));
        restored.overwrite(key(1), &record(10));
        restored.delete(key(2));
        assert!(restored.commit().await.unwrap());
    }
}

#[tokio::test]
async fn what_was_read_once_stays_as_it_was_read() {
    let store = store();
    let decision = Decision::new(space(&store));
    assert_eq!(read(&decision, 1).await, None);
    put(&store, 1, 10).await;
    assert_eq!(read(&decision, 1).await, None);
    assert_eq!(read(&decision.unguarded(), 1).await, Some(record(10)));
}

#[tokio::test]
async fn what_is_contradicted_is_never_committed() {
    let store = store();
    put(&store, 1, 10).await;
    let mut decision = Decision::new(space(&store));
    read(&decision, 1).await;
    decision.put_new(key(1), &record(11));
    assert!(!decision.still_stands().await.unwrap());
    assert!(!decision.commit().await.unwrap());
    assert_eq!(read(&space(&store), 1).await, Some(record(10)));
}

#[tokio::test]
async fn what_is_overwritten_is_not_expected() {
    let store = store();
    put(&store, 1, 10).await;
    let mut decision = Decision::new(space(&store));
    read(&decision, 1).await;
    decision.overwrite(key(1), &record(12));
    put(&store, 1, 11).await;
    assert!(decision.commit().await.unwrap());
    assert_eq!(read(&space(&store), 1).await, Some(record(12)));
}

#[tokio::test]
async fn a_guarded_read_is_not_expected_itself() {
    let store = store();
    put(&store, 1, 10).await;
    let mut decision = Decision::new(space(&store));
    read(&decision, 1).await;
    let guarded = decision.guarded_by(&key(1));
    assert_eq!(read(&guarded, 2).await, None);
    let segments = decision.keys().segments(ConversationId(1));
    assert!(guarded.scan(segments, 9, crate::store::Direction::Ascending).await.unwrap().is_empty());
    put(&store, 2, 20).await;
    decision.put(Keys::of(WorkspaceId::FIRST).segment(ConversationId(1), MessageId(1)), &record(1));
    assert!(decision.commit().await.unwrap());
}

#[test]
#[should_panic(expected = "what guards a read is read before")]
fn a_guard_that_was_not_read_is_noticed() {
    let store = store();
    Decision::new(space(&store)).guarded_by(&key(1));
}

#[test]
#[should_panic(expected = "what is replaced is read before")]
fn a_blind_replacement_is_noticed() {
    let store = store();
    Decision::new(space(&store)).replace(key(1), &record(1));
}

proptest! {
    /// Two decisions that run into each other come out as one after the other.
    #[test]
    fn of_two_decisions_the_second_never_rests_on_what_the_first_changed(
        first in prop::collection::vec((0..4_u64, any::<bool>()), 1..4),
        second in prop::collection::vec((0..4_u64, any::<bool>()), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = store();
            let mut decisions = [Decision::new(space(&store)), Decision::new(space(&store))];
            for (decision, steps) in decisions.iter_mut().zip([&first, &second]) {
                for (number, writes) in steps {
                    read(decision, *number).await;
                    if *writes && decision.writes() == 0 {
                        decision.replace(key(*number), &record(100 + number));
                    }
                }
            }
            let written = first.iter().find(|(_, writes)| *writes).map(|(number, _)| *number);
            let is_read = |number: u64| second.iter().any(|(read, _)| *read == number);
            let has_writes = second.iter().any(|(_, writes)| *writes);
            let [one, other] = decisions;
            assert!(one.commit().await.unwrap());
            let conflicts = has_writes && written.is_some_and(is_read);
            assert_eq!(other.commit().await.unwrap(), !conflicts);
        });
    }
}

#[tokio::test]
async fn a_batch_stays_in_one_workspace() {
    let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
    let space = Space::new(&store, WorkspaceId::FIRST);
    let foreign = Space::new(&store, WorkspaceId(2)).keys().head(ConversationId(1));
    type Touch = fn(&mut Decision<'_>, Key);
    let touches: [Touch; 3] = [
        |decision, key| decision.put_raw(key, Value::new()),
        |decision, key| decision.delete(key),
        |decision, key| decision.expect(key, None),
    ];
    for touch in touches {
        let mut decision = Decision::attempt(space, 0);
        decision.put_raw(space.keys().head(ConversationId(1)), Value::new());
        touch(&mut decision, foreign.clone());
        let refused = decision.commit().await;
        assert!(matches!(refused, Err(StoreError::Limit(_))), "{refused:?}");
    }
    assert_eq!(store.stats().await.unwrap().commits, 0);
}
