//! Reads the lines of a file and turns them into requests, on a thread of its own.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    thread,
};

use prost::Message as _;
use tokio::sync::mpsc;

use crate::{
    domain::{ImportLimits, Violation, Violations},
    interchange::{craftcx::parse_conversation, json::ROOT},
    proto::v1::{ConflictPolicy, ImportConversationRequest},
    wire::{
        MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES,
        export::{Imported, Lines, Parsed, to_request},
    },
};

use super::{directory::DirectoryRecord, form::Form};

/// Far more than the largest request with its strings escaped, plus assessments.
const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;
/// How many lines are read ahead.
const AHEAD: usize = 16;
/// The most bytes that a stream item adds to its request.
const ITEM_BYTES: usize = 32;
/// As seconds, the years 2001 to 2286.
const LIKELY_SECONDS: std::ops::Range<i64> = 1_000_000_000..10_000_000_000;

pub(in crate::cli) struct Input {
    reader: Box<dyn BufRead + Send>,
    /// `None` if unknown.
    pub(super) size_bytes: Option<u64>,
}

/// One line that is not blank.
pub(in crate::cli) struct Line {
    /// Counted from 1.
    pub(in crate::cli) number: u64,
    /// The offset of the end of the line in the input.
    pub(in crate::cli) end_bytes: u64,
    pub(in crate::cli) work: Result<Work, Vec<Violation>>,
    /// How many of its attachments come without their bytes.
    pub(in crate::cli) without_bytes: u64,
    pub(in crate::cli) form: Form,
    /// What is taken as written, though it hardly means that.
    pub(in crate::cli) doubt: Option<String>,
}

/// What to do with a line.
pub(in crate::cli) enum Work {
    /// An item of the import stream.
    Import(Box<ImportConversationRequest>),
    /// A call of its own.
    Directory(Box<DirectoryRecord>),
}

/// A line, or why the input could not be read on.
pub(in crate::cli) type Read = io::Result<Line>;

pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

pub(in crate::cli) fn open(file: &Path) -> io::Result<Input> {
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

/// Parses the lines from `first` on, a few ahead of the consumer.
pub(in crate::cli) fn read(
    mut input: Input,
    records: Lines,
    first: u64,
    policy: ConflictPolicy,
) -> mpsc::Receiver<Read> {
    let (sender, lines) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        let mut parser = Parser {
            records,
            policy,
            first,
            last: None,
            skipped: Vec::new(),
            form: Form::Export,
            doubt: None,
        };
        let mut text = Vec::new();
        let mut is_first = true;
        let (mut number, mut end_bytes) = (0, 0);
        loop {
            let found = match read_line(&mut input.reader, &mut text) {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(cause) => {
                    // Fails if the import has already ended.
                    let _ = sender.blocking_send(Err(cause));
                    return;
                }
            };
            number += 1;
            end_bytes += found.size_bytes;
            if text.trim_ascii().is_empty() && !found.is_too_long {
                continue;
            }
            if std::mem::take(&mut is_first)
                && let Err(cause) = refuse_other_layouts(&text)
            {
                let _ = sender.blocking_send(Err(cause));
                return;
            }
            let parsed = if found.is_too_long { Err(too_long()) } else { parser.parse(number, &text) };
            let (work, without_bytes) = match parsed {
                Ok(Some((work, without_bytes))) => (Ok(work), without_bytes),
                Ok(None) => continue,
                Err(_) if number < first => continue,
                Err(violations) => (Err(reported(&violations)), 0),
            };
            let (form, doubt) = (parser.form, parser.doubt.take());
            let line = Line { number, end_bytes, work, without_bytes, form, doubt };
            if sender.blocking_send(Ok(line)).is_err() {
                return;
            }
        }
    });
    lines
}

/// Reads a whole file from line `first` on; for the fuzz target.
#[cfg(feature = "fuzzing")]
pub fn read_import(file: Vec<u8>, first: u64) {
    let size_bytes = file.len() as u64;
    let input = Input { reader: Box::new(io::Cursor::new(file)), size_bytes: None };
    let records = Lines::load().expect("our own descriptors");
    let mut lines = read(input, records, first, ConflictPolicy::ReturnExisting);
    let mut before = (0, 0);
    while let Some(line) = lines.blocking_recv() {
        // Memory is always read: it begins as no JSON Lines do.
        let Ok(line) = line else { return };
        let place = (line.number, line.end_bytes);
        assert!(before.0 < place.0 && before.1 < place.1 && place.1 <= size_bytes, "{before:?} {place:?}");
        match line.work {
            Ok(Work::Import(request)) => assert!(check_size(&request).is_ok()),
            Ok(Work::Directory(_)) => {}
            Err(violations) => assert!(!violations.is_empty()),
        }
        before = place;
    }
}

/// A byte order mark, with which some programs begin a file.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Refuses a file whose first line shows that its objects are not one per line: else every line of it would be bad.
fn refuse_other_layouts(first: &[u8]) -> io::Result<()> {
    let first = first.strip_prefix(MARK).unwrap_or(first).trim_ascii();
    let what = match first {
        [b'[', ..] => "it is a JSON array, and must have one object per line instead: jq -c '.[]' FILE",
        b"{" => "its objects extend over several lines, and each must be on one line: jq -c . FILE",
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("{what} writes it that way")))
}

/// The violations to report for a line, with the number of those left out.
fn reported(violations: &Violations) -> Vec<Violation> {
    let mut reported: Vec<_> = violations.iter().cloned().collect();
    for violation in reported.iter_mut().filter(|violation| violation.field == ROOT) {
        // It was parsed by itself; the number of its line in the file stands before the message.
        violation.message = violation.message.replace(" at line 1 column ", " at column ");
    }
    if violations.left_out() > 0 {
        let message = format!("and {} more", violations.left_out());
        reported.push(Violation { field: ROOT.to_owned(), message });
    }
    reported
}

/// Turns lines into requests.
struct Parser {
    records: Lines,
    policy: ConflictPolicy,
    first: u64,
    /// The conversation on the previous line, if that line was valid.
    last: Option<Last>,
    /// Lines before `first` that hold earlier parts of the conversation that `first` may continue.
    skipped: Vec<Vec<u8>>,
    /// Of the line parsed last, like the doubt about it.
    form: Form,
    doubt: Option<String>,
}

/// A conversation that the next line may continue.
struct Last {
    source: String,
    external_id: String,
    /// The external id of the last message read so far.
    message: String,
}

impl Parser {
    /// Parses a line. Returns the work and the number of attachments without bytes; `None` if there is nothing to do.
    fn parse(&mut self, number: u64, text: &[u8]) -> Result<Option<(Work, u64)>, Violations> {
        let text = if number == 1 { text.strip_prefix(MARK).unwrap_or(text) } else { text };
        // Team lines are imported again, because people refer to teams by the ids that these lines define.
        if number < self.first && !Lines::may_be_team(text) {
            if !Lines::may_continue(text) {
                self.skipped.clear();
            }
            self.skipped.push(text.to_vec());
            return Ok(None);
        }
        for before in std::mem::take(&mut self.skipped) {
            // Parsed only for its place in the conversation.
            let _ = self.conversation_or_other(&before);
        }
        self.conversation_or_other(text)
    }

    fn conversation_or_other(&mut self, text: &[u8]) -> Result<Option<(Work, u64)>, Violations> {
        let last = self.last.take();
        (self.form, self.doubt) = (Form::Export, None);
        let mut without_bytes = 0;
        let request = match self.records.parse(text) {
            Some(parsed) => match parsed? {
                Parsed::Conversation(imported) => {
                    let Imported { request, continues } = *imported;
                    let (mut request, goes_on) = self.placed(request, continues, last)?;
                    self.last = Some(goes_on);
                    // It holds only more assessments, which the server makes anew.
                    if continues && request.messages.is_empty() && request.ratings.is_empty() {
                        return Ok(None);
                    }
                    without_bytes = mark_without_bytes(&mut request);
                    request
                }
                Parsed::Team(team) => return Ok(Some(directory(DirectoryRecord::Team(team)))),
                Parsed::Person(person) => return Ok(Some(directory(DirectoryRecord::Person(person)))),
                Parsed::OptOut(opt_out) => return Ok(Some(directory(DirectoryRecord::OptOut(opt_out)))),
            },
            None => {
                self.form = Form::Assess;
                let request = to_request(parse_conversation(text, ImportLimits::default())?, self.policy);
                self.doubt = seconds_for_millis(&request);
                request
            }
        };
        // A line refused here cannot be continued.
        let size = check_size(&request);
        if size.is_err() {
            self.last = None;
        }
        size?;
        Ok(Some((Work::Import(Box::new(request)), without_bytes)))
    }

    /// Completes a conversation's request with its policy and position, and returns what the next line may continue.
    fn placed(
        &self,
        request: ImportConversationRequest,
        continues: bool,
        last: Option<Last>,
    ) -> Result<(ImportConversationRequest, Last), Violations> {
        let conversation = request.conversation.as_ref();
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let source = text(conversation.map(|conversation| &conversation.source));
        let external_id = text(conversation.map(|conversation| &conversation.external_id));
        let last =
            last.filter(|last| continues && (&last.source, &last.external_id) == (&source, &external_id));
        let own = request.messages.last().map(|message| message.external_id.clone());
        if !continues {
            let request = ImportConversationRequest { on_conflict: self.policy.into(), ..request };
            return Ok((request, Last { source, external_id, message: own.unwrap_or_default() }));
        }
        let Some(last) = last else {
            let rule = "continues a conversation whose previous part is not on the line before, or was invalid; left out";
            return Err(Violations::one("continues", rule));
        };
        let request = ImportConversationRequest {
            on_conflict: ConflictPolicy::Append.into(),
            append_after: last.message.clone(),
            // What is stored of a conversation stays as it is, unless told otherwise.
            additions_only: self.policy != ConflictPolicy::Append,
            ..request
        };
        Ok((request, Last { message: own.unwrap_or(last.message), source, external_id }))
    }
}

/// Timestamps that give a date of today as seconds, and one early in 1970 as the milliseconds that they are read as.
fn seconds_for_millis(request: &ImportConversationRequest) -> Option<String> {
    let times = request.messages.iter().enumerate();
    let times = times.filter_map(|(index, message)| message.create_time.as_ref().map(|time| (index, time)));
    let mut doubted = times
        .map(|(index, time)| (index, time, time.seconds * 1000 + i64::from(time.nanos) / 1_000_000))
        .filter(|(_, _, millis)| LIKELY_SECONDS.contains(millis));
    let (index, time, millis) = doubted.next()?;
    let more = match doubted.count() {
        0 => String::new(),
        more => format!(" ({more} more in this line)"),
    };
    Some(format!(
        "messages[{index}].timestamp: {millis} is stored as {time}, because it is read as milliseconds; if it is seconds, write \
         {millis}000{more}"
    ))
}

fn directory(record: DirectoryRecord) -> (Work, u64) {
    (Work::Directory(Box::new(record)), 0)
}

/// Marks attachments with neither bytes nor a URL as intentionally empty; returns how many there are.
fn mark_without_bytes(request: &mut ImportConversationRequest) -> u64 {
    let mut count = 0;
    for file in request.messages.iter_mut().flat_map(|message| &mut message.attachments) {
        let is_absent = file.content.is_none() && file.source_url.as_deref().unwrap_or_default().is_empty();
        file.content_missing = is_absent;
        count += u64::from(is_absent);
    }
    count
}

fn check_size(request: &ImportConversationRequest) -> Result<(), Violations> {
    let size_bytes = request.encoded_len() + ITEM_BYTES;
    if size_bytes <= MAX_REQUEST_BYTES {
        return Ok(());
    }
    let files = request.messages.iter().flat_map(|message| &message.attachments);
    let attached: usize = files.filter_map(|file| file.content.as_ref()).map(Vec::len).sum();
    let plain = size_bytes - attached;
    if plain > MAX_REQUEST_BYTES {
        let rule = format!("must be at most {MAX_REQUEST_BYTES} bytes as a request, is {plain}");
        return Err(Violations::one(ROOT, rule));
    }
    if size_bytes > MAX_ATTACHMENTS_REQUEST_BYTES {
        let most = MAX_ATTACHMENTS_REQUEST_BYTES;
        let rule = format!("must be at most {most} bytes as a request with its attachments, is {size_bytes}");
        return Err(Violations::one(ROOT, rule));
    }
    Ok(())
}

fn too_long() -> Violations {
    Violations::one(ROOT, format!("is longer than {MAX_LINE_BYTES} bytes"))
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
