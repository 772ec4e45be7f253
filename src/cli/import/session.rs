//! The exchange with the server. Unanswered lines are kept, and sent again when the connection breaks.

use std::{collections::VecDeque, fmt, io, pin::Pin, time::Duration};

use futures_util::{FutureExt as _, future::FusedFuture, stream};
use prost::Message as _;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Endpoint},
};

use super::{
    directory::{Directory, Done},
    lines::{Line, Read, Work, broken},
    report::Report,
};
use crate::{
    cli::{
        connect::{connect, status_line},
        output::{counted, plain},
    },
    proto::v1::{
        ErrorReason, ImportConversationResponse, ImportConversationsRequest, ImportConversationsResponse,
        ImportDifference, ImportFailure, ImportOutcome, ImportedItem, import_conversations_response::Answer,
        import_service_client::ImportServiceClient, imported_item,
    },
    wire::reason_name,
};

/// The most unanswered lines: enough to keep the server's own window full.
const MAX_UNANSWERED: usize = 512;
/// The same in bytes; a single larger line is allowed.
const MAX_UNANSWERED_BYTES: usize = 64 * 1024 * 1024;
/// The most lines waiting to be written to the connection.
const MAX_UNWRITTEN: usize = 16;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why an import stopped early.
#[derive(Debug)]
pub(super) enum Stop {
    Interrupted,
    /// The input could not be read.
    Input(io::Error),
    /// The server is unreachable or refuses the import.
    Server(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Input(cause) => write!(f, "cannot read the input: {}", plain(cause)),
            Self::Server(cause) => f.write_str(cause),
        }
    }
}

/// Why a connection ended early.
enum Cut {
    /// Worth reconnecting.
    Broken(String),
    Refused(String),
}

/// A line that was read and has not been answered, or that is bad and waits for those before it, so that all are reported in order.
struct Unanswered {
    line: Line,
    /// As a request.
    size_bytes: usize,
}

fn rule(line: &Line, field: &str, message: &str) -> String {
    format!("{field}: {}", broken(&line.ignored, field, message))
}

pub(super) struct Session<'a> {
    endpoint: Endpoint,
    wait: Duration,
    /// Absent when there is nothing more to read, or reading has stopped.
    lines: Option<mpsc::Receiver<Read>>,
    /// In input order, which is also the order of the answers. The first `sent` of them are in flight, apart from bad ones.
    unanswered: VecDeque<Unanswered>,
    sent: usize,
    unanswered_bytes: usize,
    /// The line after the last one taken.
    next_unread: u64,
    stop: Option<Stop>,
    /// Whether this connection has made progress.
    has_progressed: bool,
    directory: Directory,
    report: &'a mut Report,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        endpoint: Endpoint,
        wait: Duration,
        lines: mpsc::Receiver<Read>,
        first_line: u64,
        report: &'a mut Report,
    ) -> Self {
        Self {
            endpoint,
            wait,
            lines: Some(lines),
            unanswered: VecDeque::new(),
            sent: 0,
            unanswered_bytes: 0,
            next_unread: first_line,
            stop: None,
            has_progressed: false,
            directory: Directory::default(),
            report,
        }
    }

    pub(super) fn next_line(&self) -> u64 {
        self.unanswered.front().map_or(self.next_unread, |next| next.line.number)
    }

    /// Imports everything. `interrupted` stops it early, after the lines in flight.
    pub(super) async fn run(&mut self, interrupted: impl Future<Output = ()>) -> Result<(), Stop> {
        let mut interrupted = std::pin::pin!(interrupted.fuse());
        let mut has_connected = false;
        let mut wait = FIRST_WAIT;
        let mut gone_since = Instant::now();
        loop {
            self.has_progressed = false;
            let begun = Instant::now();
            let cut = match self.exchange(&mut has_connected, interrupted.as_mut()).await {
                Ok(()) => return self.stop.take().map_or(Ok(()), Err),
                Err(cut) => cut,
            };
            // A connection that lasted a while, for example while a pipe was silent, does not count as a failure to connect.
            if self.has_progressed || begun.elapsed() > LONGEST_WAIT {
                (wait, gone_since) = (FIRST_WAIT, Instant::now());
            }
            let cause = match cut {
                Cut::Broken(cause) if has_connected && gone_since.elapsed() < self.wait => cause,
                Cut::Broken(cause) | Cut::Refused(cause) => return Err(Stop::Server(cause)),
            };
            if let Some(stop) = self.stop.take() {
                return Err(stop);
            }
            self.report.note(format_args!("{cause}; retrying in {} ms", wait.as_millis()));
            tokio::select! {
                () = sleep(wait) => {}
                () = interrupted.as_mut() => return Err(Stop::Interrupted),
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// One connection: resends what is unanswered, then sends what is read, until everything is answered.
    async fn exchange(
        &mut self,
        has_connected: &mut bool,
        mut interrupted: Pin<&mut impl FusedFuture<Output = ()>>,
    ) -> Result<(), Cut> {
        self.sent = 0;
        let (requests, mut answers, channel) = tokio::select! {
            begun = self.begin() => begun?,
            () = interrupted.as_mut(), if self.stop.is_none() => {
                self.stop_reading(Stop::Interrupted);
                return Ok(());
            }
        };
        *has_connected = true;
        // Dropped when there is nothing more to send.
        let mut requests = Some(requests);
        loop {
            self.settle(&channel).await?;
            let all_sent = self.sent == self.unanswered.len();
            // Directory records wait until every line before them is answered.
            let may_send = self
                .unanswered
                .get(self.sent)
                .is_some_and(|next| matches!(next.line.work, Ok(Work::Import(_))));
            if all_sent && self.lines.is_none() {
                requests = None;
            }
            let may_read = all_sent
                && self.unanswered.len() < MAX_UNANSWERED
                && self.unanswered_bytes < MAX_UNANSWERED_BYTES;
            tokio::select! {
                biased;
                () = interrupted.as_mut(), if self.stop.is_none() => self.stop_reading(Stop::Interrupted),
                answer = answers.message() => match answer.map_err(|status| cut(&status))? {
                    Some(ImportConversationsResponse { answer: Some(Answer::Item(item)) }) => self.answered(item)?,
                    // The final counts.
                    Some(_) => {}
                    None if self.unanswered.is_empty() && self.lines.is_none() => return Ok(()),
                    None => return Err(Cut::Broken("the server ended the stream early".to_owned())),
                },
                room = room(&requests), if may_send => {
                    let room = room.ok_or_else(|| Cut::Broken("the connection has ended".to_owned()));
                    self.send_next(room?);
                }
                line = next_line(&mut self.lines), if may_read => self.take(line),
            }
        }
    }

    async fn begin(
        &self,
    ) -> Result<
        (mpsc::Sender<ImportConversationsRequest>, Streaming<ImportConversationsResponse>, Channel),
        Cut,
    > {
        let channel = connect(&self.endpoint).await.map_err(Cut::Broken)?;
        let (requests, mut written) = mpsc::channel(MAX_UNWRITTEN);
        let items = stream::poll_fn(move |cx| written.poll_recv(cx));
        let answers = ImportServiceClient::new(channel.clone()).import_conversations(items).await;
        Ok((requests, answers.map_err(|status| cut(&status))?.into_inner(), channel))
    }

    /// Imports directory records and reports bad lines once everything before them is done.
    async fn settle(&mut self, channel: &Channel) -> Result<(), Cut> {
        while let Some(Unanswered { line, .. }) = self.unanswered.front() {
            let rules: Vec<String> = match &line.work {
                Ok(Work::Import(_)) => break,
                Ok(Work::Directory(record)) => {
                    let done =
                        self.directory.carry_out(channel, record).await.map_err(|status| cut(&status))?;
                    self.has_progressed = true;
                    match done {
                        Done::Noted => Vec::new(),
                        Done::Refused(rules) => {
                            rules.iter().map(|it| rule(line, &it.field, &it.message)).collect()
                        }
                        Done::NotFound(cause) => vec![cause],
                    }
                }
                Err(violations) => violations.iter().map(|it| rule(line, &it.field, &it.message)).collect(),
            };
            if line.is_before {
                // What it is imported again for is known by now.
            } else if rules.is_empty() {
                self.report.tally.directory += 1;
                self.report.ignored(line.number, &line.ignored);
            } else {
                self.report.bad(line.number, &rules);
            }
            self.report.advance(line.end_bytes);
            self.unanswered.pop_front();
            self.sent = self.sent.saturating_sub(1);
        }
        // Nothing is sent of a bad line.
        while self.unanswered.get(self.sent).is_some_and(|next| next.line.work.is_err()) {
            self.sent += 1;
        }
        Ok(())
    }

    fn send_next(&mut self, room: mpsc::Permit<'_, ImportConversationsRequest>) {
        if let Some(Unanswered { line: Line { work: Ok(Work::Import(request)), number, .. }, .. }) =
            self.unanswered.get(self.sent)
        {
            let import = Some((**request).clone());
            room.send(ImportConversationsRequest { item_number: *number as i64, import });
            self.sent += 1;
        }
    }

    fn take(&mut self, line: Option<Read>) {
        let line = match line {
            Some(Ok(line)) => line,
            Some(Err(cause)) => return self.stop_reading(Stop::Input(cause)),
            None => {
                self.lines = None;
                return;
            }
        };
        self.next_unread = self.next_unread.max(line.number + 1);
        let size_bytes = match &line.work {
            Ok(Work::Import(request)) => request.encoded_len(),
            Ok(Work::Directory(_)) | Err(_) => 0,
        };
        self.unanswered_bytes += size_bytes;
        self.unanswered.push_back(Unanswered { line, size_bytes });
    }

    /// Stops reading and sending; lines in flight are still answered.
    fn stop_reading(&mut self, stop: Stop) {
        self.lines = None;
        self.stop = Some(stop);
        if let Some(unsent) = self.unanswered.get(self.sent) {
            self.next_unread = unsent.line.number;
        }
        self.unanswered.truncate(self.sent);
    }

    fn answered(&mut self, item: ImportedItem) -> Result<(), Cut> {
        let next = self.unanswered.pop_front().filter(|next| next.line.number as i64 == item.item_number);
        let Some(Unanswered { line, size_bytes }) = next else {
            return Err(Cut::Refused(format!("the server answered line {} out of order", item.item_number)));
        };
        self.sent = self.sent.saturating_sub(1);
        self.unanswered_bytes -= size_bytes;
        self.has_progressed = true;
        let tally = &mut self.report.tally;
        let mut is_written = false;
        match item.result {
            Some(imported_item::Result::Done(done)) => {
                let is_same = done.differences.is_empty();
                match done.outcome() {
                    ImportOutcome::Existing if is_same => tally.there_already += 1,
                    ImportOutcome::Existing => tally.differing += 1,
                    outcome => {
                        tally.differing_in_part += u64::from(!is_same);
                        match outcome {
                            ImportOutcome::Updated => tally.updated += 1,
                            ImportOutcome::Appended => tally.appended += 1,
                            _ => tally.stored += 1,
                        }
                    }
                }
                is_written = matches!(done.outcome(), ImportOutcome::Created | ImportOutcome::Appended);
                if is_written {
                    tally.without_bytes += line.without_bytes;
                }
                if !is_same {
                    self.report.differing(line.number, &differences(&line, &done));
                }
            }
            Some(imported_item::Result::Duplicate(_)) => tally.there_already += 1,
            Some(imported_item::Result::Failure(failure)) => {
                self.report.bad(line.number, &broken_rules(&line, &failure));
                self.report.advance(line.end_bytes);
                return Ok(());
            }
            None => return Err(Cut::Refused("the server's answer has no result".to_owned())),
        }
        self.report.ignored(line.number, &line.ignored);
        if is_written && line.is_reversed {
            self.report.reversed(line.number);
        }
        self.report.advance(line.end_bytes);
        Ok(())
    }
}

/// What of a line was not taken, as the file spells it.
fn differences(line: &Line, done: &ImportConversationResponse) -> Vec<String> {
    let told =
        |it: &ImportDifference| rule(line, &line.form.key(&it.field), &line.form.words(&it.description));
    let more = done.more_differences.unsigned_abs().into();
    let named = done.differences.iter().map(told);
    let more = (more > 0).then(|| format!("and {}", counted(more, "more difference", "more differences")));
    named.chain(more).collect()
}

/// What a line is refused for, as the file spells it.
fn broken_rules(line: &Line, failure: &ImportFailure) -> Vec<String> {
    if failure.reason() == ErrorReason::InvalidFields {
        let violations = failure.field_violations.iter();
        return violations
            .map(|wrong| rule(line, &line.form.key(&wrong.field), &wrong.description))
            .collect();
    }
    vec![format!("{}: {}", reason_name(failure.reason()), failure.message)]
}

/// Waits for room for one more item on the connection; `None` when the connection has ended.
async fn room(
    requests: &Option<mpsc::Sender<ImportConversationsRequest>>,
) -> Option<mpsc::Permit<'_, ImportConversationsRequest>> {
    requests.as_ref()?.reserve().await.ok()
}

async fn next_line(lines: &mut Option<mpsc::Receiver<Read>>) -> Option<Read> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether an error is worth a retry.
fn cut(status: &Status) -> Cut {
    let answer = status_line(status);
    match status.code() {
        Code::InvalidArgument
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented
        | Code::FailedPrecondition
        | Code::OutOfRange => Cut::Refused(answer),
        _ => Cut::Broken(answer),
    }
}
