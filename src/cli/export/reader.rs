//! Reads everything that a server holds, through its API.

use http_body_util::BodyExt as _;
use tonic::{Code, Response, Status, Streaming, transport::Channel};
use tower::{Service as _, ServiceExt as _};

use crate::{
    cli::{
        Failure,
        connect::{is_foreign, is_lost, status_line},
    },
    proto::v1::{
        AuthorKind, ExportConversationsRequest, ExportConversationsResponse, ExportedAssessments,
        GetConversationRequest, ListMessagesRequest, ListOptOutsRequest, ListOptOutsResponse,
        ListPeopleRequest, ListPeopleResponse, ListRatingsRequest, ListTeamsRequest, Message, Rating, Team,
        conversation_service_client::ConversationServiceClient,
        directory_service_client::DirectoryServiceClient, export_service_client::ExportServiceClient,
        rating_service_client::RatingServiceClient,
    },
    wire::export::{Part, Whole},
};

use super::names::external_name;

const PAGE_SIZE: i32 = 1000;

#[derive(Clone)]
pub(in crate::cli) struct Reader {
    channel: Channel,
}

/// Reads all pages of a list. `page` reads the page of a token and returns its items with the next token.
async fn all_pages<T>(
    page: impl AsyncFn(String) -> Result<(Vec<T>, String), Status>,
) -> Result<Vec<T>, Status> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let (items, next) = page(page_token).await?;
        all.extend(items);
        if next.is_empty() {
            return Ok(all);
        }
        page_token = next;
    }
}

impl Reader {
    pub(in crate::cli) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    pub(super) async fn teams(&self) -> Result<UnlessDamaged<Vec<Team>>, Failure> {
        let teams = all_pages(async |page_token| {
            let request = ListTeamsRequest { page_size: PAGE_SIZE, page_token };
            let mut client = DirectoryServiceClient::new(self.channel.clone());
            let page = client.list_teams(request).await?.into_inner();
            Ok((page.teams, page.next_page_token))
        });
        unless_damaged(teams.await)
    }

    pub(super) async fn people(
        &self,
        kind: AuthorKind,
        page_token: String,
    ) -> Result<UnlessDamaged<ListPeopleResponse>, Failure> {
        let kind = kind.into();
        let request = ListPeopleRequest { kind, page_size: PAGE_SIZE, page_token, ..Default::default() };
        let people = DirectoryServiceClient::new(self.channel.clone()).list_people(request).await;
        unless_damaged(people.map(Response::into_inner))
    }

    pub(super) async fn opt_outs(
        &self,
        page_token: String,
    ) -> Result<UnlessDamaged<ListOptOutsResponse>, Failure> {
        let request = ListOptOutsRequest { page_size: PAGE_SIZE, page_token };
        let opt_outs = RatingServiceClient::new(self.channel.clone()).list_opt_outs(request).await;
        unless_damaged(opt_outs.map(Response::into_inner))
    }

    /// All conversations in the order in which they were stored, in one call.
    pub(super) async fn conversations(
        &self,
        assessments: ExportedAssessments,
    ) -> Result<Streaming<ExportConversationsResponse>, Failure> {
        let request = ExportConversationsRequest { after: String::new(), assessments: assessments.into() };
        match ExportServiceClient::new(self.channel.clone()).export_conversations(request).await {
            Ok(responses) => Ok(responses.into_inner()),
            Err(status) if status.code() == Code::Unimplemented && !is_foreign(&status) => Err(Failure::Failed(
                "the server is of an earlier version, which has no such export; use the plaudit of that version".to_owned(),
            )),
            Err(status) => Err(server_error(&status)),
        }
    }

    /// A conversation's name by its external id, which is the same on every server; `None` if it no longer exists.
    pub(super) async fn external_name(&self, name: &str) -> Result<Option<String>, Failure> {
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        match ConversationServiceClient::new(self.channel.clone()).get_conversation(request).await {
            Ok(found) => Ok(Some(external_name(found.get_ref()))),
            // Whoever is known in it only cannot be placed without it.
            Err(status) if [Code::NotFound, Code::DataLoss].contains(&status.code()) => Ok(None),
            Err(status) => Err(server_error(&status)),
        }
    }

    /// A conversation with its messages and ratings, without assessments.
    pub(in crate::cli) async fn transcript(&self, name: &str) -> Result<Whole, Failure> {
        let failed = |status: Status| match is_lost(&status) || is_foreign(&status) {
            true => server_error(&status),
            false => Failure::Failed(format!("{name}: {}", status.message())),
        };
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        let found = ConversationServiceClient::new(self.channel.clone()).get_conversation(request).await;
        let conversation = found.map_err(failed)?.into_inner();
        let messages = self.messages(&conversation.name).await.map_err(failed)?;
        let ratings = self.ratings(&conversation.name).await.map_err(failed)?;
        Ok(Whole { conversation, messages, ratings, assessments: Vec::new() })
    }

    async fn messages(&self, parent: &str) -> Result<Vec<Message>, Status> {
        all_pages(async |page_token| {
            let request = ListMessagesRequest { parent: parent.to_owned(), page_size: PAGE_SIZE, page_token };
            let mut client = ConversationServiceClient::new(self.channel.clone());
            let page = client.list_messages(request).await?.into_inner();
            Ok((page.messages, page.next_page_token))
        })
        .await
    }

    async fn ratings(&self, parent: &str) -> Result<Vec<Rating>, Status> {
        all_pages(async |page_token| {
            let parent = parent.to_owned();
            let request = ListRatingsRequest { parent, page_size: PAGE_SIZE, page_token, filter: None };
            let mut client = RatingServiceClient::new(self.channel.clone());
            let page = client.list_ratings(request).await?.into_inner();
            Ok((page.ratings, page.next_page_token))
        })
        .await
    }

    /// Downloads the bytes of the attachments that the server holds into the messages.
    /// Answers the names of those that cannot be read.
    pub(super) async fn fetch_attachments(&self, part: &mut Part) -> Result<Vec<String>, Failure> {
        let mut unread = Vec::new();
        for file in part.messages.iter_mut().flat_map(|message| &mut message.attachments) {
            if let Some(path) = &file.download_path {
                match self.download(path).await? {
                    Some(content) => file.content = content,
                    None => unread.push(file.file_name.clone()),
                }
            }
        }
        Ok(unread)
    }

    /// Downloads a path of the server, over the same connection as its API; no content if it no longer exists, and
    /// `None` if the server cannot read it.
    async fn download(&self, path: &str) -> Result<Option<Option<Vec<u8>>>, Failure> {
        let failed = |cause: String| Failure::Failed(format!("cannot download an attachment: {cause}"));
        let lost = || Failure::Failed("the connection to the server was lost".to_owned());
        let request = http::Request::get(path).body(tonic::body::Body::empty());
        let request = request.map_err(|cause| failed(cause.to_string()))?;
        let mut channel = self.channel.clone();
        let ready = channel.ready().await.map_err(|_| lost())?;
        let answer = ready.call(request).await.map_err(|_| lost())?;
        match answer.status() {
            http::StatusCode::OK => {
                let body = answer.into_body().collect().await.map_err(|_| lost())?;
                Ok(Some(Some(body.to_bytes().into())))
            }
            // Its message was deleted meanwhile.
            http::StatusCode::NOT_FOUND => Ok(Some(None)),
            http::StatusCode::INTERNAL_SERVER_ERROR => Ok(None),
            other => Err(failed(format!("the server answered {other}"))),
        }
    }
}

/// What was read, or why it cannot be.
pub(super) type UnlessDamaged<T> = Result<T, String>;

fn unless_damaged<T>(read: Result<T, Status>) -> Result<UnlessDamaged<T>, Failure> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(status) if status.code() == Code::DataLoss => Ok(Err(status.message().to_owned())),
        Err(status) => Err(server_error(&status)),
    }
}

/// What went wrong, for whoever called the command.
pub(super) fn server_error(status: &Status) -> Failure {
    Failure::Failed(status_line(status))
}
