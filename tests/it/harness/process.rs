use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use plaudit::cli::SERVING_LINE;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::transport::Channel;

use super::{BareGrpc, Http, PATIENCE, server};

/// The engines on disk, for tests of what each of them has to do.
pub const ENGINES: [&str; 2] = ["sled", "fjall"];

/// The engine of whatever chooses none: `TEST_ENGINE`, if it is set.
pub fn engine() -> Option<String> {
    std::env::var("TEST_ENGINE").ok()
}

/// The real binary in the given directory, without settings from the environment of the tests.
pub fn plaudit(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plaudit"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PLAUDIT_") {
            command.env_remove(name);
        }
    }
    if let Some(engine) = engine() {
        command.env("PLAUDIT_STORE_ENGINE", engine);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

const ANY_PORT: &str = "127.0.0.1:0";

/// `plaudit serve` in a separate process, which is killed when this is dropped.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    /// The line it printed when it was ready.
    pub greeting: String,
    folder: Arc<TempDir>,
    arguments: Vec<String>,
}

impl ServerProcess {
    /// On a free port, with a new data directory.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further arguments.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = Arc::new(TempDir::new().expect("a directory"));
        Self::launch(folder, arguments.iter().map(|&argument| argument.to_owned()).collect(), ANY_PORT)
    }

    /// The same on an engine.
    pub fn start_on(engine: &str) -> Self {
        Self::start_with(&["--store-engine", engine])
    }

    /// In a folder that may already contain a data directory.
    pub fn start_in(folder: TempDir) -> Self {
        Self::launch(Arc::new(folder), Vec::new(), ANY_PORT)
    }

    /// Kills it if it is still running, and starts it again on the same data directory and another port.
    pub fn restart(mut self) -> Self {
        self.kill();
        Self::launch(self.folder.clone(), self.arguments.clone(), ANY_PORT)
    }

    /// The same with other arguments, which later restarts keep.
    pub fn restart_with(mut self, arguments: &[&str]) -> Self {
        self.kill();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self::launch(self.folder.clone(), arguments, ANY_PORT)
    }

    /// The same on the same port, for callers that keep the address.
    pub fn restart_there(mut self) -> Self {
        self.kill();
        let address = self.address.to_string();
        Self::launch(self.folder.clone(), self.arguments.clone(), &address)
    }

    /// Starts a command that becomes a server, whose data directory should be `data` in the folder.
    pub fn start_as(command: Command, folder: impl Into<Arc<TempDir>>) -> Self {
        Self::spawn(command, folder.into(), Vec::new())
    }

    fn launch(folder: Arc<TempDir>, arguments: Vec<String>, listen: &str) -> Self {
        let mut command = plaudit(folder.path());
        command
            .args(["serve", "--listen", listen, "--data", "data", "--log-format", "json"])
            .args(&arguments);
        Self::spawn(command, folder, arguments)
    }

    fn spawn(mut command: Command, folder: Arc<TempDir>, arguments: Vec<String>) -> Self {
        let log = File::options().create(true).append(true).open(log_path(&folder)).expect("a log file");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the binary starts");
        let mut greeting = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        // When the process ends, so does the pipe, so this does not wait forever.
        out.read_line(&mut greeting).expect("UTF-8");
        let address = greeting
            .strip_prefix(SERVING_LINE)
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            let log = std::fs::read_to_string(log_path(&folder)).unwrap_or_default();
            panic!("no address in {greeting:?}; its log: {log}");
        };
        Self { child, address, greeting, folder, arguments }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn channel(&self) -> Channel {
        server::channel(self.address).await
    }

    pub fn http(&self) -> Http {
        Http::new(self.address)
    }

    pub async fn bare_grpc(&self) -> BareGrpc {
        BareGrpc::connect(self.address).await
    }

    /// Its peak memory so far.
    pub fn peak_memory_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<usize>().ok());
        kib.expect("a number of KiB") * 1024
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its resident memory.
    pub fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
        kib / 1024
    }

    /// What it has logged, over all its starts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_path(&self.folder)).expect("a log file")
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).expect("the process is there");
    }

    /// SIGKILL: like a power failure, except that the system's caches survive.
    pub fn kill(&mut self) {
        // Both fail only if it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it exits by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a process of ours") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, ended).await {
            Ok(status) => status,
            Err(_) => panic!("the process did not exit; its log: {}", self.log()),
        }
    }

    /// SIGTERM, and waits until it exits.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn log_path(folder: &TempDir) -> PathBuf {
    folder.path().join("log.jsonl")
}
