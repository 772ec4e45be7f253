//! Damaged files and disks that do not read: each refusal is one message, about the right file, of the right kind.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Instant,
};

use tempfile::TempDir;

use crate::{
    harness::plaudit,
    store::{copy_all, stored},
    syncs::compile,
};

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Damages a file within its written part: sled's ends with unused space.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let written = bytes.iter().rposition(|&byte| byte != 0).map_or(1, |last| last + 1);
    let at = random.below(written);
    let end = (at + 1 + random.below(4000)).min(bytes.len());
    match random.below(6) {
        0 => {
            bytes[at] ^= 1 << random.below(8);
            format!("a bit at {at}")
        }
        1 => {
            bytes[at..end].fill(0);
            format!("zeros from {at} to {end}")
        }
        2 => {
            bytes[at..end].fill(0xff);
            format!("ones from {at} to {end}")
        }
        3 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        4 => {
            let moved = bytes[..end - at].to_vec();
            bytes[at..end].copy_from_slice(&moved);
            format!("the beginning again from {at} to {end}")
        }
        _ => {
            for byte in &mut bytes[at..end] {
                *byte = random.below(256) as u8;
            }
            format!("noise from {at} to {end}")
        }
    }
}

/// A folder with a copy of the data directory.
fn copy(whole: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    copy_all(&whole.join("data"), &folder.path().join("data"));
    folder
}

fn dump(folder: &Path) -> Output {
    plaudit(folder)
        .args(["store", "dump", "--data", "data", "out.dump"])
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

/// What a server says that does not start; `None` if it starts.
fn serve(folder: &Path) -> Option<Output> {
    let mut child = plaudit(folder)
        .args(["serve", "--listen", "127.0.0.1:0", "--data", "data"])
        .env("RUST_BACKTRACE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    // Ends with the process, or with the line by which it says that it serves.
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    if !line.is_empty() {
        child.kill().unwrap();
        child.wait().unwrap();
        return None;
    }
    Some(child.wait_with_output().unwrap())
}

/// The message of a refusal, which is all that is said: warnings of the log may stand before it, and nothing of a library's.
fn message(output: &Output, case: &str) -> String {
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{case}: {told}");
    for word in ["panic", "backtrace", "RUST_BACKTRACE", ".rs:", "unwrap()", "PLEASE REPORT"] {
        assert!(!told.contains(word), "{case}: {word:?} in {told}");
    }
    let mut lines: Vec<&str> = told.lines().filter(|line| !line.starts_with('{')).collect();
    let message = lines.pop().unwrap_or_default().to_owned();
    assert!(message.starts_with("plaudit: ") && lines.is_empty(), "{case}: {told}");
    message
}

fn snapshot(data: &Path) -> PathBuf {
    let entries = fs::read_dir(data.join("sled")).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.to_string_lossy().contains("snap.")).expect("a snapshot")
}

#[tokio::test]
async fn a_refusal_of_damaged_files_is_one_message_about_the_damaged_file() {
    const CASES: usize = 120;
    let whole = stored().await;
    let mut random = Random(7);
    let (mut refused, begun) = (0, Instant::now());
    for number in 0..CASES {
        let folder = copy(whole.path());
        let data = folder.path().join("data");
        let (name, path) = match number % 12 {
            0 => ("sled/conf", data.join("sled/conf")),
            1 => ("identity", data.join("identity")),
            2 => ("synced", data.join("synced")),
            3 => ("snapshot", snapshot(&data)),
            _ => ("sled/db", data.join("sled/db")),
        };
        let mut bytes = fs::read(&path).unwrap();
        let case = format!("case {number}, {name}: {}", damage(&mut bytes, &mut random));
        fs::write(&path, bytes).unwrap();
        // Every tenth one by a server, which takes longer.
        let output = if number % 10 == 9 {
            serve(folder.path())
        } else {
            Some(dump(folder.path())).filter(|output| !output.status.success())
        };
        let Some(output) = output else { continue };
        let message = message(&output, &case);
        refused += 1;
        assert!(message.contains(&format!("data/{name}")), "{case}: {message}");
        assert!(message.contains("is damaged") || message.contains("lost commits"), "{case}: {message}");
        assert!(message.contains("restore the whole data directory from a backup"), "{case}: {message}");
    }
    eprintln!("{refused} of {CASES} were refused, in {:?}", begun.elapsed());
    assert!(refused > CASES / 4, "{refused}");
}

#[tokio::test]
async fn settings_of_sleds_that_were_changed_are_told_as_what_they_are() {
    let whole = stored().await;
    let conf = fs::read(whole.path().join("data/sled/conf")).unwrap();
    let text = String::from_utf8_lossy(&conf);
    assert!(text.contains("segment_size: 4194304"), "{text}");
    for (from, to) in [("4194304", "4194305"), ("false", "fals!"), ("0.34", "9.34"), (": ", "  ")] {
        let folder = copy(whole.path());
        let path = folder.path().join("data/sled/conf");
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, &bytes).unwrap();
        let message = message(&dump(folder.path()), to);
        assert!(message.contains("data/sled/conf is damaged: its checksum is wrong"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "it was changed");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn a_sector_that_cannot_be_read_is_told_as_that() {
    let whole = stored().await;
    let shim = whole.path().join("eio.so");
    compile(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/damaged_files/shim.rs"), &shim);
    let snap = snapshot(&whole.path().join("data"));
    let snap = format!("sled/{}", snap.file_name().unwrap().to_string_lossy());
    // The beginning, the middle and the last pages of the log; with a snapshot sled reads only these.
    let db = fs::read(whole.path().join("data/sled/db")).unwrap();
    let written = db.iter().rposition(|&byte| byte != 0).unwrap();
    for (file, from) in [
        ("sled/db", 0),
        ("sled/db", written / 2),
        ("sled/db", written - 100),
        ("sled/conf", 0),
        (snap.as_str(), 0),
        ("data/identity", 0),
        ("data/synced", 0),
    ] {
        let folder = copy(whole.path());
        let before: Vec<_> = [&snap, "sled/conf", "synced", "identity"]
            .map(|name| fs::read(folder.path().join("data").join(name)).unwrap())
            .into();
        let output = plaudit(folder.path())
            .args(["store", "dump", "--data", "data", "out.dump"])
            .env("LD_PRELOAD", &shim)
            .env("EIO_FILE", file)
            .env("EIO_FROM", from.to_string())
            .output()
            .unwrap();
        let case = format!("{file} from {from}");
        let message = message(&output, &case);
        assert!(message.contains(file), "{case}: {message}");
        assert!(message.contains("Input/output error"), "{case}: {message}");
        assert!(!message.contains("damaged") && !message.contains("backup"), "{case}: {message}");
        let after: Vec<_> = [&snap, "sled/conf", "synced", "identity"]
            .map(|name| fs::read(folder.path().join("data").join(name)).unwrap())
            .into();
        assert!(before == after, "{case}: a file was changed or removed");
    }
}
