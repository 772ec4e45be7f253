use std::{cell::RefCell, io, sync::Once};

use plaudit::telemetry;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is logged on this test's thread, as JSON. The test's runtime must be single-threaded, as tokio's tests are by
/// default.
pub struct Log;

struct ThreadsOwn;

impl io::Write for ThreadsOwn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One subscriber for all tests. With one per test, `tracing` would cache that a line is disabled if a test without a
/// subscriber hit it first.
pub(super) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = telemetry::parse_level("info").expect("a level");
        let subscriber = telemetry::json_lines(filter, || ThreadsOwn);
        tracing::subscriber::set_global_default(subscriber).expect("nobody else sets one");
    });
}

impl Log {
    pub fn capture() -> Self {
        init();
        LINES.with_borrow_mut(Vec::clear);
        Self
    }

    pub fn text(&self) -> String {
        LINES.with_borrow(|lines| String::from_utf8(lines.clone()).expect("UTF-8"))
    }

    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The lines of the access log.
    pub fn calls(&self) -> Vec<serde_json::Value> {
        self.lines().into_iter().filter(|line| line["target"] == "plaudit::access").collect()
    }
}
