//! Who may open a directory, and what a crash leaves while it is being created.

use super::*;

#[tokio::test]
async fn a_second_opener_learns_who_holds_the_directory() {
    let data = Data::new();
    let store = data.open().unwrap();
    let refused = data.open().err().unwrap().to_string();
    let pid = std::process::id();
    assert!(refused.contains(&format!("is in use by process {pid};")), "{refused}");

    store.announce_address("127.0.0.1:50051").unwrap();
    let refused = data.open().err().unwrap().to_string();
    assert!(refused.contains(&format!("process {pid}, which serves 127.0.0.1:50051;")), "{refused}");
}

#[tokio::test]
async fn a_closed_directory_opens_at_once() {
    let data = Data::new();
    let no_wait = || SledOptions { lock_wait: Duration::ZERO, ..options() };
    for number in 0..10u8 {
        let store = SledStore::open(&data.dir(), no_wait()).unwrap();
        store.commit(put([number], "")).await.unwrap();
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn opening_waits_for_a_directory_that_is_closing() {
    let data = Data::new();
    for number in 0..5u8 {
        let store = SledStore::open(&data.dir(), SledOptions::default()).unwrap();
        store.commit(put([number], noise(1_000_000, 1))).await.unwrap();
        // Closes in the background.
        drop(store);
    }
}

#[tokio::test]
async fn opening_waits_for_sleds_lock_too() {
    let data = Data::new();
    data.open().unwrap().close().await.unwrap();
    let raw = data.raw();
    let closing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(raw);
    });
    let patient = SledOptions { lock_wait: PATIENCE, ..options() };
    SledStore::open(&data.dir(), patient).unwrap();
    closing.join().unwrap();
}

#[cfg(unix)]
#[test]
fn a_new_directory_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let data = Data::new();
    drop(data.open().unwrap());
    assert_eq!(fs::metadata(data.dir()).unwrap().permissions().mode() & 0o777, 0o700);
}

/// A creation that crashed is completed, whatever state it was left in.
#[tokio::test]
async fn an_unfinished_creation_is_completed() {
    let created = Data::new();
    created.open().unwrap().close().await.unwrap();
    let identity = fs::read(created.file(files::IDENTITY_FILE)).unwrap();

    type Undo = fn(&Data);
    let states: [(&str, Undo); 4] = [
        ("an empty directory", |data| {
            fs::remove_file(data.file(files::CREATING_FILE)).unwrap();
            fs::remove_file(data.file(files::SYNCED_FILE)).unwrap();
            fs::remove_dir_all(data.sled("")).unwrap();
        }),
        ("only the mark", |data| {
            fs::remove_file(data.file(files::SYNCED_FILE)).unwrap();
            fs::remove_dir_all(data.sled("")).unwrap();
        }),
        ("a database cut short", |data| {
            fs::remove_file(data.file(files::SYNCED_FILE)).unwrap();
            fs::write(data.sled("db"), "half").unwrap();
            fs::remove_file(data.sled("conf")).unwrap();
        }),
        ("all but the identity", |_| ()),
    ];
    for (state, undo) in states {
        let data = created.copy();
        fs::write(data.file(files::CREATING_FILE), "").unwrap();
        fs::remove_file(data.file(files::IDENTITY_FILE)).unwrap();
        undo(&data);
        let store = data.open().unwrap_or_else(|error| panic!("{state}: {error}"));
        store.commit(put("key", "value")).await.unwrap();
        store.close().await.unwrap();
        assert!(!data.file(files::CREATING_FILE).exists(), "{state}");
        assert_ne!(fs::read(data.file(files::IDENTITY_FILE)).unwrap(), identity, "{state}");
        let store = data.open().unwrap();
        assert_eq!(get(&store, "key").await.unwrap(), Some(Bytes::from("value")), "{state}");
    }
}

/// A creation whose last step, removing its own mark, was lost.
#[tokio::test]
async fn a_finished_creation_keeps_its_store() {
    let data = Data::new();
    let store = data.open().unwrap();
    store.commit(put("key", "value")).await.unwrap();
    store.close().await.unwrap();
    fs::write(data.file(files::CREATING_FILE), "").unwrap();
    let store = data.open().unwrap();
    assert_eq!(get(&store, "key").await.unwrap(), Some(Bytes::from("value")));
    store.close().await.unwrap();
    assert!(!data.file(files::CREATING_FILE).exists());

    // With the mark but without the identity, the acknowledged commits still show that the store is in use.
    fs::write(data.file(files::CREATING_FILE), "").unwrap();
    fs::remove_file(data.file(files::IDENTITY_FILE)).unwrap();
    assert!(data.refusal().contains("identity is missing"));
}

#[test]
fn the_cache_has_the_configured_size() {
    let options = SledOptions { cache_bytes: 7 * 1024 * 1024, ..options() };
    assert_eq!(open::config(Path::new("sled"), &options).cache_capacity, options.cache_bytes);
}

/// sled's own ids jump by two million with every opening.
#[tokio::test]
async fn positions_continue_without_gaps_across_openings() {
    let data = Data::new();
    for expected in 1..=4 {
        let store = data.open().unwrap();
        let log = vec![Bytes::from("event")];
        let committed = store.commit(Batch { log, ..Batch::default() }).await.unwrap();
        assert_eq!(committed.first_position, Some(expected));
        store.close().await.unwrap();
    }
}
