//! `plaudit export`: what a server holds as JSON Lines.

mod reader;

use std::{
    fmt,
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Failure,
    connect::{Target, require_store, root_cause},
    output::{say, unwritten},
};

use self::reader::Reader;
use crate::{
    proto::v1::{AuthorKind, Person},
    wire::export::{Records, parts},
};

/// How many conversations are read at a time.
const AT_A_TIME: usize = 8;

const AFTER_HELP: &str = "\
Lines are teams, people, conversations with their messages, ratings and assessments, the customers who are known in one of them \
alone, and the customers who are not to be asked for ratings, in protobuf's JSON form (docs/export.md); a conversation with many messages takes several lines. plaudit import \
reads them back. Conversations come in the order in which they were stored, each as it is when it is read; changes meanwhile \
may be in it or not. Deleted conversations and rubrics are not exported. Without --attachments, attachments are listed by name, \
size and URL, and their bytes stay here.

Exit codes: 0 done, 1 failed (also: whoever read standard output stopped reading), 2 wrong usage.

Examples:
  plaudit export everything.jsonl
  plaudit export --attachments - | zstd > everything.jsonl.zst
  plaudit export - | plaudit import - --server 127.0.0.1:9000
  plaudit export --data /var/lib/plaudit everything.jsonl";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Export {
    /// The new file; - is standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Write the bytes of attachments too.
    #[arg(long)]
    attachments: bool,
}

/// What was written.
#[derive(Default)]
struct Written {
    conversations: u64,
    people: u64,
    teams: u64,
    opt_outs: u64,
    lines: u64,
    /// Attachments whose bytes stay behind.
    without_bytes: u64,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted =
            |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        write!(
            f,
            "{}, {}, {} and {} in {}",
            counted(self.conversations, "conversation", "conversations"),
            counted(self.people, "person", "people"),
            counted(self.teams, "team", "teams"),
            counted(self.opt_outs, "opt-out", "opt-outs"),
            counted(self.lines, "line", "lines"),
        )
    }
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        let runtime = self.target.runtime()?;
        let written = runtime.block_on(self.export())?;
        say(format_args!("exported {written}"));
        if written.without_bytes > 0 {
            let count = written.without_bytes;
            say(format_args!("without the bytes of {count} attachments; --attachments writes them"));
        }
        Ok(())
    }

    async fn export(self) -> Result<Written, Failure> {
        if let Some(data) = &self.target.data {
            require_store(data)?;
        }
        let reached = self.target.reach().await?;
        let written = self.write(&reached.endpoint).await;
        let left = reached.leave().await;
        let written = written?;
        left.map(|()| written)
    }

    async fn write(&self, endpoint: &tonic::transport::Endpoint) -> Result<Written, Failure> {
        let channel = endpoint.connect().await.map_err(|error| {
            Failure::Failed(format!("cannot connect to {}: {}", endpoint.uri(), root_cause(&error)))
        })?;
        let reader = Reader::new(channel);
        let records = Records::load().map_err(Failure::failed)?;
        if self.file == Path::new("-") {
            let mut out = BufWriter::new(io::stdout());
            return Writer::new(reader, records, &mut out, "-", self.attachments).write_all().await;
        }
        let name = self.file.display().to_string();
        let about = |cause: io::Error| Failure::Failed(format!("{name}: {cause}"));
        let mut out = BufWriter::new(File::create_new(&self.file).map_err(about)?);
        let written = Writer::new(reader, records, &mut out, &name, self.attachments).write_all().await;
        let synced =
            out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        if written.is_err() || synced.is_err() {
            // Half an export looks like a whole one.
            let _ = std::fs::remove_file(&self.file);
        }
        let written = written?;
        synced.map_err(about).map(|()| written)
    }
}

/// Writes what a reader reads.
struct Writer<'a> {
    reader: Reader,
    records: Records,
    out: &'a mut dyn Write,
    /// What is written to, for errors.
    name: &'a str,
    with_attachments: bool,
    written: Written,
    began: Instant,
    is_terminal: bool,
}

impl<'a> Writer<'a> {
    fn new(
        reader: Reader,
        records: Records,
        out: &'a mut dyn Write,
        name: &'a str,
        with_attachments: bool,
    ) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let (written, began) = (Written::default(), Instant::now());
        Self { reader, records, out, name, with_attachments, written, began, is_terminal }
    }

    async fn write_all(mut self) -> Result<Written, Failure> {
        for team in self.reader.teams().await? {
            self.line(self.records.team(&team))?;
            self.written.teams += 1;
        }
        self.people().await?;
        self.conversations().await?;
        self.customers_by_name().await?;
        let mut token = String::new();
        loop {
            let page = self.reader.opt_outs(token).await?;
            for opt_out in &page.opt_outs {
                self.line(self.records.opt_out(opt_out))?;
                self.written.opt_outs += 1;
            }
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        self.out.flush().map_err(|cause| unwritten(self.name, &cause))?;
        Ok(self.written)
    }

    async fn people(&mut self) -> Result<(), Failure> {
        let mut token = String::new();
        loop {
            let page = self.reader.people(AuthorKind::Unspecified, token).await?;
            // A customer who is known within one conversation comes after it.
            for person in page.people.iter().filter(|person| person.conversation.is_empty()) {
                self.line(self.records.person(person))?;
                self.written.people += 1;
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(());
            }
        }
    }

    /// The customers without an external id, when the conversations are there in which they are known.
    async fn customers_by_name(&mut self) -> Result<(), Failure> {
        let mut token = String::new();
        // One conversation's stand together.
        let mut last = (String::new(), None);
        loop {
            let page = self.reader.people(AuthorKind::Contact, token).await?;
            for person in page.people.into_iter().filter(|person| !person.conversation.is_empty()) {
                if last.0 != person.conversation {
                    last =
                        (person.conversation.clone(), self.reader.external_name(&person.conversation).await?);
                }
                let Some(conversation) = last.1.clone() else { continue };
                self.line(self.records.person(&Person { conversation, ..person }))?;
                self.written.people += 1;
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(());
            }
        }
    }

    async fn conversations(&mut self) -> Result<(), Failure> {
        let reader = self.reader.clone();
        let numbers = stream::iter(reader.conversations().await?);
        let read = numbers.map(|number| reader.read(number)).buffered(AT_A_TIME);
        let mut read = std::pin::pin!(read);
        while let Some(found) = read.try_next().await? {
            let Some(whole) = found else { continue };
            for (place, (conversation, mut part)) in parts(whole).into_iter().enumerate() {
                if self.with_attachments {
                    self.reader.fetch_attachments(&mut part).await?;
                }
                let files = part.messages.iter().flat_map(|message| &message.attachments);
                let without_bytes = files.filter(|file| file.source_url.is_none() && file.content.is_none());
                self.written.without_bytes += without_bytes.count() as u64;
                self.line(self.records.line(&conversation, place > 0, &part))?;
            }
            self.written.conversations += 1;
            self.show();
        }
        Ok(())
    }

    fn line(&mut self, line: Result<Vec<u8>, String>) -> Result<(), Failure> {
        let line = line.map_err(Failure::failed)?;
        let written = self.out.write_all(&line).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|cause| unwritten(self.name, &cause))?;
        self.written.lines += 1;
        Ok(())
    }

    fn show(&self) {
        if self.is_terminal {
            let rate = self.written.conversations as f64 / self.began.elapsed().as_secs_f64().max(0.001);
            let count = self.written.conversations;
            let _ = write!(io::stderr(), "\r{count} conversations, {rate:.0}/s\x1b[K\r");
        }
    }
}
