//! What is imported, as it is opened: a file or standard input, unpacked if it is gzip, and read line by line.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal as _, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

use crate::cli::{connect::quoted, output::say};

use super::{
    is_dash,
    layout::{self, First, Packed},
    lines::MARK,
};

/// Far more than the largest request with its strings escaped, plus assessments.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// What is read, before anything of it is.
pub(in crate::cli) struct Input {
    reader: Box<dyn BufRead + Send>,
    /// What is told of it if it is something else than lines.
    told_by: ToldBy,
    /// `None` if unknown.
    pub(super) size_bytes: Option<u64>,
}

/// How a command names its input in the commands that it suggests.
#[derive(Clone, Debug)]
pub(super) struct ToldBy {
    /// Quoted for a shell.
    pub(super) file: String,
    pub(super) command: &'static str,
}

/// Opens the input of a command, such as `import`.
pub(in crate::cli) fn open(file: &Path, command: &'static str) -> io::Result<Input> {
    if is_dash(file) {
        if io::stdin().is_terminal() {
            say(format_args!(
                "plaudit: reading conversations from standard input, one JSON object per line; Ctrl-D ends them"
            ));
        }
        let told_by = ToldBy { file: "FILE".to_owned(), command };
        return Ok(Input { reader: Box::new(BufReader::new(io::stdin())), told_by, size_bytes: None });
    }
    let told_by = ToldBy { file: quoted(&file.display().to_string()), command };
    let file = File::open(file)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let size_bytes = metadata.is_file().then_some(metadata.len());
    Ok(Input { reader: Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), told_by, size_bytes })
}

/// An input from memory; for the fuzz target.
#[cfg(feature = "fuzzing")]
pub(super) fn of_memory(file: Vec<u8>) -> Input {
    let told_by = ToldBy { file: "FILE".to_owned(), command: "import" };
    Input { reader: Box::new(io::Cursor::new(file)), told_by, size_bytes: None }
}

/// One line of an input, without its newline.
pub(super) struct RawLine {
    /// Counted from 1.
    pub(super) number: u64,
    /// The offset in the input up to which it is read; of a packed one, about.
    pub(super) end_bytes: u64,
    pub(super) text: Vec<u8>,
    /// The text is then incomplete.
    pub(super) is_too_long: bool,
}

impl RawLine {
    pub(super) fn is_blank(&self) -> bool {
        let text =
            if self.number == 1 { self.text.strip_prefix(MARK).unwrap_or(&self.text) } else { &self.text };
        text.trim_ascii().is_empty() && !self.is_too_long
    }
}

/// The lines of an input.
pub(super) struct RawLines {
    reader: Box<dyn BufRead + Send>,
    /// How much of a packed input has been read.
    packed: Option<Arc<AtomicU64>>,
    number: u64,
    end_bytes: u64,
    /// Lines that were looked at ahead of their turn.
    seen: VecDeque<RawLine>,
}

impl RawLines {
    /// Unpacks an input, or says what it is instead of lines. It reads, so it may have to wait.
    pub(super) fn begin(input: Input) -> io::Result<Self> {
        let Input { reader, told_by, .. } = input;
        let taken = Arc::new(AtomicU64::new(0));
        let counted = BufReader::with_capacity(BUFFER_BYTES, Counted { reader, taken: Arc::clone(&taken) });
        let (reader, packed) = match layout::packing(Box::new(counted))? {
            (reader, None) => (reader, None),
            (reader, Some(Packed::Gzip)) => {
                let unpacked = BufReader::with_capacity(BUFFER_BYTES, Gunzip(MultiGzDecoder::new(reader)));
                let (reader, inner) = layout::packing(Box::new(unpacked))?;
                if let Some(inner) = inner {
                    return Err(inner.told_within_gzip(&told_by));
                }
                (reader, Some(taken))
            }
            (_, Some(other)) => return Err(other.told(&told_by)),
        };
        let mut lines = Self { reader, packed, number: 0, end_bytes: 0, seen: VecDeque::new() };
        lines.refuse_other_layouts(&told_by)?;
        Ok(lines)
    }

    /// Refuses an input whose beginning shows that its objects are not one per line: else every line of it would be bad. Looks at
    /// a second line only where the first is not as it should be, so that nothing waits for a slow pipe.
    fn refuse_other_layouts(&mut self, told_by: &ToldBy) -> io::Result<()> {
        let Some(first) = self.look_ahead()? else { return Ok(()) };
        match layout::of(first) {
            First::Fine => Ok(()),
            First::Is(layout) => Err(layout.told(told_by)),
            First::Unless(layout) => match self.look_ahead()? {
                Some(next) if layout::is_object(next) => Ok(()),
                // A single line that is not whole is a bad line.
                None if layout.needs_more_lines => Ok(()),
                Some(next) => Err(layout.above(next).told(told_by)),
                None => Err(layout.told(told_by)),
            },
        }
    }

    /// Looks at the next line that is not blank.
    fn look_ahead(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let Some(line) = self.read()? else { return Ok(None) };
            let is_blank = line.is_blank();
            self.seen.push_back(line);
            if !is_blank {
                return Ok(self.seen.back().map(|line| &*line.text));
            }
        }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<RawLine>> {
        match self.seen.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> io::Result<Option<RawLine>> {
        let mut text = Vec::new();
        let found = read_line(&mut self.reader, &mut text).map_err(|cause| self.located(cause))?;
        let Some(found) = found else { return Ok(None) };
        self.number += 1;
        self.end_bytes += found.size_bytes;
        let end_bytes = self.packed.as_ref().map_or(self.end_bytes, |taken| taken.load(Ordering::Relaxed));
        Ok(Some(RawLine { number: self.number, end_bytes, text, is_too_long: found.is_too_long }))
    }

    /// Damage with the line that it comes after.
    fn located(&self, cause: io::Error) -> io::Error {
        match self.packed {
            Some(_) => io::Error::new(cause.kind(), format!("{cause}, after line {}", self.number)),
            None => cause,
        }
    }
}

/// Counts what is read of a file.
struct Counted {
    reader: Box<dyn BufRead + Send>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The kind of an error after which reading the same file again would end at the same place.
pub(super) const UNUSABLE: io::ErrorKind = io::ErrorKind::UnexpectedEof;

/// Unpacks gzip, however many members it has, and words its damage.
struct Gunzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(UNUSABLE, "its gzip data is cut off"),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                io::Error::new(UNUSABLE, "its gzip data is damaged")
            }
            _ => cause,
        })
    }
}

/// A line that was read, apart from its text.
struct Found {
    size_bytes: u64,
    /// The text is then incomplete.
    is_too_long: bool,
}

/// Reads a line into `text`, without its newline; `None` at the end of the input.
fn read_line(reader: &mut dyn BufRead, text: &mut Vec<u8>) -> io::Result<Option<Found>> {
    text.clear();
    let mut found = Found { size_bytes: 0, is_too_long: false };
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(cause),
        };
        if chunk.is_empty() {
            return Ok((found.size_bytes > 0).then_some(found));
        }
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        found.is_too_long |= text.len() + part.len() > MAX_LINE_BYTES;
        if !found.is_too_long {
            text.extend_from_slice(part);
        }
        let taken = part.len() + usize::from(end.is_some());
        found.size_bytes += taken as u64;
        reader.consume(taken);
        if end.is_some() {
            return Ok(Some(found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], capacity: usize) -> Vec<(String, u64, bool)> {
        let mut reader = BufReader::with_capacity(capacity, text);
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while let Some(found) = read_line(&mut reader, &mut line).unwrap() {
            lines.push((String::from_utf8(line.clone()).unwrap(), found.size_bytes, found.is_too_long));
        }
        lines
    }

    #[test]
    fn lines_are_read_whole_at_any_buffer_size() {
        let line = |text: &str, bytes| (text.to_owned(), bytes, false);
        for capacity in 1..9 {
            assert_eq!(lines(b"", capacity), []);
            assert_eq!(lines(b"\n", capacity), [line("", 1)]);
            assert_eq!(lines(b"one\n\ntwo", capacity), [line("one", 4), line("", 1), line("two", 3)]);
            assert_eq!(lines(b"one\ntwo\n", capacity), [line("one", 4), line("two", 4)]);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped() {
        let mut text = vec![b'x'; MAX_LINE_BYTES + 1];
        text.extend(b"\nnext\n");
        let lines = lines(&text, 1 << 20);
        assert!(lines[0].2 && lines[0].1 == MAX_LINE_BYTES as u64 + 2);
        assert_eq!(lines[1], ("next".to_owned(), 5, false));
    }
}
