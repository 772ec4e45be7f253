//! Reads everything that a server holds, through its API.

use http_body_util::BodyExt as _;
use tonic::{Code, Status, transport::Channel};
use tower::{Service as _, ServiceExt as _};

use crate::{
    cli::Failure,
    domain::{ConversationRef, ExternalId, SourceName},
    proto::v1::{
        Assessment, AuthorKind, Conversation, GetConversationRequest, ListAssessmentsRequest,
        ListConversationsRequest, ListMessagesRequest, ListOptOutsRequest, ListOptOutsResponse,
        ListPeopleRequest, ListPeopleResponse, ListRatingsRequest, ListTeamsRequest, Message, Rating, Team,
        assessment_service_client::AssessmentServiceClient,
        conversation_service_client::ConversationServiceClient,
        directory_service_client::DirectoryServiceClient, rating_service_client::RatingServiceClient,
    },
    server::code_name,
    wire::export::{Part, Whole},
};

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

/// The result of reading a conversation.
pub(super) enum Found {
    Whole(Box<Whole>),
    /// Deleted since it was listed.
    Gone,
    Unreadable {
        name: String,
        cause: String,
    },
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

    /// The numbers of all conversations, oldest first. The API lists the newest first, so all of them are held in memory: eight
    /// bytes each.
    pub(super) async fn conversations(&self) -> Result<Vec<u64>, Failure> {
        let mut numbers = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListConversationsRequest { page_size: PAGE_SIZE, page_token, ..Default::default() };
            let mut client = ConversationServiceClient::new(self.channel.clone());
            let page = client
                .list_conversations(request)
                .await
                .map_err(|status| server_error(&status))?
                .into_inner();
            for conversation in page.conversations {
                numbers.push(number_of(&conversation.name)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                numbers.reverse();
                return Ok(numbers);
            }
        }
    }

    pub(super) async fn read(&self, number: u64) -> Result<Found, Failure> {
        let name = format!("conversations/{number}");
        match self.whole(&name).await {
            Ok(whole) => Ok(Found::Whole(Box::new(whole))),
            Err(status) => match status.code() {
                Code::NotFound => Ok(Found::Gone),
                // This conversation is damaged; others may not be.
                Code::Internal | Code::DataLoss => {
                    Ok(Found::Unreadable { name, cause: status.message().to_owned() })
                }
                _ => Err(server_error(&status)),
            },
        }
    }

    /// A conversation's name by its external id, which is the same on every server; `None` if it no longer exists.
    pub(super) async fn external_name(&self, name: &str) -> Result<Option<String>, Failure> {
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        match ConversationServiceClient::new(self.channel.clone()).get_conversation(request).await {
            Ok(found) => {
                let Conversation { source, external_id, .. } = found.into_inner();
                let (source, external_id) = (SourceName::mended(source), ExternalId::mended(external_id));
                Ok(Some(format!("conversations/{}", ConversationRef::External { source, external_id })))
            }
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(server_error(&status)),
        }
    }

    /// A conversation with its messages and ratings, without assessments.
    pub(in crate::cli) async fn transcript(&self, name: &str) -> Result<Whole, Failure> {
        let failed = |status: Status| Failure::Failed(format!("{name}: {}", status.message()));
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        let found = ConversationServiceClient::new(self.channel.clone()).get_conversation(request).await;
        let conversation = found.map_err(failed)?.into_inner();
        let messages = self.messages(&conversation.name).await.map_err(failed)?;
        let ratings = self.ratings(&conversation.name).await.map_err(failed)?;
        Ok(Whole { conversation, messages, ratings, assessments: Vec::new() })
    }

    async fn whole(&self, name: &str) -> Result<Whole, Status> {
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        let conversation = ConversationServiceClient::new(self.channel.clone())
            .get_conversation(request)
            .await?
            .into_inner();
        let messages = self.messages(name).await?;
        let ratings = self.ratings(name).await?;
        let assessments = self.assessments(name).await?;
        Ok(Whole { conversation, messages, ratings, assessments })
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

    async fn assessments(&self, parent: &str) -> Result<Vec<Vec<Assessment>>, Status> {
        all_pages(async |page_token| {
            let parent = parent.to_owned();
            let request = ListAssessmentsRequest { parent, page_size: PAGE_SIZE, page_token, filter: None };
            let mut client = AssessmentServiceClient::new(self.channel.clone());
            let page = client.list_assessments(request).await?.into_inner();
            Ok((vec![page.assessments], page.next_page_token))
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
        let request = http::Request::get(path).body(tonic::body::Body::empty());
        let request = request.map_err(|cause| failed(cause.to_string()))?;
        let mut channel = self.channel.clone();
        let ready = channel.ready().await.map_err(|cause| failed(cause.to_string()))?;
        let answer = ready.call(request).await.map_err(|cause| failed(cause.to_string()))?;
        match answer.status() {
            http::StatusCode::OK => {
                let body = answer.into_body().collect().await.map_err(|cause| failed(cause.to_string()))?;
                Ok(Some(body.to_bytes().into()))
            }
            // Its message was deleted meanwhile.
            http::StatusCode::NOT_FOUND => Ok(None),
            other => Err(failed(format!("the server answered {other}"))),
        }
    }
}

fn number_of(name: &str) -> Result<u64, Failure> {
    let number = name.strip_prefix("conversations/").and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        Failure::Failed(format!("the server listed a conversation with the malformed name {name:?}"))
    })
}

fn server_error(status: &Status) -> Failure {
    Failure::Failed(format!("the server answered {}: {}", code_name(status.code()), status.message()))
}
