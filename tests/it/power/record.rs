//! A server under load, whose changes of the disk are recorded together with what its callers knew.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::tape::{self, Event, Tape};
use crate::{
    crash::{
        asked_for,
        caller::Caller,
        kept::Moments,
        load::{read, write},
        random::Random,
        writer::Writer,
    },
    harness::{ServerProcess, plaudit},
    syncs::compile,
};

const WRITERS: usize = 4;

pub struct Recording {
    pub engine: &'static str,
    pub events: Vec<Event>,
    pub writers: Vec<Arc<Writer>>,
    /// What the server left behind, to compare with.
    pub folder: Arc<TempDir>,
}

/// A server that is started several times on one directory.
struct Recorded<'a> {
    engine: &'a str,
    folder: Arc<TempDir>,
    /// The path as the system reports it for a descriptor.
    root: PathBuf,
    /// The file whose syncs are left out.
    loses: Option<&'a str>,
}

impl Recorded<'_> {
    fn start(&self) -> ServerProcess {
        let mut command = plaudit(&self.root);
        let data = self.root.join("data");
        command.args(["serve", "--listen", "127.0.0.1:0", "--store-engine", self.engine, "--data"]).arg(data);
        command.env("LD_PRELOAD", self.root.join("shim.so"));
        command.env("TAPE", self.root.join("tape")).env("TAPE_ROOT", &self.root);
        // On a busy machine scores are late, and nobody here waits for them.
        command.env("PLAUDIT_SCORING_REALTIME_SECONDS", "1");
        if let Some(file) = self.loses {
            command.env("TAPE_LOSES", file);
        }
        ServerProcess::start_as(command, self.folder.clone())
    }
}

/// Three times the same load: the server is first stopped, then killed twice in the middle of it. With `is_large`, there is
/// so much in it that an engine begins other files. The syncs of the file `loses` are left out.
pub async fn record(engine: &'static str, seed: u64, is_large: bool, loses: Option<&str>) -> Recording {
    let folder = Arc::new(TempDir::new().expect("a directory"));
    let root = folder.path().canonicalize().expect("it is there");
    compile(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/power/shim.rs"), &root.join("shim.so"));
    let tape = Arc::new(Tape::create(&root.join("tape")));
    let moments: Moments = Arc::new(move || tape.mark());
    let mut random = Random::new(seed);
    let writer = |number| Arc::new(Writer::remembering(number, random.next(), Some(moments.clone())));
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    let recorded = Recorded { engine, folder: folder.clone(), root: root.clone(), loses };
    for round in 0..3 {
        let mut server = recorded.start();
        let caller = Caller::of(&server).await;
        for writer in &writers {
            writer.settle(&caller, round).await;
        }
        for _ in 0..if is_large && round == 0 { asked_for("POWER_LARGE", 1) } else { 0 } {
            writers[0].store_large(&caller, &mut random).await.expect("the server takes it");
        }
        load(&mut server, &writers, &root, round > 0, &mut random).await;
    }
    Recording { engine, events: tape::read(&root.join("tape")), writers, folder }
}

async fn load(
    server: &mut ServerProcess,
    writers: &[Arc<Writer>],
    root: &Path,
    is_killed: bool,
    random: &mut Random,
) {
    let killed = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for writer in writers {
        tasks.spawn(write(writer.clone(), Caller::of(server).await, killed.clone()));
    }
    let reading =
        read(writers.to_vec(), Caller::of(server).await, killed.clone(), Random::new(random.next()));
    let reading = tokio::spawn(reading);
    let join = async |mut tasks: JoinSet<()>| {
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no caller failed");
        }
    };
    if is_killed {
        // Some of the writers are done by then; the others are in the middle of a call.
        tasks.join_next().await.expect("there are writers").expect("no caller failed");
        killed.store(true, Ordering::SeqCst);
        fs::write(root.join("stop"), "").expect("there is room");
        // A server that has nothing more to write does not end by itself.
        let _ = tokio::time::timeout(Duration::from_secs(2), server.ended()).await;
        server.kill();
        fs::remove_file(root.join("stop")).expect("it is there");
        join(tasks).await;
    } else {
        join(tasks).await;
        killed.store(true, Ordering::SeqCst);
        assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
    }
    reading.await.expect("the reader did not fail");
}
