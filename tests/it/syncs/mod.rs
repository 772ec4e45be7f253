//! What the server asks the system to make durable, observed at the system calls of a real process.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::harness::{Client, ServerProcess, plaudit, sample};

/// Compiles a library that a program loads before the C library.
pub(crate) fn compile(source: &str, shim: &Path) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let arguments = ["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "-o"];
    let compiled = Command::new(rustc).args(arguments).arg(shim).arg(source).output();
    let compiled = compiled.expect("rustc, which has compiled this test, can be run");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

/// A server whose syncs are recorded.
struct Noted {
    server: ServerProcess,
    root: PathBuf,
    log: PathBuf,
}

impl Noted {
    /// `data` is below a new folder.
    fn start(engine: &str, data: &str) -> Self {
        let folder = TempDir::new().expect("a directory");
        // The path as the system reports it for a descriptor.
        let root = folder.path().canonicalize().expect("it is there");
        let (shim, log) = (root.join("shim.so"), root.join("syncs"));
        compile(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/syncs/shim.rs"), &shim);
        let mut command = plaudit(&root);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", data, "--store-engine", engine]);
        command.env("LD_PRELOAD", &shim).env("SYNC_LOG", &log);
        Self { server: ServerProcess::start_as(command, folder), root, log }
    }

    /// Each sync so far: the call and its file.
    fn syncs(&self) -> Vec<(String, PathBuf)> {
        let log = fs::read_to_string(&self.log).expect("there were syncs");
        let lines = log.lines().map(|line| line.split_once(' ').expect("a call and a file"));
        lines.map(|(call, file)| (call.to_owned(), file.into())).collect()
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn a_new_data_directory_is_fully_synced_before_serving() {
    for (engine, parts) in [
        ("sled", ["sled/db", "sled/conf", "sled/blobs"]),
        ("fjall", ["fjall/0.jnl", "fjall/keyspaces/0/current", "fjall/keyspaces/1/tables"]),
    ] {
        let noted = Noted::start(engine, "srv/plaudit/data");
        let synced: HashSet<PathBuf> =
            noted.syncs().into_iter().filter(|(call, _)| call == "fsync").map(|(_, file)| file).collect();
        let data = noted.root.join("srv/plaudit/data");
        // The name of each new directory is stored in its parent.
        let mut expected = vec![noted.root.clone(), noted.root.join("srv"), noted.root.join("srv/plaudit")];
        // The lock is not part of the store, the identity was synced before it was renamed into place, and sled can do
        // without what it keeps for a quicker start.
        let is_needed = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            !["holder", "identity"].contains(&&*name) && !name.starts_with("snap.")
        };
        expected.extend(files_below(&data).into_iter().filter(is_needed));
        expected.push(data.join("identity.new"));
        for part in parts {
            assert!(expected.contains(&data.join(part)), "{part} in {expected:?}");
        }
        let missing: Vec<_> = expected.iter().filter(|file| !synced.contains(*file)).collect();
        assert!(missing.is_empty(), "never synced: {missing:#?}");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn every_acknowledged_write_was_preceded_by_a_sync_of_the_data_file() {
    for (engine, file) in [("sled", "data/sled/db"), ("fjall", "data/fjall/0.jnl")] {
        let noted = Noted::start(engine, "data");
        let client = Client::new(noted.server.channel().await);
        let written = noted.root.join(file);
        let count = || {
            noted.syncs().into_iter().filter(|(call, file)| call == "fdatasync" && *file == written).count()
        };
        for number in 0..20 {
            let before = count();
            client.import(sample::import(&number.to_string())).await.unwrap();
            assert!(count() > before, "import {number} was answered without a sync of {file}");
        }
    }
}
