//! Reads the lines of a file and makes requests of them, on a thread of its own.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    thread,
};

use prost::Message as _;
use tokio::sync::mpsc;

use crate::{
    cli::record::{Imported, Records},
    domain::{ImportLimits, Violation, Violations},
    interchange::{craftcx::parse_conversation, json::ROOT},
    proto::v1::{ConflictPolicy, ImportConversationRequest},
    server::MAX_REQUEST_BYTES,
};

use super::request::to_request;

/// Far more than a request of the largest size, however its texts are escaped.
const MAX_LINE_BYTES: usize = 32 * 1024 * 1024;
/// How many lines are read ahead.
const AHEAD: usize = 16;
/// What an item of the stream has around its request.
const ITEM_BYTES: usize = 32;

/// What is read from.
pub(super) struct Input {
    reader: Box<dyn BufRead + Send>,
    /// Absent where nobody knows it.
    pub(super) size_bytes: Option<u64>,
}

/// One line that is not blank.
pub(super) struct Line {
    /// From 1 on.
    pub(super) number: u64,
    /// How many bytes of the input end with it.
    pub(super) end_bytes: u64,
    /// What to send of it, or what is wrong with it.
    pub(super) request: Result<ImportConversationRequest, Vec<Violation>>,
}

/// The line, or why the input could not be read to its end.
pub(super) type Read = io::Result<Line>;

pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

pub(super) fn open(file: &Path) -> io::Result<Input> {
    if is_stdin(file) {
        return Ok(Input { reader: Box::new(BufReader::new(io::stdin())), size_bytes: None });
    }
    let file = File::open(file)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let size_bytes = metadata.is_file().then_some(metadata.len());
    Ok(Input { reader: Box::new(BufReader::with_capacity(256 * 1024, file)), size_bytes })
}

/// The lines from `first` on, as they are asked for.
pub(super) fn read(
    mut input: Input,
    records: Records,
    first: u64,
    policy: ConflictPolicy,
) -> mpsc::Receiver<Read> {
    let (sender, lines) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        let mut text = Vec::new();
        let (mut number, mut end_bytes) = (0, 0);
        loop {
            let found = match read_line(&mut input.reader, &mut text) {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(cause) => {
                    // Nobody listens when the import has ended before.
                    let _ = sender.blocking_send(Err(cause));
                    return;
                }
            };
            number += 1;
            end_bytes += found.size_bytes;
            if number < first || (text.trim_ascii().is_empty() && !found.is_too_long) {
                continue;
            }
            let parsed =
                if found.is_too_long { Err(too_long()) } else { parse(&records, number, &text, policy) };
            let request = match parsed {
                Ok(Some(request)) => Ok(request),
                Ok(None) => continue,
                Err(violations) => Err(told(&violations)),
            };
            if sender.blocking_send(Ok(Line { number, end_bytes, request })).is_err() {
                return;
            }
        }
    });
    lines
}

/// What is said of a line: the rules that it breaks, and how many there are besides.
fn told(violations: &Violations) -> Vec<Violation> {
    let mut told: Vec<_> = violations.iter().cloned().collect();
    if violations.left_out() > 0 {
        let message = format!("and {} more", violations.left_out());
        told.push(Violation { field: ROOT.to_owned(), message });
    }
    told
}

/// The request of a line; `None` when there is nothing to import in it.
fn parse(
    records: &Records,
    number: u64,
    text: &[u8],
    policy: ConflictPolicy,
) -> Result<Option<ImportConversationRequest>, Violations> {
    // Some programs begin a file with a mark of its encoding.
    let text = if number == 1 { text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text) } else { text };
    let request = match records.import(text) {
        // The rest of the assessments, which are made anew.
        Some(Ok(Imported { request, continues: true })) if request.messages.is_empty() => return Ok(None),
        Some(Ok(Imported { request, continues })) => {
            let policy = if continues { ConflictPolicy::Append } else { policy };
            ImportConversationRequest { on_conflict: policy.into(), ..request }
        }
        Some(Err(violations)) => return Err(violations),
        None => to_request(parse_conversation(text, ImportLimits::default())?, policy),
    };
    let size_bytes = request.encoded_len() + ITEM_BYTES;
    if size_bytes > MAX_REQUEST_BYTES {
        let rule = format!("must be at most {MAX_REQUEST_BYTES} bytes as a request, is {size_bytes}");
        return Err(Violations::one(ROOT, rule));
    }
    Ok(Some(request))
}

fn too_long() -> Violations {
    Violations::one(ROOT, format!("is longer than {MAX_LINE_BYTES} bytes"))
}

/// What was read besides the text of a line.
struct Found {
    size_bytes: u64,
    /// Then the text is not the whole of it.
    is_too_long: bool,
}

/// Reads a line without its end into `text`; `None` at the end of the input.
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
    fn a_line_is_a_line_however_it_is_cut() {
        let line = |text: &str, bytes| (text.to_owned(), bytes, false);
        for capacity in 1..9 {
            assert_eq!(lines(b"", capacity), []);
            assert_eq!(lines(b"\n", capacity), [line("", 1)]);
            assert_eq!(lines(b"one\n\ntwo", capacity), [line("one", 4), line("", 1), line("two", 3)]);
            assert_eq!(lines(b"one\ntwo\n", capacity), [line("one", 4), line("two", 4)]);
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_kept() {
        let mut text = vec![b'x'; MAX_LINE_BYTES + 1];
        text.extend(b"\nnext\n");
        let lines = lines(&text, 1 << 20);
        assert!(lines[0].2 && lines[0].1 == MAX_LINE_BYTES as u64 + 2);
        assert_eq!(lines[1], ("next".to_owned(), 5, false));
    }
}
