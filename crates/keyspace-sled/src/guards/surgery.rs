//! Damaged, truncated, swapped and missing files: the store opens with everything, or not at all.

use super::*;

/// A closed store with enough in it to lose some: overwritten often, so that sled reuses its segments.
async fn filled() -> (Data, u64) {
    let data = Data::new();
    let store = data.open().unwrap();
    let keys = 4_000u64;
    for round in 0..3 {
        for start in (0..keys).step_by(500) {
            let put = (start..start + 500).map(|at| (at.to_be_bytes().to_vec(), noise(2_000, at + round)));
            store.commit(Batch { put: put.collect(), ..Batch::default() }).await.unwrap();
        }
    }
    store.close().await.unwrap();
    (data, keys)
}

/// The outcome of opening the store and reading everything: a refusal, an error, or how many keys were right.
async fn outcome(data: &Data) -> Result<u64, String> {
    let store = data.open().map_err(|error| format!("refused: {error}"))?;
    let mut right = 0;
    let mut range = KeyRange::all();
    loop {
        let page = store.scan(range.clone(), 500, Direction::Ascending).await;
        let page = page.map_err(|error| error.to_string())?;
        let Some((last, _)) = page.last() else { return Ok(right) };
        range = range.after(last.clone());
        for (key, value) in page {
            let at = u64::from_be_bytes(key.as_slice().try_into().unwrap());
            right += u64::from(value == noise(2_000, at + 2));
        }
    }
}

#[tokio::test]
async fn a_truncated_database_is_never_taken_for_complete() {
    let (data, keys) = filled().await;
    assert_eq!(outcome(&data).await, Ok(keys));
    let length = fs::metadata(data.sled("db")).unwrap().len();
    let mut refused = 0;
    for per_cent in [98, 95, 90, 75, 50, 25, 10, 0] {
        for without_snapshot in [false, true] {
            let cut = data.copy();
            let db = fs::File::options().write(true).open(cut.sled("db")).unwrap();
            db.set_len(length * per_cent / 100).unwrap();
            if without_snapshot {
                open::remove_snapshots(&cut.sled(""), |_| true).unwrap();
            }
            match outcome(&cut).await {
                Ok(right) => assert_eq!(right, keys, "cut to {per_cent} %, it opened without an error"),
                Err(why) => {
                    println!("cut to {per_cent} %: {why}");
                    assert!(why.starts_with("refused"), "it opened, and only a read failed: {why}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused >= 10, "cutting was mostly harmless: {refused} of 16 refused");
}

/// sled truncates its file when it can. A crash right then must not keep the store from opening.
#[tokio::test]
async fn a_database_truncated_by_sled_itself_opens() {
    let (data, keys) = filled().await;
    let path = data.file(files::SYNCED_FILE);
    let synced = sidecar::read(&path).unwrap().unwrap();
    assert_eq!(synced.data_bytes, fs::metadata(data.sled("db")).unwrap().len());
    sidecar::Sidecar::create(&path, sidecar::Synced { data_bytes: u64::MAX, ..synced }).unwrap();
    assert_eq!(outcome(&data).await, Ok(keys));
}

#[tokio::test]
async fn garbage_is_not_taken_for_an_empty_store() {
    let (data, _) = filled().await;
    let garbage = data.copy();
    fs::write(garbage.sled("db"), noise(1_000_000, 7)).unwrap();
    assert!(garbage.refusal().contains("is damaged"));

    let emptied = data.copy();
    fs::write(emptied.sled("db"), "").unwrap();
    open::remove_snapshots(&emptied.sled(""), |_| true).unwrap();
    let refused = emptied.refusal();
    assert!(refused.contains("it holds no identity record, so it is empty or was cut"), "{refused}");
    assert!(refused.contains("restore the whole data directory from a backup"), "{refused}");
}

#[tokio::test]
async fn an_older_database_is_not_taken_for_the_newest() {
    let data = Data::new();
    let store = data.open().unwrap();
    store.commit(put("old", "")).await.unwrap();
    store.close().await.unwrap();
    let older = data.copy();
    let store = data.open().unwrap();
    for number in 0..5u8 {
        store.commit(put([number], "")).await.unwrap();
    }
    store.close().await.unwrap();

    fs::remove_dir_all(data.sled("")).unwrap();
    copy_dir(&older.sled(""), &data.sled(""));
    let refused = data.refusal();
    assert!(refused.contains("has lost commits: it ends at commit 2, but"), "{refused}");
    assert!(refused.contains("synced says that commit 7 was durable"), "{refused}");
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let (data, _) = filled().await;
    for name in [files::IDENTITY_FILE, files::SYNCED_FILE, "sled/db"] {
        let damaged = data.copy();
        fs::remove_file(damaged.file(name)).unwrap();
        let refused = damaged.refusal();
        assert!(refused.contains(&format!("{name} is missing")), "{refused}");
    }
    let damaged = data.copy();
    fs::remove_dir_all(damaged.sled("")).unwrap();
    assert!(damaged.refusal().contains("sled/db is missing"));
}

#[tokio::test]
async fn another_stores_files_are_refused() {
    let (data, _) = filled().await;
    let other = Data::new();
    other.open().unwrap().close().await.unwrap();
    for name in [files::IDENTITY_FILE, files::SYNCED_FILE] {
        let mixed = data.copy();
        fs::copy(other.file(name), mixed.file(name)).unwrap();
        assert!(mixed.refusal().contains("they hold different store ids"));
    }
    // With both files swapped, only the record inside the database can tell.
    let mixed = data.copy();
    fs::copy(other.file(files::IDENTITY_FILE), mixed.file(files::IDENTITY_FILE)).unwrap();
    fs::copy(other.file(files::SYNCED_FILE), mixed.file(files::SYNCED_FILE)).unwrap();
    let refused = mixed.refusal();
    assert!(refused.contains("sled/db belongs to another store than"), "{refused}");
}

#[tokio::test]
async fn a_newer_format_is_refused_by_its_number() {
    let data = Data::new();
    data.open().unwrap().close().await.unwrap();
    let text = fs::read_to_string(data.file(files::IDENTITY_FILE)).unwrap();
    fs::write(data.file(files::IDENTITY_FILE), text.replace("format 1", "format 3\nand more")).unwrap();
    let refused = data.refusal();
    assert!(refused.contains("identity has format 3, this version reads up to 2;"), "{refused}");
}

#[tokio::test]
async fn a_changed_identity_is_refused() {
    let data = Data::new();
    data.open().unwrap().close().await.unwrap();
    let whole = fs::read_to_string(data.file(files::IDENTITY_FILE)).unwrap();
    let id = whole.lines().find(|line| line.starts_with("id ")).unwrap();
    let wrong = [
        (whole.replace(id, "id 00000000000000000000000000000001"), "its checksum is wrong"),
        (whole.replace("id ", "no "), "it has no line \"id\" in its place"),
        (whole.replace("format 1", "format one"), "its format is not a number"),
        (String::new(), "it does not begin with the line \"plaudit store\""),
    ];
    for (text, why) in wrong {
        fs::write(data.file(files::IDENTITY_FILE), text).unwrap();
        let refused = data.refusal();
        assert!(refused.contains(why), "{refused}");
    }
    fs::write(data.file(files::IDENTITY_FILE), [0xff, 0xfe]).unwrap();
    assert!(data.refusal().contains("it is not text"));
}

#[tokio::test]
async fn a_torn_slot_of_the_synced_file_is_tolerated() {
    let (data, keys) = filled().await;
    let whole = fs::read(data.file(files::SYNCED_FILE)).unwrap();
    for slot in [0, 1] {
        let torn = data.copy();
        let mut bytes = whole.clone();
        bytes[slot * 512 + 20..slot * 512 + 200].fill(0xa5);
        fs::write(torn.file(files::SYNCED_FILE), bytes).unwrap();
        assert_eq!(outcome(&torn).await, Ok(keys));
    }
    let destroyed = data.copy();
    fs::write(destroyed.file(files::SYNCED_FILE), noise(1024, 1)).unwrap();
    assert!(destroyed.refusal().contains("neither of its two slots is whole"));
    fs::write(destroyed.file(files::SYNCED_FILE), "").unwrap();
    assert!(destroyed.refusal().contains("neither of its two slots is whole"));
}

/// A write must never overwrite the newest slot, whatever the numbers are: if it were torn, only an old one would be
/// left.
#[test]
fn the_synced_file_keeps_the_previous_number() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("synced");
    let mut newest = sidecar::Synced { store_id: [7; 16], number: 1, data_bytes: 0 };
    sidecar::Sidecar::create(&path, newest).unwrap();
    let numbers = [2, 4, 6, 8, 10, 11, 13, 15, 20, 40];
    for (at, number) in numbers.into_iter().enumerate() {
        // Reopened for every third, as after a restart.
        let mut file = sidecar::Sidecar::open(&path, newest).unwrap();
        file.write(number, 0).unwrap();
        if at % 3 == 0 {
            file.write(number + 1, 0).unwrap();
            newest.number = number;
        }
        let slots = sidecar::read_slots(&path).unwrap().map(|slot| slot.unwrap());
        assert_eq!(slots.map(|slot| slot.number).into_iter().min(), Some(newest.number));
        newest = slots.into_iter().max_by_key(|slot| slot.number).unwrap();
    }
}

#[tokio::test]
async fn the_synced_file_follows_the_commits() {
    let data = Data::new();
    let store = data.open().unwrap();
    assert_eq!(data.synced(), Some(1));
    for number in 2..=6u64 {
        store.commit(put(number.to_be_bytes(), "")).await.unwrap();
        let start = Instant::now();
        wait_for("the synced file", || (data.synced() == Some(number)).then_some(()));
        // The interval is 100 ms; a busy machine may add to it.
        assert!(start.elapsed() < Duration::from_secs(2));
    }
    // Also under load, not only when the committer is idle.
    let start = Instant::now();
    let mut number = 6;
    while start.elapsed() < Duration::from_millis(400) {
        store.commit(put("busy", number.to_string())).await.unwrap();
        number += 1;
    }
    assert!(data.synced().unwrap() > 6, "the file stood still under load");
    store.close().await.unwrap();
    assert_eq!(data.synced(), Some(number));
}

#[tokio::test]
async fn snapshots_left_by_a_crash_are_ignored() {
    let (data, keys) = filled().await;
    let snapshot = fs::read_dir(data.sled("")).unwrap().map(|entry| entry.unwrap().path());
    let snapshot = snapshot.into_iter().find(|path| path.to_string_lossy().contains("snap."));
    let snapshot = snapshot.expect("sled wrote a snapshot");
    let name = snapshot.file_name().unwrap().to_string_lossy().into_owned();

    let half_written = data.copy();
    fs::write(half_written.sled("snap.FFFFFFFFFFFFFFFF.generating"), "half").unwrap();
    assert_eq!(outcome(&half_written).await, Ok(keys));
    assert!(!half_written.sled("snap.FFFFFFFFFFFFFFFF.generating").exists());

    let damages: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |_| Vec::new(),
        |bytes| bytes[..bytes.len() / 2].to_vec(),
        |mut bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            bytes
        },
        |bytes| vec![0xff; bytes.len()],
    ];
    for damage in damages {
        let damaged = data.copy();
        let bytes = fs::read(damaged.sled(&name)).unwrap();
        fs::write(damaged.sled(&name), damage(bytes)).unwrap();
        assert_eq!(outcome(&damaged).await, Ok(keys));
    }
}
