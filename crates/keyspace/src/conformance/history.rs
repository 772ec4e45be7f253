//! Random histories, compared with a map.

use super::*;

/// One step of a random history: a batch over a few keys, with right or wrong expectations.
#[derive(Clone, Debug)]
struct Step {
    /// Keys whose present value is expected; with `false`, another value is.
    expect: Vec<(u8, bool)>,
    put: BTreeMap<u8, (u8, usize)>,
    delete: Vec<u8>,
    log: usize,
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![8 => 0..200usize, 1 => 49_000..50_000usize, 1 => 100_000..150_000usize];
    let step = (
        proptest::collection::vec((0..24u8, prop::bool::weighted(0.9)), 0..3),
        proptest::collection::btree_map(0..24u8, (any::<u8>(), size), 0..5),
        proptest::collection::vec(0..24u8, 0..3),
        0..3usize,
    );
    let step = step.prop_map(|(expect, put, delete, log)| Step { expect, put, delete, log });
    proptest::collection::vec(step, 1..40)
}

/// Random batches, some concurrent, compared with a map; then every scan of the store with the map's.
pub async fn a_random_history_equals_its_model(subject: &dyn Subject) {
    let store = subject.open().await;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let handle = tokio::runtime::Handle::current();
    let result = tokio::task::block_in_place(|| {
        runner.run(&history(), |steps| {
            handle.block_on(run_history(&store, &steps));
            Ok(())
        })
    });
    result.unwrap();
}

async fn run_history(store: &Arc<dyn Keyspace>, steps: &[Step]) {
    let mut model: BTreeMap<Key, Value> = BTreeMap::new();
    let before = store.stats().await.unwrap().last_position;
    let mut logged: Vec<Value> = Vec::new();
    let wipe = all(store).await.into_iter().map(|(key, _)| key).collect();
    store.commit(Batch { delete: wipe, ..Batch::default() }).await.unwrap();

    for together in steps.chunks(5) {
        // The model applies the batches one by one; the engine gets the same ones concurrently, in that order.
        let mut batches = Vec::new();
        let mut expected = Vec::new();
        for step in together {
            let batch = batch_of(step, &model);
            let holds = batch.expect.iter().all(|(key, expect)| match expect {
                Expect::Absent => !model.contains_key(key),
                Expect::Is(value) => model.get(key) == Some(value),
            });
            if holds {
                model.extend(batch.put.clone());
                batch.delete.iter().for_each(|key| drop(model.remove(key)));
                logged.extend(batch.log.clone());
            }
            expected.push(holds);
            batches.push(batch);
        }
        let outcomes = join_all(batches.into_iter().map(|batch| store.commit(batch))).await;
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), expected, "{outcomes:?}");
    }
    let pairs: Vec<(Key, Value)> = model.into_iter().collect();
    assert!(all(store).await == pairs);
    let middle = KeyRange { start: Bound::Excluded(key(&[9, 5])), end: Bound::Included(key(&[9, 15])) };
    let found = store.scan(middle.clone(), 4, Direction::Descending).await.unwrap();
    let within = pairs.iter().rev().filter(|(at, _)| *at > key(&[9, 5]) && *at <= key(&[9, 15]));
    assert!(found.iter().eq(within.take(4)));
    let records = store.log(before, MAX_PAGE).await.unwrap();
    assert!(records.into_iter().map(|(_, body)| body).eq(logged));
}

fn batch_of(step: &Step, model: &BTreeMap<Key, Value>) -> Batch {
    let expect = step.expect.iter().map(|(at, right)| {
        let key = key(&[9, *at]);
        let expect = match (model.get(&key), right) {
            (Some(held), true) => Expect::Is(held.clone()),
            (Some(_), false) => Expect::Absent,
            (None, true) => Expect::Absent,
            (None, false) => Expect::Is(value("something else")),
        };
        (key, expect)
    });
    let put = step.put.iter().map(|(at, (seed, size))| (key(&[9, *at]), large(*size, *seed)));
    let mut delete: Vec<Key> =
        step.delete.iter().filter(|at| !step.put.contains_key(at)).map(|at| key(&[9, *at])).collect();
    delete.sort();
    delete.dedup();
    Batch {
        expect: expect.collect(),
        put: put.collect(),
        delete,
        log: (0..step.log).map(|at| Bytes::from(vec![at as u8])).collect(),
    }
}
