//! A data directory from the outside: one that lost something is refused, naming what is missing, rather than served
//! incomplete, and a dump transfers everything to another.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use plaudit::proto::v1::{AuthorKind, ConflictPolicy};
use tempfile::TempDir;

use crate::harness::{Client, PATIENCE, ServerProcess, plaudit, sample};

/// A folder whose data directory has some stored and scored conversations, and no server.
pub(crate) async fn stored() -> TempDir {
    let mut server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    for number in 0..20 {
        let name = client.import(sample::import(&number.to_string())).await.unwrap().conversation;
        client.scored(&name).await;
    }
    assert_eq!(server.terminate().await.code(), Some(0));
    let copy = TempDir::new().unwrap();
    copy_all(&server.data(), &copy.path().join("data"));
    copy
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Starts the server on the folder's data directory, where it must exit by itself; returns its exit code and output.
async fn refused(folder: &Path) -> (Option<i32>, String) {
    let mut child = plaudit(folder)
        .args(["serve", "--listen", "127.0.0.1:0", "--data", "data"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Fails if it has exited, as it should have.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn names(text: &str, path: &Path) -> bool {
    let last_two: PathBuf = path.components().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
    text.contains(&last_two.display().to_string())
}

#[tokio::test]
async fn a_data_directory_that_lost_a_part_is_refused_by_the_parts_name() {
    type Damage = fn(&Path);
    let cases: [(&str, Damage, &str); 9] = [
        ("data/sled/db", |db| truncate(db, 0.98), "plaudit store load"),
        ("data/sled/db", |db| truncate(db, 0.5), "plaudit store load"),
        ("data/sled/db", |db| truncate(db, 0.0), "plaudit store load"),
        ("data/sled/db", |db| fs::write(db, vec![0x55; 1 << 20]).unwrap(), "plaudit store load"),
        ("data/sled/db", |db| fs::remove_file(db).unwrap(), "is missing"),
        ("data/identity", |file| fs::remove_file(file).unwrap(), "is missing"),
        ("data/synced", |file| fs::remove_file(file).unwrap(), "is missing"),
        ("data/identity", |file| truncate(file, 0.5), "plaudit store load"),
        ("data/synced", |file| truncate(file, 0.0), "plaudit store load"),
    ];
    let whole = stored().await;
    for (number, (file, damage, next_step)) in cases.into_iter().enumerate() {
        let folder = TempDir::new().unwrap();
        copy_all(&whole.path().join("data"), &folder.path().join("data"));
        let path = folder.path().join(file);
        damage(&path);
        let (code, text) = refused(folder.path()).await;
        assert_eq!(code, Some(1), "case {number}: {text}");
        assert!(names(&text, &path), "case {number} does not name {file}: {text}");
        assert!(text.contains(next_step), "case {number}: {text}");
        assert!(!text.contains("panicked"), "case {number}: {text}");
    }
}

/// Keeps this fraction of the written part: sled's file ends with unused space.
fn truncate(path: &Path, part: f64) {
    let bytes = fs::read(path).unwrap();
    let written = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    fs::write(path, &bytes[..(written as f64 * part) as usize]).unwrap();
}

#[tokio::test]
async fn a_copy_of_a_data_directory_is_served_like_the_original() {
    let folder = stored().await;
    let server = ServerProcess::start_in(folder);
    let client = Client::new(server.channel().await);
    for number in 0..20 {
        let name = format!("conversations/test:{number}");
        client.scored(&name).await;
        assert_eq!(client.messages(&name, 50).await.len(), 4);
        assert_eq!(client.assessments(&name, 50).await.len(), 2);
    }
}

#[tokio::test]
async fn a_data_directory_in_use_is_refused_with_the_address_of_its_server() {
    let server = ServerProcess::start();
    let folder = server.data().parent().unwrap().to_owned();
    let (code, text) = refused(&folder).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("which serves {}; stop it", server.address())), "{text}");
    assert_eq!(server.http().get("/nothing").await.status.as_u16(), 404, "the first server keeps running");
}

/// Runs a command in the folder; returns its exit code and output.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = plaudit(folder).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

pub(crate) fn succeed(folder: &Path, arguments: &[&str]) {
    let (code, text) = run(folder, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
}

#[tokio::test]
async fn a_dump_transfers_everything_to_another_directory() {
    let mut server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let request = sample::with_id(sample::import("42"), "one");
    let answer = client.import(request.clone()).await.unwrap();
    let large = sample::message(4, AuthorKind::Contact, &"word ".repeat(50_000));
    let append = sample::with_policy(sample::import_of("42", vec![large]), ConflictPolicy::Append);
    client.import(append).await.unwrap();
    let conversation = client.scored(&answer.conversation).await;
    let messages = client.messages(&answer.conversation, 50).await;
    let assessments = client.assessments(&answer.conversation, 50).await;
    server.terminate().await;

    let from = server.data().parent().unwrap().to_owned();
    let to = TempDir::new().unwrap();
    let dump = to.path().join("first.dump");
    succeed(&from, &["store", "dump", "--data", "data", dump.to_str().unwrap()]);
    succeed(to.path(), &["store", "load", "--data", "data", "first.dump"]);
    succeed(to.path(), &["store", "dump", "--data", "data", "second.dump"]);
    assert!(
        fs::read(&dump).unwrap() == fs::read(to.path().join("second.dump")).unwrap(),
        "not the same bytes"
    );

    let loaded = ServerProcess::start_in(to);
    let client = Client::new(loaded.channel().await);
    assert_eq!(client.conversation(&answer.conversation).await.unwrap(), conversation);
    assert_eq!(client.messages(&answer.conversation, 50).await, messages);
    assert_eq!(client.assessments(&answer.conversation, 50).await, assessments);
    assert_eq!(client.get_import(&answer.import).await.unwrap().conversation, answer.conversation);
    assert_eq!(client.import(request).await.unwrap(), answer, "the request id is still known");
    let next = client.import(sample::import("43")).await.unwrap().conversation;
    assert_ne!(next, answer.conversation);
    client.scored(&next).await;
}

#[tokio::test]
async fn a_harmful_dump_or_load_is_refused() {
    let folder = stored().await;
    let here = folder.path();
    succeed(here, &["store", "dump", "--data", "data", "whole.dump"]);
    let whole = fs::read(here.join("whole.dump")).unwrap();
    fs::write(here.join("cut.dump"), &whole[..whole.len() - 40]).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(here.join("flipped.dump"), flipped).unwrap();
    for (arguments, named) in [
        (["dump", "--data", "data", "whole.dump"], "whole.dump"),
        (["dump", "--data", "nothing", "new.dump"], "nothing"),
        (["load", "--data", "data", "whole.dump"], "whole.dump"),
        (["load", "--data", "cut", "cut.dump"], "cut.dump"),
        (["load", "--data", "flipped", "flipped.dump"], "flipped.dump"),
        (["load", "--data", "new", "none.dump"], "none.dump"),
    ] {
        let (code, text) = run(here, &[&["store"][..], &arguments].concat());
        assert_eq!(code, Some(1), "{arguments:?}: {text}");
        assert!(text.contains(named) && !text.contains("panicked"), "{arguments:?}: {text}");
    }
    assert!(fs::read(here.join("whole.dump")).unwrap() == whole, "the existing dump was overwritten");
    assert!(!here.join("nothing").exists() && !here.join("new.dump").exists());

    // An unfinished load is not served.
    fs::rename(here.join("data"), here.join("good")).unwrap();
    fs::rename(here.join("cut"), here.join("data")).unwrap();
    let (code, text) = refused(here).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("load that did not finish"), "{text}");
}

/// The files in a folder and below it.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(listed(&path));
        }
        found.push(path);
    }
    found.sort_unstable();
    found
}

#[tokio::test]
async fn no_store_is_created_among_other_files() {
    let whole = stored().await;
    succeed(whole.path(), &["store", "dump", "--data", "data", "whole.dump"]);
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::copy(whole.path().join("whole.dump"), here.join("whole.dump")).unwrap();
    fs::write(here.join("lines.jsonl"), "").unwrap();
    fs::create_dir_all(here.join("data/photos")).unwrap();
    fs::write(here.join("data/photos/one.jpg"), "x").unwrap();
    let refusal = |what: &str| {
        format!("data is not empty and holds no store: {what} there; name a new or an empty directory")
    };
    let dumps =
        [["store", "load", "--data", "data", "whole.dump"], ["store", "dump", "--data", "data", "new.dump"]];
    let before = listed(here);
    for (arguments, failed, said) in [
        (&dumps[0][..], 1, refusal("\"photos\" is")),
        (&["import", "--data", "data", "lines.jsonl"], 2, refusal("\"photos\" is")),
        (&dumps[1][..], 1, "there is no store in data".to_owned()),
        (&["export", "--data", "data", "new.jsonl"], 1, "there is no store in data".to_owned()),
    ] {
        let (code, text) = run(here, arguments);
        assert!(code == Some(failed) && text.contains(&said), "{arguments:?}: {code:?} {text}");
    }
    let (code, text) = refused(here).await;
    assert!(code == Some(1) && text.contains(&refusal("\"photos\" is")), "{text}");
    for name in ["a.txt", ".b", "c", "notes.md"] {
        fs::write(here.join("data").join(name), "").unwrap();
    }
    let (_, text) = refused(here).await;
    assert!(text.contains(&refusal("\".b\", \"a.txt\", \"c\" and 2 more are")), "{text}");
    for name in ["a.txt", ".b", "c", "notes.md"] {
        fs::remove_file(here.join("data").join(name)).unwrap();
    }
    assert_eq!(listed(here), before, "a refusal left something behind");
}

#[tokio::test]
async fn a_store_is_created_on_a_fresh_file_system_or_next_to_the_settings() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("data/lost+found")).unwrap();
    fs::write(folder.path().join("data/plaudit.toml"), "").unwrap();
    let (_, text) = run(folder.path(), &["export", "--data", "data", "new.jsonl"]);
    assert!(text.contains("there is no store in data"), "{text}");
    let mut server = ServerProcess::start_in(folder);
    Client::new(server.channel().await).import(sample::import("42")).await.unwrap();
    assert_eq!(server.terminate().await.code(), Some(0));
    // Other files next to an existing store do not keep it from being served.
    fs::write(server.data().join("notes.txt"), "").unwrap();
    let server = server.restart();
    Client::new(server.channel().await).conversation("conversations/test:42").await.unwrap();
}

#[tokio::test]
async fn a_dump_of_a_directory_in_use_is_refused_with_the_address_of_its_server() {
    let server = ServerProcess::start();
    let folder = server.data().parent().unwrap().to_owned();
    let (code, text) = run(&folder, &["store", "dump", "--data", "data", "x.dump"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&server.address().to_string()), "{text}");
    assert!(!folder.join("x.dump").exists());
}

#[tokio::test]
async fn what_is_no_dump_leaves_no_store_behind() {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in [("tickets.jsonl", &b"{\"ticket_id\": \"1\", \"messages\": []}"[..]), ("empty", b"")]
    {
        fs::write(folder.path().join(name), bytes).unwrap();
        let output = plaudit(folder.path()).args(["store", "load", "--data", "data", name]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said, format!("plaudit: {name}: this is not a dump of a plaudit store\n"));
        assert!(!folder.path().join("data").exists(), "{name}");
    }
}
