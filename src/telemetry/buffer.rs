//! The log's way out: lines wait in memory for a thread that writes many of them at once.
//!
//! A system call per line would be paid by the call that the line is about, and a reader who stalls would stall the
//! server. When more waits than the buffer holds, further lines are dropped and counted: answering calls goes before
//! telling of them.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// What may wait; as much again may be on its way to the reader.
const MAX_BYTES: usize = 1024 * 1024;
/// So much is written without waiting for more.
const ENOUGH_BYTES: usize = 64 * 1024;

/// Takes lines and lets a thread of its own write them, in their order.
#[derive(Clone)]
pub(super) struct Buffer(Arc<Shared>);

struct Shared {
    /// How long a line waits at most for others to be written with.
    latest: Duration,
    state: Mutex<State>,
    /// Tells the writing thread that there is something to do.
    wake: Condvar,
    /// Tells who flushes that a write has ended.
    written: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Do not wait for further lines.
    hurry: bool,
    is_writing: bool,
    dropped: u64,
}

impl Buffer {
    /// Writes lines at the latest after `latest`. `tell_dropped` is given the number of lines that were dropped, as soon as others pass again.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        latest: Duration,
        tell_dropped: impl Fn(u64) + Send + 'static,
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
            .spawn(move || for_thread.write_for_ever(sink, tell_dropped))?;
        Ok(Self(shared))
    }

    /// Waits until all lines so far are written, or until the time is over: a reader who stalls must not keep the
    /// process from its end.
    pub(super) fn flush(&self, within: Duration) {
        let mut state = self.0.lock();
        state.hurry = true;
        self.0.wake.notify_one();
        let unwritten = |state: &mut State| state.is_writing || !state.lines.is_empty();
        // Whether it came to its end makes no difference to whoever asked.
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

    fn write_for_ever(&self, mut sink: impl Write, tell_dropped: impl Fn(u64)) {
        let mut lines = Vec::new();
        loop {
            let dropped = self.take_lines(&mut lines);
            // There is nobody to tell that the log cannot be written.
            let _ = sink.write_all(&lines).and_then(|()| sink.flush());
            lines.clear();
            self.lock().is_writing = false;
            self.written.notify_all();
            if dropped > 0 {
                tell_dropped(dropped);
            }
        }
    }

    /// Waits until lines are to be written and takes them; answers how many were dropped meanwhile.
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

/// Takes the lines of one event. The formatting layer writes an event whole.
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

    /// Warnings and errors are written at once: what follows them may be the end.
    fn make_writer_for(&'b self, meta: &Metadata<'_>) -> Lines<'b> {
        Lines { shared: &self.0, hurry: *meta.level() <= Level::WARN }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Hands on what is written, and does not return before its reader has taken it.
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

    /// By itself it writes nothing in the time of a test.
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
    fn a_warning_takes_what_waits_along_at_once() {
        let Piped { buffer, written, .. } = piped();
        for line in ["one\n", "two\n"] {
            buffer.0.add(line.as_bytes(), false);
        }
        buffer.0.add(b"warning\n", true);
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "one\ntwo\nwarning\n");
    }

    #[test]
    fn a_flush_ends_when_all_is_written_or_its_time_is_over() {
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
    fn a_reader_who_stalls_costs_lines_and_no_time() {
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
