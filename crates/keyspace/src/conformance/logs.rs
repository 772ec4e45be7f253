//! The log: one order, no gaps for a follower.

use super::*;

pub async fn the_log_keeps_the_order_of_commits(subject: &dyn Subject) {
    let store = subject.open().await;
    let mut first_positions = Vec::new();
    for at in 0..5u8 {
        let log = vec![Bytes::from(vec![at, 0]), Bytes::from(vec![at, 1])];
        let committed = store.commit(Batch { log, ..Batch::default() }).await.unwrap();
        first_positions.push(committed.first_position.unwrap());
    }
    let records = store.log(0, 100).await.unwrap();
    assert!(records.windows(2).all(|pair| pair[0].0 < pair[1].0) && records[0].0 > 0);
    let bodies: Vec<Bytes> = records.iter().map(|(_, body)| body.clone()).collect();
    let expected: Vec<Bytes> = (0..5).flat_map(|at| [vec![at, 0], vec![at, 1]]).map(Bytes::from).collect();
    assert_eq!(bodies, expected);
    assert_eq!(records.iter().step_by(2).map(|(at, _)| *at).collect::<Vec<_>>(), first_positions);
    assert_eq!(store.log(records[3].0, 2).await.unwrap(), records[4..6]);
    assert!(store.log(records[9].0, 2).await.unwrap().is_empty());
    assert!(store.log(u64::MAX, 2).await.unwrap().is_empty());
    assert!(store.log(0, 0).await.unwrap().is_empty());
    // Log records are not among the pairs.
    assert!(all(&store).await.is_empty());
}

pub async fn a_refused_batch_logs_nothing(subject: &dyn Subject) {
    let store = subject.open().await;
    let batch = Batch {
        expect: vec![(key(&[1]), Expect::Is(value("x")))],
        log: vec![value("never")],
        ..Batch::default()
    };
    assert!(store.commit(batch).await.is_err());
    assert!(store.log(0, 1).await.unwrap().is_empty());
    assert_eq!(store.stats().await.unwrap().last_position, 0);
}

pub async fn a_follower_of_the_log_misses_nothing(subject: &dyn Subject) {
    let store = subject.open().await;
    let (writers, each) = (8u8, 50u8);
    let follower = tokio::spawn({
        let store = store.clone();
        async move {
            let mut seen: Vec<(Position, Value)> = Vec::new();
            while seen.len() < usize::from(writers) * usize::from(each) {
                let after = seen.last().map_or(0, |(at, _)| *at);
                seen.extend(store.log(after, 7).await.unwrap());
                tokio::task::yield_now().await;
            }
            seen
        }
    });
    let writing = (0..writers).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for at in 0..each {
                let log = vec![Bytes::from(vec![writer, at])];
                store.commit(Batch { log, ..Batch::default() }).await.unwrap();
            }
        })
    });
    for done in join_all(writing).await {
        done.unwrap();
    }
    let seen = follower.await.unwrap();
    assert_eq!(seen, store.log(0, 1000).await.unwrap(), "the follower saw the whole log");
    for writer in 0..writers {
        let of_writer: Vec<u8> =
            seen.iter().filter(|(_, body)| body[0] == writer).map(|(_, body)| body[1]).collect();
        assert_eq!(of_writer, (0..each).collect::<Vec<u8>>());
    }
}

/// Through several handles where the engine has them, and by several tasks in any case.
pub async fn several_writers_append_to_one_log(subject: &dyn Subject) {
    const EACH: u64 = 40;
    let store = subject.open().await;
    let mut handles = vec![store.clone(), store.clone()];
    for _ in 0..2 {
        handles.push(subject.peer().await.unwrap_or_else(|| store.clone()));
    }
    let total = EACH * handles.len() as u64;
    // The lowest position that a commit may get which begins now.
    let acknowledged = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let writing = handles.iter().cloned().enumerate().map(|(writer, handle)| {
        let acknowledged = acknowledged.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                let before = acknowledged.load(std::sync::atomic::Ordering::SeqCst);
                let log = vec![Bytes::from(vec![writer as u8])];
                let position = handle.commit(Batch { log, ..Batch::default() }).await.unwrap().first_position;
                let position = position.unwrap();
                assert!(position > before, "{position} was given after {before} was acknowledged");
                acknowledged.fetch_max(position, std::sync::atomic::Ordering::SeqCst);
            }
        })
    });
    let writing: Vec<_> = writing.collect();
    let following = handles.iter().cloned().map(|handle| {
        tokio::spawn(async move {
            let (mut newest, mut seen) = (handle.newest(), Vec::new());
            while (seen.len() as u64) < total {
                let known = *newest.borrow_and_update();
                let after = seen.last().map_or(0, |(position, _)| *position);
                let page = handle.log(after, 9).await.unwrap();
                assert!(
                    known <= after || !page.is_empty(),
                    "{known} is announced, but cannot be read after {after}"
                );
                let is_behind = !page.is_empty();
                seen.extend(page);
                if !is_behind {
                    newest.changed().await.unwrap();
                }
            }
            seen
        })
    });
    let following: Vec<_> = following.collect();
    for done in join_all(writing).await {
        done.unwrap();
    }
    let whole = store.log(0, 1000).await.unwrap();
    assert_eq!(whole.len() as u64, total);
    for seen in join_all(following).await {
        assert_eq!(seen.unwrap(), whole, "a follower saw the whole log in its order");
    }
}

pub async fn restored_positions_are_kept_and_gone_on_from(subject: &dyn Subject) {
    let store = subject.open().await;
    store.restore_log(vec![(5, value("five")), (9, value("nine"))]).await.unwrap();
    assert_eq!(store.log(0, 9).await.unwrap(), [(5, value("five")), (9, value("nine"))]);
    for wrong in [vec![9], vec![3], vec![12, 11], vec![12, 12], vec![0], vec![MAX_POSITION + 1]] {
        let records = wrong.iter().map(|at| (*at, value("wrong"))).collect();
        let refused = store.restore_log(records).await;
        assert!(matches!(refused, Err(StoreError::Limit(_))), "{wrong:?} gave {refused:?}");
    }
    let batch = Batch { log: vec![value("next")], ..Batch::default() };
    assert!(store.commit(batch).await.unwrap().first_position > Some(9));
    assert_eq!(store.log(0, 9).await.unwrap().len(), 3);
}
