//! Many at once: what goes wrong only when calls meet. `tests/broken.rs` shows each case fail on a store that breaks its
//! promise.

use super::*;

fn number(held: Option<&Value>) -> u64 {
    held.map_or(0, |held| u64::from_be_bytes(held.as_ref().try_into().unwrap()))
}

fn stored(number: u64) -> Value {
    Bytes::from(number.to_be_bytes().to_vec())
}

fn expected(held: Option<Value>) -> Expect {
    held.map_or(Expect::Absent, Expect::Is)
}

/// Runs `count` tasks at once, and returns what each returned.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: u8,
    task: impl Fn(u8) -> F,
) -> Vec<T> {
    join_all((0..count).map(|number| tokio::spawn(task(number))))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

/// Whether it was committed; `false` on a conflict.
async fn is_committed(store: &Arc<dyn Keyspace>, batch: Batch) -> bool {
    match store.commit(batch).await {
        Ok(_) => true,
        Err(StoreError::Conflict { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Several counters in one batch: an update that is lost shows in one of them.
pub async fn no_update_of_several_keys_is_lost(subject: &dyn Subject) {
    let store = subject.open().await;
    let keys = || (0..3).map(|at| key(&[4, at])).collect::<Vec<_>>();
    at_once(8, |_| {
        let store = store.clone();
        async move {
            let mut left = 20;
            while left > 0 {
                let held = store.get(keys()).await.unwrap();
                let put =
                    keys().into_iter().zip(&held).map(|(key, held)| (key, stored(number(held.as_ref()) + 1)));
                let batch = Batch {
                    put: put.collect(),
                    expect: keys().into_iter().zip(held.iter().cloned().map(expected)).collect(),
                    ..Batch::default()
                };
                left -= u32::from(is_committed(&store, batch).await);
            }
        }
    })
    .await;
    let held = store.get(keys()).await.unwrap();
    assert_eq!(held, vec![Some(stored(160)); 3], "an update was lost");
}

/// Two may each go if the other stays. Each looks at both and writes its own alone.
pub async fn there_is_no_write_skew(subject: &dyn Subject) {
    let store = subject.open().await;
    for round in 0..60u8 {
        let keys = [key(&[5, round, 0]), key(&[5, round, 1])];
        let here = keys.iter().map(|key| (key.clone(), value("here"))).collect();
        store.commit(Batch { put: here, ..Batch::default() }).await.unwrap();
        let gone = at_once(2, |own| {
            let (store, keys) = (store.clone(), keys.clone());
            async move {
                let held = store.get(keys.to_vec()).await.unwrap();
                if held.iter().any(Option::is_none) {
                    return false;
                }
                let expect = keys.iter().cloned().zip(held.into_iter().map(expected)).collect();
                let delete = vec![keys[usize::from(own)].clone()];
                is_committed(&store, Batch { expect, delete, ..Batch::default() }).await
            }
        })
        .await;
        assert!(gone.contains(&true), "nobody could go");
        assert_ne!(gone, [true, true], "both have gone");
    }
}

/// Items that many take from one queue, each by removing it, are taken once each.
pub async fn nothing_is_taken_twice(subject: &dyn Subject) {
    const ITEMS: u8 = 60;
    let store = subject.open().await;
    let items = (0..ITEMS).map(|item| (key(&[6, item]), Bytes::from(vec![item]))).collect();
    store.commit(Batch { put: items, ..Batch::default() }).await.unwrap();
    let taken = at_once(6, |taker| {
        let store = store.clone();
        async move {
            let mut taken = Vec::new();
            loop {
                let first = store.scan(KeyRange::prefix(key(&[6])), 1, Direction::Ascending).await.unwrap();
                let Some((at, item)) = first.into_iter().next() else { return taken };
                let batch = Batch {
                    expect: vec![(at.clone(), Expect::Is(item.clone()))],
                    put: vec![(key(&[7, at[1]]), Bytes::from(vec![taker]))],
                    delete: vec![at],
                    log: vec![item.clone()],
                };
                if is_committed(&store, batch).await {
                    taken.push(item[0]);
                }
            }
        }
    })
    .await;
    let mut all = taken.concat();
    all.sort_unstable();
    assert_eq!(all, (0..ITEMS).collect::<Vec<_>>(), "an item was taken twice, or never");
    let mut logged: Vec<u8> = store.log(0, 1000).await.unwrap().iter().map(|(_, item)| item[0]).collect();
    logged.sort_unstable();
    assert_eq!(logged, all, "the log tells of other items");
}

/// Ids that many draw from one counter in blocks.
pub async fn nothing_is_issued_twice(subject: &dyn Subject) {
    let store = subject.open().await;
    let drawn = at_once(8, |_| {
        let store = store.clone();
        async move {
            let mut drawn = Vec::new();
            while drawn.len() < 15 {
                let held = get(&store, &[8]).await;
                let next = number(held.as_ref());
                let expect = vec![(key(&[8]), expected(held))];
                let batch = Batch { expect, ..put_bytes(&[8], stored(next + 1)) };
                if is_committed(&store, batch).await {
                    drawn.push(next);
                }
            }
            drawn
        }
    })
    .await;
    let mut all = drawn.concat();
    all.sort_unstable();
    assert_eq!(all, (0..120).collect::<Vec<u64>>(), "a number was issued twice, or never");
}

/// Of batches in one group that exclude one another, the first wins; one that is refused leaves nothing for the next.
pub async fn conflicts_within_a_group_are_found(subject: &dyn Subject) {
    let store = subject.open().await;
    for round in 0..20u8 {
        let at = |place: u8| key(&[9, round, place]);
        put(&store, &at(0), "first").await;
        let is = |text: &str| (at(0), Expect::Is(value(text)));
        let batches = [
            Batch { expect: vec![is("first")], put: vec![(at(0), value("second"))], ..Batch::default() },
            // Refused: it is the second by now. What it would write must not count for those behind it.
            Batch { expect: vec![is("first")], put: vec![(at(1), value("lost"))], ..Batch::default() },
            Batch {
                expect: vec![(at(1), Expect::Absent)],
                put: vec![(at(2), value("kept"))],
                ..Batch::default()
            },
            Batch { expect: vec![is("second")], delete: vec![at(0)], ..Batch::default() },
            Batch { expect: vec![is("second")], put: vec![(at(3), value("lost"))], ..Batch::default() },
            Batch {
                expect: vec![(at(0), Expect::Absent)],
                put: vec![(at(0), value("third"))],
                ..Batch::default()
            },
            Batch {
                expect: vec![(at(0), Expect::Absent)],
                put: vec![(at(0), value("lost"))],
                ..Batch::default()
            },
        ];
        // One task polls them in order, so an engine receives them in this order.
        let outcomes = join_all(batches.map(|batch| is_committed(&store, batch))).await;
        assert_eq!(outcomes, [true, false, true, true, false, true, false], "round {round}");
        let held = store.get((0..4).map(at).collect()).await.unwrap();
        let third = Some(value("third"));
        assert_eq!(held, [third, None, Some(value("kept")), None], "round {round}");
    }
}

/// Whoever reads the log whenever the newest position changes sees all up to there, in one order for all, and nothing
/// that comes in between later.
pub async fn the_log_has_no_gaps_under_load(subject: &dyn Subject) {
    const WRITERS: u8 = 6;
    const EACH: u8 = 40;
    let store = subject.open().await;
    let whole = usize::from(WRITERS) * usize::from(EACH);
    let readers = (0..3).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let (mut newest, mut seen) = (store.newest(), Vec::new());
            while seen.len() < whole {
                let told = *newest.borrow_and_update();
                let after = seen.last().map_or(0, |(at, _): &(Position, Value)| *at);
                let page = store.log(after, 1000).await.unwrap();
                let reached = page.last().map_or(after, |(at, _)| *at);
                assert!(reached >= told, "position {told} was told, and only {reached} is there");
                seen.extend(page);
                // What was read once is the beginning of the log for ever.
                let again = store.log(0, seen.len()).await.unwrap();
                assert!(again == seen, "the log has changed");
                if seen.len() < whole {
                    newest.changed().await.unwrap();
                }
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    at_once(WRITERS, |writer| {
        let store = store.clone();
        async move {
            for at in 0..EACH {
                let log = vec![Bytes::from(vec![writer, at])];
                let position = store.commit(Batch { log, ..Batch::default() }).await.unwrap().first_position;
                let own = store.log(position.unwrap() - 1, 1).await.unwrap();
                assert_eq!(own, [(position.unwrap(), Bytes::from(vec![writer, at]))], "its own record");
            }
        }
    })
    .await;
    for reader in readers {
        assert_eq!(reader.await.unwrap(), store.log(0, 1000).await.unwrap());
    }
}
