//! The log buffer: a thread of its own writes the lines in batches.
//!
//! Written directly, every line would cost the logging call a system call, and a stalled reader would stall the server. When
//! the buffer is full, further lines are dropped and counted: serving calls comes before logging them.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The most bytes buffered; as many again may be in the middle of being written.
const MAX_BYTES: usize = 1024 * 1024;
/// With this many bytes, do not wait for more.
const ENOUGH_BYTES: usize = 64 * 1024;

/// Collects lines for the writing thread, in order.
#[derive(Clone)]
pub(super) struct Buffer(Arc<Shared>);

struct Shared {
    /// The longest that a line is held back to be written together with others.
    latest: Duration,
    state: Mutex<State>,
    /// Wakes the writing thread.
    wake: Condvar,
    /// Signals flushers that a write has ended.
    written: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Write without waiting for more lines.
    hurry: bool,
    is_writing: bool,
    dropped: u64,
}

impl Buffer {
    /// Starts the thread, which writes each line after `latest` at most. `report_dropped` is called with the number of dropped
    /// lines once lines are accepted again.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        latest: Duration,
        report_dropped: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            latest,
            state: Mutex::default(),
            wake: Condvar::new(),
            written: Condvar::new(),
        });
        let for_thread = shared.clone();
        thread::Builder::new()
            .name("plaudit-log".to_owned())
            .spawn(move || for_thread.write_forever(sink, report_dropped))?;
        Ok(Self(shared))
    }

    /// Waits until all lines so far are written, for at most `within`: a stalled reader must not keep the process from exiting.
    pub(super) fn flush(&self, within: Duration) {
        let mut state = self.0.lock();
        state.hurry = true;
        self.0.wake.notify_one();
        let unwritten = |state: &mut State| state.is_writing || !state.lines.is_empty();
        // A timeout makes no difference to the caller.
        let _ = self.0.written.wait_timeout_while(state, within, unwritten);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8], hurry: bool) {
        let mut state = self.lock();
        if state.lines.len() + line.len() > MAX_BYTES {
            state.dropped += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        let hurry = (hurry || state.lines.len() >= ENOUGH_BYTES) && !state.hurry;
        state.hurry |= hurry;
        drop(state);
        if was_empty || hurry {
            self.wake.notify_one();
        }
    }

    fn write_forever(&self, mut sink: impl Write, report_dropped: impl Fn(u64)) {
        let mut lines = Vec::new();
        loop {
            let dropped = self.take_lines(&mut lines);
            // A failure to write the log cannot be reported anywhere.
            let _ = sink.write_all(&lines).and_then(|()| sink.flush());
            lines.clear();
            self.lock().is_writing = false;
            self.written.notify_all();
            if dropped > 0 {
                report_dropped(dropped);
            }
        }
    }

    /// Waits until lines are due and takes them; returns how many were dropped meanwhile.
    fn take_lines(&self, lines: &mut Vec<u8>) -> u64 {
        let state = self.lock();
        let state = self
            .wake
            .wait_while(state, |state| state.lines.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, self.latest, |state| !state.hurry)
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.lines, lines);
        state.hurry = false;
        state.is_writing = true;
        mem::take(&mut state.dropped)
    }
}

/// Writes one event, which the formatting layer passes in one piece.
pub(super) struct Lines<'b> {
    shared: &'b Shared,
    hurry: bool,
}

impl Write for Lines<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.add(line, self.hurry);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'b> MakeWriter<'b> for Buffer {
    type Writer = Lines<'b>;

    fn make_writer(&'b self) -> Lines<'b> {
        Lines { shared: &self.0, hurry: false }
    }

    /// Warnings and errors are written at once: the process may end right after them.
    fn make_writer_for(&'b self, meta: &Metadata<'_>) -> Lines<'b> {
        Lines { shared: &self.0, hurry: *meta.level() <= Level::WARN }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Passes on each write, and blocks until the test has taken it.
    struct Pipe {
        out: Sender<String>,
        taken: Receiver<()>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.out.send(String::from_utf8_lossy(bytes).into_owned());
            let _ = self.taken.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Piped {
        buffer: Buffer,
        written: Receiver<String>,
        take: Sender<()>,
        dropped: Receiver<u64>,
    }

    /// A buffer that writes nothing by itself within a test's time.
    fn piped() -> Piped {
        piped_within(Duration::from_secs(3600))
    }

    fn piped_within(latest: Duration) -> Piped {
        let (out, written) = channel();
        let (take, taken) = channel();
        let (tell, dropped) = channel();
        let pipe = Pipe { out, taken };
        let buffer = Buffer::start(pipe, latest, move |lines| tell.send(lines).unwrap()).unwrap();
        Piped { buffer, written, take, dropped }
    }

    #[test]
    fn a_line_is_written_in_time() {
        let Piped { buffer, written, .. } = piped_within(Duration::from_millis(10));
        buffer.0.add(b"line\n", false);
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "line\n");
    }

    #[test]
    fn a_warning_is_written_at_once_with_the_lines_before_it() {
        let Piped { buffer, written, .. } = piped();
        for line in ["one\n", "two\n"] {
            buffer.0.add(line.as_bytes(), false);
        }
        buffer.0.add(b"warning\n", true);
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "one\ntwo\nwarning\n");
    }

    #[test]
    fn a_flush_ends_when_everything_is_written_or_it_times_out() {
        let Piped { buffer, written, take, .. } = piped();
        buffer.0.add(b"line\n", false);
        buffer.flush(Duration::from_millis(20));
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "line\n", "the reader stalls");
        assert!(buffer.0.lock().is_writing);
        take.send(()).unwrap();
        buffer.flush(PATIENCE);
        assert!(!buffer.0.lock().is_writing);
    }

    #[test]
    fn a_stalled_reader_costs_lines_but_no_time() {
        let Piped { buffer, written, take, dropped } = piped();
        buffer.0.add(b"first\n", true);
        written.recv_timeout(PATIENCE).unwrap();
        let line = [b'x'; 1024];
        for _ in 0..MAX_BYTES / line.len() + 7 {
            buffer.0.add(&line, false);
        }
        drop(take);
        assert_eq!(written.recv_timeout(PATIENCE).unwrap().len(), MAX_BYTES);
        assert_eq!(dropped.recv_timeout(PATIENCE).unwrap(), 7);
    }
}
