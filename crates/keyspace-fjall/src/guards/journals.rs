//! A journal that has lost something is refused and left as it is; a write that was never acknowledged is cut off.

use super::*;

/// Where each batch of a journal begins, and where the last one ends.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut batches = crate::journal::batches::Batches::new(bytes, bytes.len() as u64);
    let mut found = vec![0];
    while let Ok(crate::journal::batches::Step::Batch(_)) = batches.next() {
        found.push(batches.position() as usize);
    }
    found
}

#[tokio::test]
async fn a_truncated_journal_is_never_taken_for_complete() {
    let (data, _) = filled().await;
    let (journal, bytes) = data.journal();
    let ends = boundaries(&bytes);
    assert_eq!(ends.len() as u64, COMMITS + 2, "the creation, and each commit");
    for per_cent in [99, 90, 75, 50, 25, 1] {
        for zeros in [0, 100_000] {
            for at_an_end in [false, true] {
                let cut = data.copy();
                let mut at = bytes.len() * per_cent / 100;
                if at_an_end {
                    at = *ends.iter().rfind(|end| **end <= at).unwrap();
                }
                let mut left = bytes[..at].to_vec();
                left.resize(at + zeros, 0);
                fs::write(cut.fjall(journal.file_name().unwrap().to_str().unwrap()), left).unwrap();
                let refused = cut.refusal_that_changes_nothing();
                assert!(refused.contains("has lost commits") || at == 0, "cut to {per_cent} %: {refused}");
            }
        }
    }
    let emptied = data.copy();
    fs::write(emptied.fjall(journal.file_name().unwrap().to_str().unwrap()), "").unwrap();
    assert!(emptied.refusal().contains("it holds no identity record, so it is empty or was cut"));
}

/// fjall itself ends the journal there, cuts off what follows, and says nothing.
#[tokio::test]
async fn damage_within_a_journal_is_refused_with_everything_left_as_it_is() {
    let (data, _) = filled().await;
    let (journal, bytes) = data.journal();
    let name = journal.file_name().unwrap().to_str().unwrap();
    let last = boundaries(&bytes)[COMMITS as usize];
    // Were nothing known to be durable, the next batch would still tell.
    let forgetful = data.copy();
    let synced = sidecar::read(&data.dir().join(files::SYNCED_FILE)).unwrap().unwrap();
    let path = forgetful.dir().join(files::SYNCED_FILE);
    sidecar::Sidecar::create(&path, sidecar::Synced { number: 1, ..synced }).unwrap();
    for known in [&data, &forgetful] {
        for at in (3..last).step_by(last / 60) {
            let damaged = known.copy();
            let mut changed = bytes.clone();
            let end = (at + 512).min(last);
            changed[at..end].fill(0);
            fs::write(damaged.fjall(name), &changed).unwrap();
            let refused = damaged.refusal_that_changes_nothing();
            assert!(
                refused.contains("has lost commits") || refused.contains("is not what was written there"),
                "{at}: {refused}"
            );
        }
    }
}

/// The number by which fjall orders batches is not part of its checksum.
#[tokio::test]
async fn a_changed_sequence_number_is_noticed() {
    let (data, _) = filled().await;
    let (journal, bytes) = data.journal();
    let name = journal.file_name().unwrap().to_str().unwrap();
    let starts = boundaries(&bytes);
    for (batch, high) in [(5, false), (5, true), (COMMITS as usize, false)] {
        let damaged = data.copy();
        let mut changed = bytes.clone();
        // Behind the tag and the number of items.
        changed[starts[batch] + 5 + if high { 6 } else { 0 }] ^= if high { 1 } else { 0x80 };
        if !high {
            changed[starts[batch] + 5] = 0;
        }
        fs::write(damaged.fjall(name), &changed).unwrap();
        let refused = damaged.refusal_that_changes_nothing();
        assert!(refused.contains("is out of order"), "{batch}: {refused}");
    }
}

/// fjall takes the last batch for damaged for good if all of it is there but its checksum is wrong.
#[tokio::test]
async fn a_last_write_that_is_whole_but_for_its_checksum_does_not_keep_it_closed() {
    let (data, commits) = filled().await;
    let store = data.open().unwrap();
    let before = data.copy();
    store.commit(put("torn", noise(5000, 1))).await.unwrap();
    let (journal, mut bytes) = data.journal();
    let name = journal.file_name().unwrap().to_str().unwrap().to_owned();
    let middle = bytes.len() - 2500;
    bytes[middle..middle + 512].fill(0);
    fs::write(before.fjall(&name), &bytes).unwrap();

    let opened = before.open().unwrap();
    assert_eq!(found(&opened).await, commits);
    opened.commit(put("later", "")).await.unwrap();
    opened.close().await.unwrap();
    let opened = before.open().unwrap();
    assert_eq!(get(&opened, "torn").await.unwrap(), None);
    assert!(get(&opened, "later").await.unwrap().is_some());
}

/// Two journals, as after one was full, without 64 MB of writes.
fn split(data: &Data) -> (PathBuf, PathBuf) {
    let (journal, bytes) = data.journal();
    let number: u64 = journal.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let next = data.fjall(&format!("{}.jnl", number + 1));
    let at = boundaries(&bytes)[COMMITS as usize / 2];
    fs::write(&next, &bytes[at..]).unwrap();
    let mut sealed = bytes[..at].to_vec();
    sealed.resize(at + 10_000, 0);
    fs::write(&journal, sealed).unwrap();
    (journal, next)
}

#[tokio::test]
async fn every_journal_is_needed() {
    let (data, commits) = filled().await;
    let (first, second) = split(&data);
    let whole = data.copy();
    assert_eq!(found(&whole.open().unwrap()).await, commits);

    let missing = data.copy();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    fs::remove_file(missing.fjall(&name(&second))).unwrap();
    let refused = missing.refusal_that_changes_nothing();
    assert!(refused.contains("has lost commits"), "{refused}");

    let gap = data.copy();
    fs::rename(gap.fjall(&name(&second)), gap.fjall("9.jnl")).unwrap();
    let refused = gap.refusal_that_changes_nothing();
    assert!(refused.contains(&format!("{} is missing", name(&second))), "{refused}");

    let shorter = data.copy();
    let bytes = fs::read(&first).unwrap();
    fs::write(shorter.fjall(&name(&first)), &bytes[..boundaries(&bytes)[9]]).unwrap();
    let refused = shorter.refusal_that_changes_nothing();
    assert!(refused.contains("does not follow the batch before it"), "{refused}");

    let torn = data.copy();
    fs::write(torn.fjall(&name(&first)), &bytes[..boundaries(&bytes)[9] + 50]).unwrap();
    let refused = torn.refusal_that_changes_nothing();
    assert!(refused.contains("and another journal follows"), "{refused}");

    let none = data.copy();
    fs::remove_file(none.fjall(&name(&first))).unwrap();
    fs::remove_file(none.fjall(&name(&second))).unwrap();
    assert!(none.refusal_that_changes_nothing().contains("it holds no journal"));
}

#[tokio::test]
async fn a_name_that_fjall_did_not_give_is_refused() {
    let (data, _) = filled().await;
    for name in
        ["copy.jnl", "7.JNL", "keyspaces/backup/x", "keyspaces/1/tables/old", "keyspaces/1/tables/7/x"]
    {
        let stray = data.copy();
        fs::create_dir_all(stray.fjall(name).parent().unwrap()).unwrap();
        fs::write(stray.fjall(name), "").unwrap();
        let refused = stray.refusal_that_changes_nothing();
        assert!(refused.contains("is not a file of the store; move it elsewhere"), "{name}: {refused}");
    }
}

/// fjall compares a compressed entry with what it would compress it to itself, which another version may not.
#[tokio::test]
async fn the_journal_is_not_compressed() {
    let data = Data::new();
    let store = data.open().unwrap();
    store.commit(put("key", vec![b'a'; 20_000])).await.unwrap();
    let (_, bytes) = data.journal();
    assert!(bytes.windows(20_000).any(|part| part.iter().all(|byte| *byte == b'a')));
}
