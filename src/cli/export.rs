//! `plaudit export`: writes everything that a server holds as JSON Lines.

mod names;
mod reader;

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::PathBuf,
    time::Instant,
};

use super::{
    Failure,
    connect::{Target, connect, require_store},
    is_dash,
    output::{counted, say, unwritten},
    signals::Signals,
    whole_file::WholeFile,
};

pub(super) use self::reader::Reader;
use self::{names::Names, reader::server_error};
use crate::{
    proto::v1::{AuthorKind, ExportedAssessments, Person},
    wire::export::{ChangedTime, Line, Lines, Whole, parts},
};

const AFTER_HELP: &str = "\
Writes one JSON object per line: teams, people, conversations with their messages, ratings and assessments, customers known only \
within one conversation, and opt-outs, in protobuf's JSON form (docs/export.md). A long conversation takes several lines. plaudit \
import reads the file back. Conversations are written in the order in which they were stored, each as it is when it is read; \
changes made meanwhile may or may not be included. Deleted conversations and rubrics are not exported. Assessments are for reading: \
an import does not take them, so --without assessments makes an export that is for an import smaller and faster. Their facts are \
included --with facts. Until the file is whole, it is called FILE.part, which the next export begins anew. Without --attachments, \
attachments are listed by name, size and URL, without their bytes. A record that cannot be read or written is named on standard \
error and left out; a time that an earlier version stored out of range is named and changed to the nearest in range. The export goes on.

Exit codes: 0 done; 1 failed, or the reader of standard output went away; 2 wrong usage; 3 done, but records were left out or changed.

Examples:
  plaudit export everything.jsonl
  plaudit export --without assessments - | gzip > everything.jsonl.gz
  plaudit export --attachments - | zstd > everything.jsonl.zst
  plaudit export --without assessments - | plaudit import - --data new-data
  plaudit export --data /var/lib/plaudit everything.jsonl";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Export {
    /// The file to create; - is standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Include the bytes of attachments.
    #[arg(long)]
    attachments: bool,
    /// Leave these out.
    #[arg(long, value_name = "WHAT", value_enum)]
    without: Option<Without>,
    /// Include these.
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with = "without")]
    with: Option<With>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Without {
    /// The assessments.
    Assessments,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum With {
    /// What each assessment is based on; several times as much as all else.
    Facts,
}

/// Counts of what was written.
#[derive(Default)]
struct Written {
    conversations: u64,
    people: u64,
    teams: u64,
    opt_outs: u64,
    lines: u64,
    /// Attachments exported without their bytes.
    without_bytes: u64,
    /// Records that could not be read or written; each was reported.
    left_out: u64,
    /// Times that were changed to be in range; each was reported.
    changed: u64,
}

impl Written {
    /// How the file differs from the store, if it does.
    fn differences(&self) -> Option<String> {
        let left_out = format!("{} left out", counted(self.left_out, "record", "records"));
        let changed = format!("{} changed", counted(self.changed, "time", "times"));
        let told = [(self.left_out, left_out), (self.changed, changed)].into_iter();
        let told: Vec<String> = told.filter_map(|(count, told)| (count > 0).then_some(told)).collect();
        (!told.is_empty()).then(|| format!("{}; see above", told.join(" and ")))
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            let attachments = counted(count, "attachment", "attachments");
            say(format_args!("without the bytes of {attachments}; --attachments includes them"));
        }
        written.differences().map_or(Ok(()), |differences| Err(Failure::Incomplete(differences)))
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
        let channel = connect(endpoint).await.map_err(Failure::Failed)?;
        let reader = Reader::new(channel);
        let lines = Lines::load().map_err(Failure::failed)?;
        if is_dash(&self.file) {
            Signals::end_process(1, || say(format_args!("plaudit: interrupted: {HALF_WRITTEN}")))?;
            let mut out = BufWriter::new(io::stdout());
            let written = Writer::new(reader, lines, &mut out, "-", self).write_all().await;
            return written.map_err(|failure| with_step(failure, HALF_WRITTEN));
        }
        let mut signals = Signals::listen()?;
        let name = self.file.display().to_string();
        let file = WholeFile::begin(&self.file, "export")?;
        let mut out = file.writer();
        let writer = Writer::new(reader, lines, &mut out, &name, self);
        let written = tokio::select! {
            written = writer.write_all() => written,
            () = signals.next() => Err(Failure::Failed("interrupted".to_owned())),
        };
        drop(out);
        let step = "is not written; run the same command again";
        let written = written.map_err(|failure| with_step(failure, &format!("{name} {step}")))?;
        file.finish().map(|()| written)
    }

    fn assessments(&self) -> ExportedAssessments {
        match (self.without, self.with) {
            (Some(Without::Assessments), _) => ExportedAssessments::None,
            (None, Some(With::Facts)) => ExportedAssessments::WithFacts,
            (None, None) => ExportedAssessments::WithoutFacts,
        }
    }
}

/// What a failure leaves on standard output.
const HALF_WRITTEN: &str = "the export on standard output is incomplete";

/// What a failure leaves, and what to do about it.
fn with_step(failure: Failure, step: &str) -> Failure {
    match failure {
        Failure::Failed(cause) => Failure::Failed(format!("{cause}: {step}")),
        other => other,
    }
}

/// Writes what [`Reader`] reads.
struct Writer<'a> {
    reader: Reader,
    lines: Lines,
    out: &'a mut dyn Write,
    /// The output's name, for errors.
    name: &'a str,
    with_attachments: bool,
    assessments: ExportedAssessments,
    names: Names,
    written: Written,
    began: Instant,
    is_terminal: bool,
}

impl<'a> Writer<'a> {
    fn new(reader: Reader, lines: Lines, out: &'a mut dyn Write, name: &'a str, export: &Export) -> Self {
        Self {
            reader,
            lines,
            out,
            name,
            with_attachments: export.attachments,
            assessments: export.assessments(),
            names: Names::default(),
            written: Written::default(),
            began: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    async fn write_all(mut self) -> Result<Written, Failure> {
        let teams = self.reader.teams().await?;
        let teams = teams.unwrap_or_else(|why| self.all_left_out("teams", &why));
        for team in teams {
            let line = self.lines.team(&team);
            self.written.teams += u64::from(self.line(&team.name, line)?);
        }
        self.people().await?;
        self.conversations().await?;
        self.customers_by_name().await?;
        let mut token = String::new();
        loop {
            let page = match self.reader.opt_outs(token).await? {
                Ok(page) => page,
                Err(why) => {
                    self.leave_out("opt-outs, from here on", &why);
                    break;
                }
            };
            for opt_out in &page.opt_outs {
                let line = self.lines.opt_out(opt_out);
                self.written.opt_outs += u64::from(self.line("an opt-out", line)?);
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
            let page = match self.reader.people(AuthorKind::Unspecified, token).await? {
                Ok(page) => page,
                Err(why) => {
                    self.leave_out("people, from here on", &why);
                    return Ok(());
                }
            };
            // Customers known only within one conversation come after the conversations.
            for person in page.people.iter().filter(|person| person.conversation.is_empty()) {
                let line = self.lines.person(person);
                self.written.people += u64::from(self.line(&person.name, line)?);
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(());
            }
        }
    }

    /// The customers without an external id. They come after the conversations that they are known in.
    async fn customers_by_name(&mut self) -> Result<(), Failure> {
        let mut token = String::new();
        // The customers of one conversation are listed together.
        let mut last = (String::new(), None);
        loop {
            let page = match self.reader.people(AuthorKind::Contact, token).await? {
                Ok(page) => page,
                Err(why) => {
                    self.leave_out("customers known only within one conversation, from here on", &why);
                    return Ok(());
                }
            };
            for person in page.people.into_iter().filter(|person| !person.conversation.is_empty()) {
                if last.0 != person.conversation {
                    let known = self.names.of(&person.conversation);
                    let name = match known {
                        Some(name) => Some(name),
                        None => self.reader.external_name(&person.conversation).await?,
                    };
                    last = (person.conversation.clone(), name);
                }
                let Some(conversation) = last.1.clone() else { continue };
                let line = self.lines.person(&Person { conversation, ..person.clone() });
                self.written.people += u64::from(self.line(&person.name, line)?);
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(());
            }
        }
    }

    async fn conversations(&mut self) -> Result<(), Failure> {
        let mut responses = self.reader.conversations(self.assessments).await?;
        let mut open: Option<Whole> = None;
        while let Some(response) = responses.message().await.map_err(|status| server_error(&status))? {
            let name = response.conversation.as_ref().map_or("", |conversation| &conversation.name);
            if !response.failure.is_empty() {
                self.leave_out(name, &response.failure);
                open = None;
                continue;
            }
            for what in &response.missing {
                self.leave_out(
                    &format!("the {what} of {name}"),
                    "what is stored of them is damaged and cannot be read",
                );
            }
            let continued = response.continued;
            let mut whole = match open.take() {
                Some(whole) if response.continues => whole,
                _ => Whole { conversation: response.conversation.unwrap_or_default(), ..Whole::default() },
            };
            whole.messages.extend(response.messages);
            whole.ratings.extend(response.ratings);
            if !response.assessments.is_empty() {
                whole.assessments.push(response.assessments);
            }
            if continued {
                open = Some(whole);
                continue;
            }
            self.names.note(&whole);
            self.conversation(whole).await?;
            self.show();
        }
        match open {
            Some(_) => Err(Failure::Failed("the server ended in the middle of a conversation".to_owned())),
            None => Ok(()),
        }
    }

    async fn conversation(&mut self, whole: Whole) -> Result<(), Failure> {
        let name = whole.conversation.name.clone();
        for (place, (conversation, mut part)) in parts(whole).into_iter().enumerate() {
            if self.with_attachments {
                for file in self.reader.fetch_attachments(&mut part).await? {
                    self.leave_out(
                        &format!("the bytes of {file:?} of {name}"),
                        "the server cannot read them",
                    );
                }
            }
            let line = match self.lines.conversation(&conversation, place > 0, &part) {
                Ok(line) => line,
                Err(cause) => {
                    // Later parts could not be imported without this one.
                    self.leave_out(&if place > 0 { format!("the rest of {name}") } else { name }, &cause);
                    return Ok(());
                }
            };
            let files = part.messages.iter().flat_map(|message| &message.attachments);
            let without_bytes = files.filter(|file| file.source_url.is_none() && file.content.is_none());
            self.written.without_bytes += without_bytes.count() as u64;
            self.write(&name, &line)?;
        }
        self.written.conversations += 1;
        Ok(())
    }

    /// Writes the line of a record; returns whether it could be encoded.
    fn line(&mut self, what: &str, line: Result<Line, String>) -> Result<bool, Failure> {
        match line {
            Ok(line) => self.write(what, &line).map(|()| true),
            Err(cause) => {
                self.leave_out(what, &cause);
                Ok(false)
            }
        }
    }

    /// Writes the line of a record, and names what it does not say as it is stored.
    fn write(&mut self, what: &str, line: &Line) -> Result<(), Failure> {
        let written = self.out.write_all(&line.json).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|cause| unwritten(self.name, &cause))?;
        self.written.lines += 1;
        for ChangedTime { field, written } in &line.changed {
            self.written.changed += 1;
            let number = self.written.lines;
            say(format_args!(
                "plaudit: changed {field} of {what} in line {number}: an earlier version stored it out of range; written as {written}"
            ));
        }
        Ok(())
    }

    /// Reports that none of these can be read.
    fn all_left_out<T>(&mut self, what: &str, cause: &str) -> Vec<T> {
        self.leave_out(what, cause);
        Vec::new()
    }

    /// Reports a record that is left out.
    fn leave_out(&mut self, what: &str, cause: &str) {
        self.written.left_out += 1;
        say(format_args!("plaudit: left out {what}: {cause}"));
    }

    fn show(&self) {
        if self.is_terminal {
            let rate = self.written.conversations as f64 / self.began.elapsed().as_secs_f64().max(0.001);
            let count = self.written.conversations;
            let count = counted(count, "conversation", "conversations");
            let _ = write!(io::stderr(), "\r{count}, {rate:.0}/s\x1b[K\r");
        }
    }
}
