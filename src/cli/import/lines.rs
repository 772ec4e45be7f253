//! Reads the lines of a file and turns them into requests, on a thread of its own.

use std::{io, thread};

use prost::Message as _;
use tokio::sync::mpsc;

use crate::{
    domain::{ImportLimits, Violation, Violations},
    interchange::{
        craftcx::parse_line,
        json::{NOT_UTF_8, ROOT},
    },
    proto::v1::{ConflictPolicy, ImportConversationRequest},
    wire::{
        MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES,
        export::{Imported, Lines, Parsed, to_request},
    },
};

use super::{
    directory::DirectoryRecord,
    form::Form,
    input::{Input, MAX_LINE_BYTES, RawLine, RawLines},
};

/// How many lines are read ahead.
const AHEAD: usize = 16;
/// The most bytes that a stream item adds to its request.
const ITEM_BYTES: usize = 32;

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
    /// Unknown keys and words that it was read without.
    pub(in crate::cli) ignored: Vec<Violation>,
    /// Its messages go backwards in time, from the first to the last.
    pub(in crate::cli) is_reversed: bool,
    /// It stands before the first line to import: a team that later lines may refer to, neither counted nor reported.
    pub(in crate::cli) is_before: bool,
}

/// What is told of a rule that a line breaks. Where a word was ignored and its field is then missing, it is the word.
pub(in crate::cli) fn broken<'a>(ignored: &'a [Violation], field: &str, message: &'a str) -> &'a str {
    let word = ignored.iter().find(|ignored| ignored.field == field);
    word.map_or(message, |word| &word.message)
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

/// How lines are read.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Reading {
    /// Counted from 1.
    pub(in crate::cli) first: u64,
    pub(in crate::cli) policy: ConflictPolicy,
    /// Reads a line without the keys and words in it that are unknown.
    pub(in crate::cli) is_lenient: bool,
}

/// Parses the lines from `first` on, a few ahead of the consumer.
pub(in crate::cli) fn read(input: Input, records: Lines, reading: Reading) -> mpsc::Receiver<Read> {
    let (sender, lines) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        let told = |line: Read| sender.blocking_send(line).is_ok();
        let mut raw = match RawLines::begin(input) {
            Ok(raw) => raw,
            Err(cause) => {
                told(Err(cause));
                return;
            }
        };
        let mut parser = Parser::new(records, reading);
        loop {
            let line = match raw.next() {
                Ok(Some(line)) if line.is_blank() => continue,
                Ok(Some(line)) => Ok(line),
                Ok(None) => return,
                Err(cause) => Err(cause),
            };
            let is_end = line.is_err();
            let parsed = line.map(|line| parser.line(&line)).transpose();
            // Not received if the import has already ended.
            if parsed.is_some_and(|line| !told(line)) || is_end {
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
    let is_plain = !file.starts_with(&[0x1f]);
    let input = super::input::of_memory(file);
    let records = Lines::load().expect("our own descriptors");
    let reading = Reading { first, policy: ConflictPolicy::ReturnExisting, is_lenient: first % 2 == 0 };
    let mut lines = read(input, records, reading);
    let mut before = (0, 0);
    while let Some(line) = lines.blocking_recv() {
        // Memory is always read: it begins as no JSON Lines do.
        let Ok(line) = line else { return };
        let place = (line.number, line.end_bytes);
        assert!(before.0 < place.0 && place.1 <= size_bytes, "{before:?} {place:?}");
        assert!(before.1 < place.1 || !is_plain, "{before:?} {place:?}");
        match line.work {
            Ok(Work::Import(request)) => assert!(check_size(&request).is_ok()),
            Ok(Work::Directory(_)) => {}
            Err(violations) => assert!(!violations.is_empty()),
        }
        before = place;
    }
}

/// A byte order mark, with which some programs begin a file.
pub(super) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The violations to report for a line, with the number of those left out.
fn reported(violations: &Violations) -> Vec<Violation> {
    let mut reported: Vec<_> = violations.iter().cloned().collect();
    for violation in reported.iter_mut().filter(|violation| violation.field == ROOT) {
        // It was parsed by itself; the number of its line in the file stands before the message.
        violation.message = violation.message.replace(" at line 1 column ", " at column ");
        if violation.message.contains(NOT_UTF_8) {
            violation.message +=
                "; if it is Latin-1, as older programs write, mend the file with iconv -f latin1 -t utf-8";
        }
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
    reading: Reading,
    /// The conversation on the previous line, if that line was valid.
    last: Option<Last>,
    /// Lines before `first` that hold earlier parts of the conversation that `first` may continue.
    skipped: Vec<Vec<u8>>,
    /// Of the line parsed last, like what follows.
    form: Form,
    ignored: Vec<Violation>,
    is_reversed: bool,
}

/// A conversation that the next line may continue.
struct Last {
    source: String,
    external_id: String,
    /// The external id of the last message read so far.
    message: String,
}

impl Parser {
    fn new(records: Lines, reading: Reading) -> Self {
        Self {
            records,
            reading,
            last: None,
            skipped: Vec::new(),
            form: Form::Export,
            ignored: Vec::new(),
            is_reversed: false,
        }
    }

    /// Parses a line; `None` if there is nothing to do.
    fn line(&mut self, raw: &RawLine) -> Option<Line> {
        let RawLine { number, end_bytes, ref text, is_too_long } = *raw;
        let parsed = if is_too_long { self.too_long() } else { self.parse(number, text) };
        let (work, without_bytes) = match parsed {
            Ok(work) => {
                let (work, without_bytes) = work?;
                (Ok(work), without_bytes)
            }
            Err(_) if number < self.reading.first => return None,
            Err(violations) => (Err(reported(&violations)), 0),
        };
        let ignored = std::mem::take(&mut self.ignored);
        let (form, is_reversed) = (self.form, self.is_reversed);
        let is_before = number < self.reading.first;
        Some(Line { number, end_bytes, work, without_bytes, form, ignored, is_reversed, is_before })
    }

    /// What is told of a line that is not read. The next one continues nothing that stands before it.
    fn too_long(&mut self) -> Result<Option<(Work, u64)>, Violations> {
        self.last = None;
        self.skipped.clear();
        (self.form, self.is_reversed) = (Form::Export, false);
        Err(Violations::one(ROOT, format!("is longer than {MAX_LINE_BYTES} bytes")))
    }

    /// Parses a line. Returns the work and the number of attachments without bytes; `None` if there is nothing to do.
    fn parse(&mut self, number: u64, text: &[u8]) -> Result<Option<(Work, u64)>, Violations> {
        let text = if number == 1 { text.strip_prefix(MARK).unwrap_or(text) } else { text };
        // Team lines are imported again, because people refer to teams by the ids that these lines define.
        if number < self.reading.first && !Lines::may_be_team(text) {
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
        (self.form, self.is_reversed) = (Form::Export, false);
        self.ignored.clear();
        let ignored = self.reading.is_lenient.then_some(&mut self.ignored);
        let mut without_bytes = 0;
        let request = match self.records.parse(text, ignored) {
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
                let ignored = self.reading.is_lenient.then_some(&mut self.ignored);
                let elsewhere = |key: &str| self.records.place_of(key);
                let new = parse_line(text, ImportLimits::default(), ignored, elsewhere)?;
                to_request(new, self.reading.policy)
            }
        };
        // A line refused here cannot be continued.
        let size = check_size(&request);
        if size.is_err() {
            self.last = None;
        }
        size?;
        self.is_reversed = is_reversed(&request);
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
            let request = ImportConversationRequest { on_conflict: self.reading.policy.into(), ..request };
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
            additions_only: self.reading.policy != ConflictPolicy::Append,
            ..request
        };
        Ok((request, Last { message: own.unwrap_or(last.message), source, external_id }))
    }
}

/// Whether the messages are given from the newest to the oldest: none is newer than the one before it, and not all are of one time.
fn is_reversed(request: &ImportConversationRequest) -> bool {
    let times = request.messages.iter().filter_map(|message| message.create_time.as_ref());
    let times: Vec<_> = times.map(|time| (time.seconds, time.nanos)).collect();
    times.first() > times.last() && times.is_sorted_by(|before, after| before >= after)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_continued_beyond_a_line_that_is_too_long() {
        let part = |message: &str, continues: &str| {
            format!(
                r#"{{{continues}"conversation": {{"source": "s", "externalId": "1"}}, "messages": [{{"externalId": "{message}", "kind": "MESSAGE_KIND_MESSAGE", "content": "Hello", "author": {{"kind": "AUTHOR_KIND_CONTACT"}}, "createTime": "2026-01-01T00:00:00Z"}}]}}"#
            )
        };
        let continued = |message| part(message, r#""continues": true, "#);
        for first in [1, 3] {
            for is_too_long in [false, true] {
                let lines = [(part("a", ""), false), (continued("b"), is_too_long), (continued("c"), false)];
                let reading = Reading { first, policy: ConflictPolicy::ReturnExisting, is_lenient: false };
                let mut parser = Parser::new(Lines::load().unwrap(), reading);
                let mut last = None;
                for ((text, is_too_long), number) in lines.into_iter().zip(1..) {
                    let text = text.into_bytes();
                    last = parser.line(&RawLine { number, end_bytes: 0, text, is_too_long });
                }
                let refused = last.unwrap().work.err().map(|violations| violations[0].field.clone());
                assert_eq!(refused.as_deref(), is_too_long.then_some("continues"), "from line {first}");
            }
        }
    }
}
