//! Reads everything that a server holds, through its API.

use http_body_util::BodyExt as _;
use tonic::{Code, Status, Streaming, transport::Channel};
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

    pub(super) async fn teams(&self) -> Result<Vec<Team>, Failure> {
        let teams = all_pages(async |page_token| {
            let request = ListTeamsRequest { page_size: PAGE_SIZE, page_token };
            let mut client = DirectoryServiceClient::new(self.channel.clone());
            let page = client.list_teams(request).await?.into_inner();
            Ok((page.teams, page.next_page_token))
        });
        teams.await.map_err(|status| server_error(&status))
    }

    pub(super) async fn people(
        &self,
        kind: AuthorKind,
        page_token: String,
    ) -> Result<ListPeopleResponse, Failure> {
        let kind = kind.into();
        let request = ListPeopleRequest { kind, page_size: PAGE_SIZE, page_token, ..Default::default() };
        let people = DirectoryServiceClient::new(self.channel.clone()).list_people(request).await;
        Ok(people.map_err(|status| server_error(&status))?.into_inner())
    }

    pub(super) async fn opt_outs(&self, page_token: String) -> Result<ListOptOutsResponse, Failure> {
        let request = ListOptOutsRequest { page_size: PAGE_SIZE, page_token };
        let opt_outs = RatingServiceClient::new(self.channel.clone()).list_opt_outs(request).await;
        Ok(opt_outs.map_err(|status| server_error(&status))?.into_inner())
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
            Err(status) if status.code() == Code::NotFound => Ok(None),
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
    pub(super) async fn fetch_attachments(&self, part: &mut Part) -> Result<(), Failure> {
        for file in part.messages.iter_mut().flat_map(|message| &mut message.attachments) {
            if let Some(path) = &file.download_path {
                file.content = self.download(path).await?;
            }
        }
        Ok(())
    }

    /// Downloads a path of the server, over the same connection as its API; `None` if it no longer exists.
    async fn download(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
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
                Ok(Some(body.to_bytes().into()))
            }
            // Its message was deleted meanwhile.
            http::StatusCode::NOT_FOUND => Ok(None),
            other => Err(failed(format!("the server answered {other}"))),
        }
    }
}

/// What went wrong, for whoever called the command.
pub(super) fn server_error(status: &Status) -> Failure {
    Failure::Failed(status_line(status))
}
