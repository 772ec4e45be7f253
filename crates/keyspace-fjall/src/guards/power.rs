//! Power losses: the last write torn at many places, in sectors and pages that are missing, zero or garbage.

use super::*;

/// How many torn writes are tried; `CUT_POINTS` tries more.
const CUT_POINTS: u64 = 240;

/// The same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// What a power loss leaves of a write from `begin` to the end of `whole`, of which nobody was told.
fn torn(whole: &[u8], begin: usize, random: &mut Random) -> (Vec<u8>, String) {
    let mut left = whole.to_vec();
    let at = begin + random.below(whole.len() - begin);
    let zeros = [0, 1, 5000, 100_000][random.below(4)];
    let unit = [512, 4096][random.below(2)];
    let kind = random.below(4);
    match kind {
        0 => {
            left.truncate(at);
            left.resize(at + zeros, 0);
        }
        // Units that never arrived, in any order.
        1 | 2 => {
            left.resize(whole.len() + zeros, 0);
            let first = begin / unit;
            for number in first..=whole.len() / unit {
                if random.below(2) == 0 {
                    let from = (number * unit).max(begin);
                    let to = ((number + 1) * unit).min(whole.len());
                    if kind == 1 {
                        left[from..to.max(from)].fill(0);
                    } else {
                        left[from..to.max(from)].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
                    }
                }
            }
        }
        _ => {
            let end = (at + unit - at % unit).min(whole.len());
            left[at..end].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
            left.truncate(end);
        }
    }
    (left, format!("kind {kind} at {at} of {begin} to {}, {zeros} zeros, units of {unit}", whole.len()))
}

#[tokio::test]
async fn a_torn_write_costs_nothing_that_was_acknowledged() {
    let points =
        std::env::var("CUT_POINTS").ok().and_then(|points| points.parse().ok()).unwrap_or(CUT_POINTS);
    let (data, commits) = filled().await;
    let mut seed = 0;
    let (mut kept, mut cut) = (0, 0);
    while seed < points {
        // A write of another size for every few of the points.
        let size = [10, 600, 3_000, 40_000, 300_000][seed as usize / 8 % 5];
        let base = data.copy();
        let store = base.open().unwrap();
        let before = base.copy();
        let begin = base.journal().1.len();
        let last = Batch {
            log: vec![noise(10, commits)],
            delete: vec![7_u64.to_be_bytes().to_vec()],
            ..put(commits.to_be_bytes(), noise(size, commits))
        };
        store.commit(last).await.unwrap();
        let (journal, whole) = base.journal();
        drop(store);
        let name = journal.file_name().unwrap().to_str().unwrap().to_owned();
        for _ in 0..8 {
            seed += 1;
            let (left, how) = torn(&whole, begin, &mut Random(seed));
            let case = before.copy();
            fs::write(case.fjall(&name), left).unwrap();
            let store = case.open().unwrap_or_else(|error| panic!("seed {seed}, {how}: {error}"));
            let log = store.log(0, MAX_PAGE).await.unwrap().len() as u64;
            let seventh = get(&store, 7_u64.to_be_bytes()).await.unwrap();
            let new = get(&store, commits.to_be_bytes()).await.unwrap();
            match (log == commits + 1, seventh, new) {
                (true, None, Some(value)) if value == noise(size, commits) => kept += 1,
                (false, Some(value), None) if value == noise(700, 7) => {
                    assert_eq!(found(&store).await, commits, "seed {seed}, {how}");
                    cut += 1;
                }
                other => panic!("seed {seed}, {how}: half a write: {other:?}"),
            }
            // And it goes on from there.
            store.commit(put("next", "")).await.unwrap();
            store.close().await.unwrap();
            let store = case.open().unwrap();
            assert!(get(&store, "next").await.unwrap().is_some(), "seed {seed}, {how}");
        }
    }
    println!("seeds 1 to {seed}: {cut} cut off, {kept} whole");
    assert!(cut > points / 2, "few were torn");
}

/// A process that is killed leaves everything that it was told.
#[tokio::test]
async fn acknowledged_writes_are_in_the_files() {
    let data = Data::new();
    let store = data.open().unwrap();
    for number in 0..20u8 {
        store.commit(put([number], vec![number])).await.unwrap();
        let crashed = data.copy();
        let found = crashed.open().unwrap();
        assert_eq!(get(&found, [number]).await.unwrap(), Some(Bytes::from(vec![number])));
        found.close().await.unwrap();
    }
    wait_for("the synced file", || (data.synced() == 21).then_some(()));
}
