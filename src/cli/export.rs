//! `plaudit export`: every conversation of a running server as JSON Lines.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tonic::{Code, Status, Streaming, transport::Channel};

use super::{
    Failure,
    connect::{endpoint, root_cause},
    record::Records,
};
use crate::{
    proto::v1::{
        Assessment, GetConversationRequest, ListAssessmentsRequest, ListMessagesRequest, Message,
        WatchEventsRequest, WatchEventsResponse, assessment_service_client::AssessmentServiceClient,
        conversation_service_client::ConversationServiceClient, event_service_client::EventServiceClient,
    },
    server::code_name,
};

/// How many conversations are read at a time.
const AT_A_TIME: usize = 8;
const PAGE_SIZE: i32 = 1000;

const AFTER_HELP: &str = "\
Each line is a conversation with its messages and assessments, in protobuf's JSON form (docs/export.md); one with many messages takes
several lines. plaudit import reads them back: the conversations and their messages, which are scored again. Conversations
come in the order in which they were stored, each as it is when it is read; changes meanwhile may be in it or not.

Exit codes: 0 done, 1 failed, 2 wrong usage.

Examples:
  plaudit export everything.jsonl
  plaudit export - | zstd > everything.jsonl.zst
  plaudit export - | plaudit import - --server 127.0.0.1:9000";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Export {
    /// The new file; - is standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The server's address.
    #[arg(long, value_name = "URL", env = "PLAUDIT_SERVER", default_value = "http://127.0.0.1:50051")]
    server: String,
}

/// What was written.
#[derive(Default)]
struct Written {
    conversations: u64,
    lines: u64,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        let written = runtime.block_on(self.export())?;
        eprintln!("exported {} conversations in {} lines", written.conversations, written.lines);
        Ok(())
    }

    async fn export(self) -> Result<Written, Failure> {
        let endpoint = endpoint(&self.server)?;
        let channel = endpoint.connect().await.map_err(|error| {
            Failure::Failed(format!("cannot connect to {}: {}", self.server, root_cause(&error)))
        })?;
        let reader = Reader { channel, records: Records::load().map_err(Failure::failed)? };
        if self.file == Path::new("-") {
            return reader.write_all(&mut BufWriter::new(io::stdout())).await;
        }
        let about = |cause: io::Error| Failure::Failed(format!("{}: {cause}", self.file.display()));
        let mut out = BufWriter::new(File::create_new(&self.file).map_err(about)?);
        let written = reader.write_all(&mut out).await;
        let synced =
            out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        if written.is_err() || synced.is_err() {
            // Half an export looks like a whole one.
            let _ = std::fs::remove_file(&self.file);
        }
        synced.map_err(about)?;
        written
    }
}

/// Reads what a server holds.
struct Reader {
    channel: Channel,
    records: Records,
}

impl Reader {
    async fn write_all(&self, out: &mut dyn Write) -> Result<Written, Failure> {
        let names = self.conversations().await.map_err(|status| told(&status))?;
        let mut read = std::pin::pin!(names.map(|name| self.lines_of(name)).buffered(AT_A_TIME));
        let progress = io::stderr().is_terminal();
        let mut written = Written::default();
        while let Some(lines) = read.try_next().await? {
            written.conversations += u64::from(!lines.is_empty());
            for line in lines {
                out.write_all(&line).and_then(|()| out.write_all(b"\n")).map_err(Failure::failed)?;
                written.lines += 1;
            }
            if progress {
                let _ = write!(io::stderr(), "\r{} conversations\r", written.conversations);
            }
        }
        out.flush().map_err(Failure::failed)?;
        Ok(written)
    }

    /// The names of all conversations of which anything is known: each has left its mark in the log.
    async fn conversations(&self) -> Result<impl Stream<Item = Result<String, Failure>>, Status> {
        let events = EventServiceClient::new(self.channel.clone())
            .watch_events(WatchEventsRequest::default())
            .await?
            .into_inner();
        Ok(stream::unfold((events, HashSet::new()), async |(mut events, mut seen)| {
            let name = next_new(&mut events, &mut seen).await.transpose()?;
            Some((name, (events, seen)))
        }))
    }

    /// The lines of a conversation; none when it is not there any more.
    async fn lines_of(&self, name: Result<String, Failure>) -> Result<Vec<Vec<u8>>, Failure> {
        let name = name?;
        match self.read(&name).await {
            Ok(lines) => lines.map_err(|cause| Failure::Failed(format!("{name}: {cause}"))),
            Err(status) if status.code() == Code::NotFound => Ok(Vec::new()),
            Err(status) => Err(told(&status)),
        }
    }

    async fn read(&self, name: &str) -> Result<Result<Vec<Vec<u8>>, String>, Status> {
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        let conversation = ConversationServiceClient::new(self.channel.clone())
            .get_conversation(request)
            .await?
            .into_inner();
        let messages = self.messages(name).await?;
        let assessments = self.assessments(name).await?;
        let parts = messages.len().max(assessments.len()).max(1);
        let lines = (0..parts).map(|part| {
            let messages = messages.get(part).map_or(&[][..], Vec::as_slice);
            let assessments = assessments.get(part).map_or(&[][..], Vec::as_slice);
            self.records.line(&conversation, part > 0, messages, assessments)
        });
        Ok(lines.collect())
    }

    /// The messages in pages that fit into a line.
    async fn messages(&self, parent: &str) -> Result<Vec<Vec<Message>>, Status> {
        let mut pages = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListMessagesRequest { parent: parent.to_owned(), page_size: PAGE_SIZE, page_token };
            let mut client = ConversationServiceClient::new(self.channel.clone());
            let page = client.list_messages(request).await?.into_inner();
            pages.push(page.messages);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(pages);
            }
        }
    }

    async fn assessments(&self, parent: &str) -> Result<Vec<Vec<Assessment>>, Status> {
        let mut pages = Vec::new();
        let mut page_token = String::new();
        loop {
            let parent = parent.to_owned();
            let request = ListAssessmentsRequest { parent, page_size: PAGE_SIZE, page_token, filter: None };
            let mut client = AssessmentServiceClient::new(self.channel.clone());
            let page = client.list_assessments(request).await?.into_inner();
            pages.push(page.assessments);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(pages);
            }
        }
    }
}

/// The next conversation that was not met before; `None` when the log is read to its end.
async fn next_new(
    events: &mut Streaming<WatchEventsResponse>,
    seen: &mut HashSet<u64>,
) -> Result<Option<String>, Failure> {
    loop {
        let told = events.message().await.map_err(|status| told(&status))?;
        // Without an event the watcher has caught up, as far as it matters here.
        let Some(event) = told.and_then(|told| told.event) else { return Ok(None) };
        let number = event.conversation.rsplit('/').next().and_then(|number| number.parse().ok());
        if number.is_none_or(|number| seen.insert(number)) {
            return Ok(Some(event.conversation));
        }
    }
}

fn told(status: &Status) -> Failure {
    Failure::Failed(format!("the server says {}: {}", code_name(status.code()), status.message()))
}
