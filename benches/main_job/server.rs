//! The real server in a process of its own, on a directory of its own.

use std::{
    fs::File,
    process::Stdio,
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

/// The server's log, in its data directory.
const LOG: &str = "bench.log";

pub struct Plaudit {
    pub address: String,
    /// From the start of the process to its first answer to a health check.
    pub ready_after: Duration,
    child: Child,
    data: TempDir,
}

/// What the server logged at its end.
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
    pub async fn start() -> Result<Self> {
        let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_plaudit"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data"])
            .arg(data.path())
            .stdout(Stdio::piped())
            // A line per call, as by default: its cost is part of what is measured.
            .stderr(File::create(data.path().join(LOG))?)
            .kill_on_drop(true)
            .spawn()?;
        let mut out = BufReader::new(child.stdout.take().ok_or("the server has no output")?).lines();
        let line = out.next_line().await?.ok_or("the server ended at its start")?;
        let address = line.strip_prefix(SERVING_LINE).and_then(|rest| rest.split(' ').next());
        let address = address.ok_or("the server did not say where it listens")?.to_owned();
        let channel = tonic::transport::Channel::from_shared(format!("http://{address}"))?.connect().await?;
        let request = tonic_health::pb::HealthCheckRequest::default();
        tonic_health::pb::health_client::HealthClient::new(channel).check(request).await?;
        Ok(Self { address, ready_after: began.elapsed(), child, data })
    }

    pub fn resident_mib(&self) -> Result<f64> {
        let id = self.child.id().ok_or("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
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
