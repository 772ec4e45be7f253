//! Lists of a store left by an earlier version.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use plaudit::{
    proto::v1::{ConversationFilter, ScoringState},
    store::{Batch, Keyspace as _},
};

use super::wire::{list, names, start};
use crate::harness::{KEYS, Plaudit, sample, soon};

#[tokio::test]
async fn a_store_of_an_earlier_version_gets_its_lists_after_startup() {
    let (server, client) = start().await;
    let mut expected = Vec::new();
    for place in 0..40 {
        let name = client.import(sample::import(&place.to_string())).await.unwrap().conversation;
        client.scored(&name).await;
        expected.push(name);
    }
    let listings = async |server: &Plaudit| -> Vec<_> {
        let pairs = server.store.dump().await.into_iter();
        pairs.filter(|(key, _)| [0x80, 0x81, 0x82, 0x85].contains(&key[0])).collect()
    };
    let before = listings(&server).await;
    // The keys that an earlier version would not have written.
    let mut delete: Vec<_> = before.iter().map(|(key, _)| key.clone()).collect();
    delete.push(KEYS.backfill());
    server.store.commit(Batch { delete, ..Batch::default() }).await.unwrap();

    // The first part is done, the next is interrupted, and the following start continues.
    let parts = AtomicUsize::new(0);
    let is_second_part = move |batch: &Batch| {
        let is_part = batch.put.len() > 1 && batch.put.iter().any(|(key, _)| key[0] == 0x84);
        is_part && parts.fetch_add(1, Ordering::SeqCst) == 1
    };
    let server = server.restart_holding(is_second_part).await;
    let begun = listings(&server).await.len();
    assert!(begun > 0 && begun < before.len(), "{begun} of {}", before.len());
    let client = server.client().await;
    assert_eq!(list(&client, None, 0).await.len(), 40, "without a filter all are listed");
    assert!(
        list(&client, None, 0)
            .await
            .iter()
            .all(|it| it.scoring.as_ref().unwrap().state() == ScoringState::Done)
    );
    let server = server.restart_within(Duration::ZERO).await;
    soon("the backfill", async {
        while listings(&server).await.len() < before.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(listings(&server).await, before);
    expected.reverse();
    let by_source = ConversationFilter { source: "test".to_owned(), ..Default::default() };
    assert_eq!(names(&server.client().await, by_source).await, expected);
}
