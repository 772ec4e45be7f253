//! A store as another engine: everything goes along, and nothing unfinished is served.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use plaudit::store::{self, Batch};
use tempfile::TempDir;

use crate::{
    harness::{Client, PATIENCE, ServerProcess, plaudit},
    store::{run, stored, succeed},
};

#[tokio::test]
async fn a_store_goes_to_the_other_engine_and_back_byte_for_byte() {
    let folder = stored().await;
    let there = folder.path();
    succeed(there, &["store", "convert", "--data", "data", "--to", "fjall", "fast"]);
    succeed(there, &["store", "convert", "--data", "fast", "--to", "sled", "back"]);
    for (data, file) in [("data", "1"), ("fast", "2"), ("back", "3")] {
        succeed(there, &["store", "dump", "--data", data, file]);
    }
    let dump = |file: &str| fs::read(there.join(file)).unwrap();
    assert!(dump("1").len() > 10_000);
    assert!(dump("1") == dump("2") && dump("2") == dump("3"), "the dumps differ");
    let engine = |data: &str| fs::read_to_string(there.join(data).join("identity")).unwrap();
    assert!(engine("fast").contains("\nengine fjall\n"), "{}", engine("fast"));
    assert!(engine("back").starts_with("plaudit store\nformat 1\nid "), "{}", engine("back"));
    assert!(!there.join("fast/converting").exists());

    // The engine is that of the directory.
    let converted = TempDir::new().unwrap();
    fs::rename(there.join("fast"), converted.path().join("data")).unwrap();
    let server = ServerProcess::start_in(converted);
    let client = Client::new(server.channel().await);
    for number in 0..20 {
        let name = format!("conversations/test:{number}");
        client.scored(&name).await;
        assert_eq!(client.messages(&name, 50).await.len(), 4);
        assert_eq!(client.assessments(&name, 50).await.len(), 2);
    }
}

#[tokio::test]
async fn a_directory_of_another_engine_is_refused_with_the_way_out() {
    let folder = stored().await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", "data", "--store-engine", "fjall"];
    let (code, told) = run(folder.path(), &serve);
    assert_eq!(code, Some(1), "{told}");
    let expected = "data holds a store of the engine sled, not of fjall; leave out store.engine to use it as it is, or \
                    convert it: plaudit store convert --data data --to fjall NEW_DIRECTORY";
    assert!(told.contains(expected), "{told}");
}

#[tokio::test]
async fn a_target_that_is_in_use_is_refused() {
    let folder = stored().await;
    let convert =
        |target: &str| run(folder.path(), &["store", "convert", "--data", "data", "--to", "fjall", target]);
    let (code, told) = convert("data");
    assert_eq!((code, told.contains("is the directory to convert")), (Some(2), true), "{told}");
    succeed(folder.path(), &["store", "convert", "--data", "data", "--to", "fjall", "other"]);
    let (code, told) = convert("other");
    assert_eq!((code, told.contains("holds a store already")), (Some(1), true), "{told}");
    fs::create_dir(folder.path().join("papers")).unwrap();
    fs::write(folder.path().join("papers/letter"), "").unwrap();
    let (code, told) = convert("papers");
    assert_eq!((code, told.contains("is not empty and holds no store")), (Some(1), true), "{told}");
    let (code, told) = run(folder.path(), &["store", "convert", "--data", "nothing", "--to", "fjall", "new"]);
    assert_eq!((code, told.contains("there is no store in nothing")), (Some(1), true), "{told}");
}

/// A store that takes a while.
async fn large(data: &Path) {
    let store = store::open("sled", data, store::Options::default()).unwrap();
    let mut bytes = vec![0; 60_000_000];
    getrandom::fill(&mut bytes).unwrap();
    for (number, values) in (0_u32..).zip(bytes.chunks(1_000_000)) {
        let put = (0_u32..).zip(values.chunks(1_000)).map(|(at, value)| {
            let key = [number.to_be_bytes(), at.to_be_bytes()].concat();
            (key, value.to_vec().into())
        });
        store.commit(Batch { put: put.collect(), ..Batch::default() }).await.unwrap();
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_conversion_that_was_killed_is_not_served_and_goes_on() {
    let folder = TempDir::new().unwrap();
    let there = folder.path();
    large(&there.join("data")).await;
    let convert = ["store", "convert", "--data", "data", "--to", "fjall", "new"];
    let mut child = plaudit(there).args(convert).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let written =
        || fs::read_dir(there.join("new/fjall/keyspaces/1/tables")).map_or(0, |tables| tables.count());
    let begun = Instant::now();
    while written() == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is converted");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was done before it was killed");

    for command in [
        ["serve", "--listen", "127.0.0.1:0", "--data", "new"].as_slice(),
        &["store", "dump", "--data", "new", "new.dump"],
    ] {
        let (code, told) = run(there, command);
        let is_told = told.contains("new holds a conversion that did not finish");
        assert_eq!((code, is_told), (Some(1), true), "{told}");
    }
    let (code, told) = run(there, &convert);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("an earlier conversion into new did not finish; going on with it"), "{told}");
    for (data, file) in [("data", "1"), ("new", "2")] {
        succeed(there, &["store", "dump", "--data", data, file]);
    }
    assert!(fs::read(there.join("1")).unwrap() == fs::read(there.join("2")).unwrap(), "the dumps differ");
}
