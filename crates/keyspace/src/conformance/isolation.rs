//! Concurrent batches: their expectations hold, or they write nothing.

use super::*;

pub async fn two_batches_that_each_expect_two_absent_keys_never_both_win(subject: &dyn Subject) {
    let store = subject.open().await;
    for round in 0..50u8 {
        let (left, right) = (key(&[1, round, 0]), key(&[1, round, 1]));
        let expect = vec![(left.clone(), Expect::Absent), (right.clone(), Expect::Absent)];
        let claim = |mine: &Key| Batch {
            expect: expect.clone(),
            put: vec![(mine.clone(), value("mine"))],
            ..Batch::default()
        };
        let (first, second) =
            tokio::join!(spawn_commit(&store, claim(&left)), spawn_commit(&store, claim(&right)),);
        assert_eq!(first.is_ok() as u8 + second.is_ok() as u8, 1, "{first:?} {second:?}");
    }
}

pub async fn a_claim_is_won_once(subject: &dyn Subject) {
    let store = subject.open().await;
    for round in 0..5u8 {
        let claim = |claimant: u8| Batch {
            expect: vec![(key(&[2, round]), Expect::Absent)],
            put: vec![(key(&[2, round]), Bytes::from(vec![claimant]))],
            log: vec![Bytes::from(vec![round, claimant])],
            ..Batch::default()
        };
        let outcomes = join_all((0..50).map(|claimant| spawn_commit(&store, claim(claimant)))).await;
        let winners: Vec<usize> = (0..50).filter(|&at| outcomes[at].is_ok()).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(get(&store, &[2, round]).await, Some(Bytes::from(vec![winners[0] as u8])));
    }
    assert_eq!(store.log(0, 100).await.unwrap().len(), 5);
}

pub async fn no_increment_of_a_counter_is_lost(subject: &dyn Subject) {
    let store = subject.open().await;
    let increments = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                increment(&store, &[3]).await;
            }
        })
    });
    for done in join_all(increments).await {
        done.unwrap();
    }
    assert_eq!(get(&store, &[3]).await, Some(Bytes::from(200u64.to_be_bytes().to_vec())));
}

async fn increment(store: &Arc<dyn Keyspace>, counter: &[u8]) {
    loop {
        let old = get(store, counter).await;
        let count = old.as_ref().map_or(0, |old| u64::from_be_bytes(old.as_ref().try_into().unwrap()));
        let batch = Batch {
            expect: vec![(key(counter), old.map_or(Expect::Absent, Expect::Is))],
            put: vec![(key(counter), Bytes::from((count + 1).to_be_bytes().to_vec()))],
            ..Batch::default()
        };
        match store.commit(batch).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub async fn a_conflict_names_its_key_and_writes_nothing(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "there").await;
    let batch = Batch {
        expect: vec![(key(&[2]), Expect::Absent), (key(&[1]), Expect::Is(value("other")))],
        put: vec![(key(&[2]), value("new"))],
        delete: vec![key(&[1])],
        log: vec![value("event")],
    };
    match store.commit(batch).await {
        Err(StoreError::Conflict { key }) => assert_eq!(key, [1]),
        other => panic!("{other:?}"),
    }
    assert_eq!(get(&store, &[1]).await, Some(value("there")));
    assert_eq!(get(&store, &[2]).await, None);
    assert!(store.log(0, 10).await.unwrap().is_empty());
}

/// Many concurrently, so that engines with group commit form groups: each expects what the previous one wrote.
pub async fn a_batch_sees_the_earlier_ones_of_its_group(subject: &dyn Subject) {
    let store = subject.open().await;
    let step = |step: u8| Batch {
        expect: vec![match step {
            0 => (key(&[1]), Expect::Absent),
            _ => (key(&[1]), Expect::Is(Bytes::from(vec![step - 1]))),
        }],
        put: vec![(key(&[1]), Bytes::from(vec![step]))],
        log: vec![Bytes::from(vec![step])],
        ..Batch::default()
    };
    // One task polls them in order, so an engine receives them in this order.
    let outcomes = join_all((0..100).map(|at| store.commit(step(at)))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(get(&store, &[1]).await, Some(Bytes::from(vec![99])));

    let claims = join_all((0..20).map(|_| {
        let batch = Batch { expect: vec![(key(&[2]), Expect::Absent)], ..put_batch(&[2], "mine") };
        store.commit(batch)
    }));
    assert_eq!(claims.await.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

pub async fn a_batch_without_writes_only_checks(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "there").await;
    let check = |expect| Batch { expect: vec![(key(&[1]), expect)], ..Batch::default() };
    assert_eq!(
        store.commit(check(Expect::Is(value("there")))).await.unwrap(),
        Committed { first_position: None }
    );
    assert!(matches!(store.commit(check(Expect::Absent)).await, Err(StoreError::Conflict { .. })));
    assert!(store.commit(Batch::default()).await.is_ok());
}

pub async fn an_expectation_may_name_an_empty_value(subject: &dyn Subject) {
    let store = subject.open().await;
    let expecting = |expect| Batch { expect: vec![(key(&[1]), expect)], ..put_batch(&[2], "done") };
    let empty = || Expect::Is(Bytes::new());
    assert!(matches!(store.commit(expecting(empty())).await, Err(StoreError::Conflict { .. })));
    put(&store, &[1], "").await;
    assert!(matches!(store.commit(expecting(Expect::Absent)).await, Err(StoreError::Conflict { .. })));
    assert!(store.commit(expecting(empty())).await.is_ok());
}
