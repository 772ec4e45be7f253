use std::{
    io,
    sync::{Arc, Mutex},
};

use plaudit::telemetry;
use tracing::subscriber::DefaultGuard;

/// What is logged on this thread while it lives, as JSON. The test's runtime must be of one thread, as tokio's tests are.
pub struct Log {
    bytes: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn capture() -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = bytes.clone();
        let filter = telemetry::parse_level("info").expect("a level");
        let subscriber = telemetry::json_lines(filter, move || Writer(sink.clone()));
        Self { bytes, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().expect("no writer panics").clone()).expect("UTF-8")
    }

    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The lines of the access log.
    pub fn calls(&self) -> Vec<serde_json::Value> {
        self.lines().into_iter().filter(|line| line["target"] == "plaudit::access").collect()
    }
}
