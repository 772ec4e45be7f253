//! The real server in a separate process, with its own directory.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use plaudit::cli::SERVING_LINE;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::Result;

/// The server's log, beside its data.
const LOG: &str = "bench.log";
const DATA: &str = "data";
/// A server that uses no more than one kernel tick of processor time in this interval is idle.
const REST: Duration = Duration::from_millis(600);
const TICK: Duration = Duration::from_millis(10);

/// A directory for data and log, removed when the last owner drops it.
pub type Data = Arc<TempDir>;

pub fn new_data() -> Result<Data> {
    Ok(Arc::new(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?))
}

/// A server's data, whatever engine it uses.
pub fn data_dir(data: &Data) -> PathBuf {
    data.path().join(DATA)
}

/// sled's files within a data directory.
pub fn sled_dir(data: &Data) -> PathBuf {
    data.path().join(DATA).join("sled")
}

pub fn mib_on_disk(dir: &Path) -> Result<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            bytes += mib_on_disk(&entry.path())? * MIB;
        } else {
            bytes += metadata.len() as f64;
        }
    }
    Ok(bytes / MIB)
}

const MIB: f64 = 1024.0 * 1024.0;

/// A build of the server: this one, or another to compare it with.
#[derive(Clone)]
pub struct Build {
    binary: PathBuf,
    /// The storage engine, where it is not the build's default.
    engine: Option<String>,
}

impl Build {
    /// This one, on the engine that `ENGINE` names.
    pub fn this() -> Self {
        let engine = std::env::var("ENGINE").ok().filter(|engine| !engine.is_empty());
        Self { binary: env!("CARGO_BIN_EXE_plaudit").into(), engine }
    }

    /// This one, on this engine.
    pub fn this_on(engine: &str) -> Self {
        Self { engine: Some(engine.to_owned()), ..Self::this() }
    }

    /// The binary that `BASELINE` names.
    pub fn baseline() -> Option<Self> {
        std::env::var_os("BASELINE").map(|path| Self { binary: path.into(), engine: None })
    }

    /// Starts it on an empty directory.
    pub async fn start(&self) -> Result<Plaudit> {
        Plaudit::start_build(self, &new_data()?, &[]).await
    }
}

pub struct Plaudit {
    pub address: String,
    /// From the start of the process to its first answer to a health check.
    pub ready_after: Duration,
    child: Child,
    data: Data,
}

/// What the server logged when it stopped.
pub struct Stopped {
    commits: Option<f64>,
    groups: Option<f64>,
}

impl Stopped {
    pub fn commits_per_group(&self) -> Option<f64> {
        Some(self.commits? / self.groups?)
    }
}

impl Plaudit {
    /// This build on an empty directory.
    pub async fn start() -> Result<Self> {
        Build::this().start().await
    }

    /// Starts a build on a directory that may contain data, with further arguments.
    pub async fn start_build(build: &Build, data: &Data, arguments: &[&str]) -> Result<Self> {
        let data = Arc::clone(data);
        let began = Instant::now();
        let mut child = Command::new(&build.binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data"])
            .arg(data.path().join(DATA))
            .args(build.engine.iter().flat_map(|engine| ["--store-engine", engine]))
            .args(arguments)
            .stdout(Stdio::piped())
            // One line per call, as by default: its cost is part of what is measured.
            .stderr(File::create(data.path().join(LOG))?)
            .kill_on_drop(true)
            .spawn()?;
        let mut out = BufReader::new(child.stdout.take().ok_or("the server has no output")?).lines();
        let line = out.next_line().await?.ok_or("the server ended at its start")?;
        let address = line.strip_prefix(SERVING_LINE).and_then(|rest| rest.split(' ').next());
        let address = address.ok_or("the server did not say where it listens")?.to_owned();
        let channel = tonic::transport::Channel::from_shared(format!("http://{address}"))?.connect().await?;
        let request = plaudit::proto::health::HealthCheckRequest::default();
        plaudit::proto::health::health_client::HealthClient::new(channel).check(request).await?;
        Ok(Self { address, ready_after: began.elapsed(), child, data })
    }

    pub fn resident_mib(&self) -> Result<f64> {
        self.memory_mib("VmRSS:")
    }

    /// The peak of resident memory.
    pub fn peak_mib(&self) -> Result<f64> {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, which: &str) -> Result<f64> {
        let id = self.child.id().ok_or("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(which));
        let kib: f64 = line.ok_or("no such memory")?.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Waits until the server is idle, with nothing left to score.
    pub async fn rest(&self) -> Result<()> {
        loop {
            let before = self.cpu_time()?;
            tokio::time::sleep(REST).await;
            if self.cpu_time()? - before <= TICK {
                return Ok(());
            }
        }
    }

    pub fn mib_on_disk(&self) -> Result<f64> {
        mib_on_disk(&sled_dir(&self.data))
    }

    /// Processor time used so far, by all threads.
    pub fn cpu_time(&self) -> Result<Duration> {
        cpu_time(self.child.id().ok_or("the server has ended")?)
    }

    pub async fn stop(mut self) -> Result<Stopped> {
        let id = self.child.id().and_then(|id| Pid::from_raw(id as i32)).ok_or("the server has ended")?;
        kill_process(id, Signal::TERM)?;
        let status = self.child.wait().await?;
        if !status.success() {
            return Err(format!("the server ended with {status}").into());
        }
        let log = std::fs::read_to_string(self.data.path().join(LOG))?;
        let closing = log.lines().rev().find(|line| line.contains("closing the store")).unwrap_or("{}");
        let closing: serde_json::Value = serde_json::from_str(closing)?;
        Ok(Stopped { commits: closing["commits"].as_f64(), groups: closing["groups"].as_f64() })
    }
}

/// Processor time that a process has used so far.
pub fn cpu_time(id: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let after_name = stat.rsplit(')').next().ok_or("no stat")?;
    let ticks: Vec<u32> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Ok(TICK * ticks.iter().sum::<u32>())
}
