//! Sectors of real files are zeroed, on each engine.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use plaudit::proto::v1::AuthorKind;
use serde_json::Value;
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::{
    export_command::lines,
    harness::{Client, ServerProcess, plaudit, sample, until},
    store::{copy_all, run, succeed},
};

const CONVERSATIONS: usize = 120;
/// How many damaged stores are looked at closely, of how many at most that are tried.
const CASES: usize = 3;
const TRIES: usize = 60;

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A folder with a closed store, and the names of its conversations.
async fn filled(engine: &str) -> (TempDir, Vec<String>) {
    let mut server = ServerProcess::start_on(engine);
    let client = Client::new(server.channel().await);
    let imports = (0..CONVERSATIONS).map(|number| {
        let mut import = sample::import(&number.to_string());
        // Of various sizes: in the head, in segments, in chunks.
        let words = ["word ", "and another "][number % 2].repeat([40, 400, 2_000, 12_000][number % 4]);
        import.messages.push(sample::message(4, AuthorKind::Contact, &format!("{number} {words}")));
        import
    });
    let (_, counts) = client.import_all(imports.collect()).await;
    assert_eq!(counts.created, CONVERSATIONS as i64);
    let mut names = Vec::new();
    for number in 0..CONVERSATIONS {
        names.push(client.scored(&format!("conversations/test:{number}")).await.name);
    }
    assert_eq!(server.terminate().await.code(), Some(0));
    let folder = TempDir::new().unwrap();
    copy_all(&server.data(), &folder.path().join("data"));
    // sled goes by its snapshot, which it writes when it is opened.
    succeed(folder.path(), &["store", "check", "data"]);
    (folder, names)
}

/// The file that nearly all of a store is in.
fn largest(data: &Path, engine: &str) -> PathBuf {
    if engine == "sled" {
        return data.join("sled/db");
    }
    let tables =
        fs::read_dir(data.join("fjall/keyspaces/1/tables")).unwrap().map(|table| table.unwrap().path());
    tables.max_by_key(|path| fs::metadata(path).unwrap().len()).expect("a table")
}

/// What `store check --json` prints, by line, with its exit code.
fn checked(folder: &Path, data: &str) -> (Option<i32>, Vec<Value>) {
    let output = plaudit(folder).args(["store", "check", "--json", data]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The conversations of which one of these parts is damaged.
fn damaged(report: &[Value], parts: &[&str]) -> BTreeSet<String> {
    let is_among = |line: &&Value| {
        line["parts"]
            .as_array()
            .is_some_and(|told| told.iter().any(|part| parts.contains(&part.as_str().unwrap())))
    };
    report.iter().filter(is_among).map(|line| line["conversation"].as_str().unwrap().to_owned()).collect()
}

/// What a call that met damage says.
fn assert_kind(status: &Status) {
    assert_eq!(status.code(), Code::DataLoss, "{status:?}");
    for word in ["sled", "fjall", "panic", "Corrupt", "byte"] {
        assert!(!status.message().contains(word), "{status:?}");
    }
}

/// The conversations that a client cannot read.
async fn unreadable(client: &Client, names: &[String]) -> BTreeSet<String> {
    let mut unreadable = BTreeSet::new();
    for name in names {
        let read = async {
            client.conversation(name).await?;
            client.list_messages(name, 50, "").await?;
            client.list_assessments(name, 50, "").await?;
            client
                .list_ratings(plaudit::proto::v1::ListRatingsRequest {
                    parent: name.clone(),
                    ..Default::default()
                })
                .await?;
            Ok::<(), Status>(())
        };
        if let Err(status) = read.await {
            assert_kind(&status);
            unreadable.insert(name.clone());
        }
    }
    unreadable
}

/// The lines of conversations by their names, without what is scored anew.
fn conversations(file: &Path) -> Vec<(String, Value)> {
    let lines = lines(file).into_iter().filter(|line| line.get("conversation").is_some());
    let named = lines.map(|mut line| {
        let fields = line.as_object_mut().unwrap();
        fields.remove("assessments");
        fields["conversation"].as_object_mut().unwrap().remove("scoring");
        (line["conversation"]["name"].as_str().unwrap().to_owned(), line)
    });
    named.collect()
}

fn names_of(lines: &[(String, Value)]) -> BTreeSet<String> {
    lines.iter().map(|(name, _)| name.clone()).collect()
}

/// Everything about one damaged store that opens.
async fn look_closely(
    case: &str,
    folder: TempDir,
    names: &[String],
    whole: &[(String, Value)],
    report: &[Value],
) {
    let there = folder.path().to_owned();
    let lost = damaged(report, &["conversation", "messages"]);
    let told = damaged(report, &["conversation", "messages", "assessments", "ratings", "scoring"]);
    let expected: Vec<_> = whole.iter().filter(|(name, _)| !lost.contains(name)).cloned().collect();

    // A dump past damage, which loads only as what it is.
    let (code, text) = run(&there, &["store", "dump", "--data", "data", "plain.dump"]);
    assert_eq!((code, there.join("plain.dump").exists()), (Some(1), false), "{case}: {text}");
    let (code, text) = run(&there, &["store", "dump", "--past-damage", "--data", "data", "some.dump"]);
    assert!(code == Some(3) && text.contains("plaudit: missing: "), "{case}: {text}");
    let (code, text) = run(&there, &["store", "load", "--data", "refused", "some.dump"]);
    assert!(code == Some(1) && text.contains("--past-damage"), "{case}: {text}");
    let (code, text) = run(&there, &["store", "load", "--past-damage", "--data", "loaded", "some.dump"]);
    assert!(code == Some(3) && text.contains("plaudit: missing: "), "{case}: {text}");

    let before = fs::read(largest(&there.join("data"), &engine_of(&there))).unwrap();
    let (code, text) = run(&there, &["store", "salvage", "--data", "data", "new"]);
    assert_eq!(code, Some(3), "{case}: {text}");
    assert!(
        fs::read(largest(&there.join("data"), &engine_of(&there))).unwrap() == before,
        "{case}: it was changed"
    );
    for name in &lost {
        assert!(text.contains(name), "{case}: {name} is not named: {text}");
    }
    let (code, after) = checked(&there, "new");
    assert_eq!(code, Some(0), "{case}: {after:?}");
    succeed(&there, &["export", "--data", "new", "new.jsonl"]);
    assert!(conversations(&there.join("new.jsonl")) == expected, "{case}: the salvaged conversations differ");

    // What can be read is served, and exported past the rest.
    let server = ServerProcess::start_in(folder);
    let client = Client::new(server.channel().await);
    assert_eq!(unreadable(&client, names).await, told, "{case}");
    let address = server.address().to_string();
    let (code, text) = run(&there, &["export", "--server", &address, "some.jsonl"]);
    let exported = conversations(&there.join("some.jsonl"));
    assert_eq!(names_of(&exported), names_of(&expected), "{case}: {text}");
    assert!(exported == expected, "{case}: what was exported differs");
    assert_eq!(code, Some(if told.is_empty() { 0 } else { 3 }), "{case}: {text}");
    for name in &lost {
        assert!(text.contains(&format!("left out {name}")), "{case}: {name} is not named: {text}");
    }
    // Reading it through finds it, too.
    until("the scrub", || {
        let (code, text) = run(&there, &["health", "--server", &address]);
        assert_eq!(code, Some(0), "{text}");
        text.contains("its store is damaged in")
    })
    .await;
    assert!(server.log().contains("plaudit store check"), "{case}: {}", server.log());
}

fn engine_of(folder: &Path) -> String {
    let is_fjall = folder.join("data/fjall").exists();
    if is_fjall { "fjall" } else { "sled" }.to_owned()
}

async fn sectors(engine: &str) {
    let (whole, names) = filled(engine).await;
    succeed(whole.path(), &["export", "--data", "data", "whole.jsonl"]);
    let lines = conversations(&whole.path().join("whole.jsonl"));
    assert_eq!(lines.len(), CONVERSATIONS);
    succeed(whole.path(), &["store", "check", "data"]);
    let mut random = Random(11);
    let mut cases = 0;
    let mut outcomes = [0; 4];
    for _ in 0..TRIES {
        let folder = TempDir::new().unwrap();
        copy_all(&whole.path().join("data"), &folder.path().join("data"));
        let path = largest(&folder.path().join("data"), engine);
        let mut bytes = fs::read(&path).unwrap();
        let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        let at = random.below(written) / 512 * 512;
        bytes[at..at + 512].fill(0);
        fs::write(&path, bytes).unwrap();
        let (code, report) = checked(folder.path(), "data");
        outcomes[code.unwrap() as usize] += 1;
        let is_of_all = report.iter().any(|line| line["what"] == "the store");
        if code == Some(3) && !is_of_all {
            cases += 1;
            look_closely(&format!("{engine} at {at}"), folder, &names, &lines, &report).await;
            if cases == CASES {
                break;
            }
        }
    }
    let [nothing, refused, _, damaged] = outcomes;
    eprintln!("{engine}: {nothing} without damage, {refused} refused, {damaged} damaged");
    assert_eq!(cases, CASES);
}

#[tokio::test]
async fn a_damaged_sector_of_sled_takes_only_what_it_held() {
    sectors("sled").await;
}

#[tokio::test]
async fn a_damaged_sector_of_fjall_takes_only_what_it_held() {
    sectors("fjall").await;
}
