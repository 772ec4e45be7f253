use std::time::Duration;

use plaudit::proto::v1::{
    Assessment, Conversation, ConversationView, DeleteMessageRequest, GetAssessmentRequest,
    GetConversationRequest, GetImportRequest, GetScorecardRequest, Import, ImportConversationRequest,
    ImportConversationResponse, ListAssessmentsRequest, ListAssessmentsResponse, ListMessagesRequest,
    ListMessagesResponse, ListScorecardsRequest, ListScorecardsResponse, Message, Scorecard, ScoringState,
    StoreMessageRequest, StoreMessageResponse, UpdateMessageRequest,
    assessment_service_client::AssessmentServiceClient,
    conversation_service_client::ConversationServiceClient, import_service_client::ImportServiceClient,
    scorecard_service_client::ScorecardServiceClient,
};
use tonic::{Response, Status, transport::Channel};

use super::soon;

/// No answer is larger.
const MAX_ANSWER_BYTES: usize = 3 * 1024 * 1024;

/// A caller of the gRPC API, with the limits that clients have when nobody sets them.
#[derive(Clone)]
pub struct Client(Channel);

impl Client {
    pub fn new(channel: Channel) -> Self {
        Self(channel)
    }

    pub(super) fn channel(&self) -> Channel {
        self.0.clone()
    }

    pub async fn import(
        &self,
        request: ImportConversationRequest,
    ) -> Result<ImportConversationResponse, Status> {
        let mut imports = ImportServiceClient::new(self.0.clone());
        soon("an import", imports.import_conversation(request)).await.map(Response::into_inner)
    }

    pub async fn get_import(&self, name: &str) -> Result<Import, Status> {
        let mut imports = ImportServiceClient::new(self.0.clone());
        imports.get_import(GetImportRequest { name: name.to_owned() }).await.map(Response::into_inner)
    }

    /// A conversation without its messages.
    pub async fn conversation(&self, name: &str) -> Result<Conversation, Status> {
        self.view(name, ConversationView::Basic as i32).await
    }

    pub async fn view(&self, name: &str, view: i32) -> Result<Conversation, Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        let request = GetConversationRequest { name: name.to_owned(), view };
        conversations.get_conversation(request).await.map(|answer| bounded(answer.into_inner()))
    }

    pub async fn list_messages(
        &self,
        parent: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListMessagesResponse, Status> {
        let (parent, page_token) = (parent.to_owned(), page_token.to_owned());
        let request = ListMessagesRequest { parent, page_size, page_token };
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        soon("a page of messages", conversations.list_messages(request))
            .await
            .map(|answer| bounded(answer.into_inner()))
    }

    pub async fn store(&self, request: StoreMessageRequest) -> Result<StoreMessageResponse, Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        let stored = conversations.store_message(request);
        soon("a stored message", stored).await.map(|answer| bounded(answer.into_inner()))
    }

    pub async fn update_message(&self, request: UpdateMessageRequest) -> Result<Message, Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        soon("a changed message", conversations.update_message(request)).await.map(Response::into_inner)
    }

    pub async fn delete_message(&self, request: DeleteMessageRequest) -> Result<(), Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        soon("a deletion", conversations.delete_message(request)).await.map(Response::into_inner)
    }

    pub async fn get_assessment(&self, name: &str) -> Result<Assessment, Status> {
        let mut assessments = AssessmentServiceClient::new(self.0.clone());
        let request = GetAssessmentRequest { name: name.to_owned() };
        assessments.get_assessment(request).await.map(Response::into_inner)
    }

    pub async fn list_assessments(
        &self,
        parent: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListAssessmentsResponse, Status> {
        let (parent, page_token) = (parent.to_owned(), page_token.to_owned());
        let request = ListAssessmentsRequest { parent, page_size, page_token };
        let mut assessments = AssessmentServiceClient::new(self.0.clone());
        assessments.list_assessments(request).await.map(|answer| bounded(answer.into_inner()))
    }

    pub async fn get_scorecard(&self, name: &str) -> Result<Scorecard, Status> {
        let mut scorecards = ScorecardServiceClient::new(self.0.clone());
        let request = GetScorecardRequest { name: name.to_owned() };
        scorecards.get_scorecard(request).await.map(Response::into_inner)
    }

    pub async fn list_scorecards(
        &self,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListScorecardsResponse, Status> {
        let request = ListScorecardsRequest { page_size, page_token: page_token.to_owned() };
        let mut scorecards = ScorecardServiceClient::new(self.0.clone());
        scorecards.list_scorecards(request).await.map(|answer| bounded(answer.into_inner()))
    }

    /// All messages, page by page.
    pub async fn messages(&self, parent: &str, page_size: i32) -> Vec<Message> {
        let page = async |token: String| {
            let page = self.list_messages(parent, page_size, &token).await.expect("a page");
            (page.messages, page.next_page_token)
        };
        every_page(page_size, page).await
    }

    /// All assessments, page by page.
    pub async fn assessments(&self, parent: &str, page_size: i32) -> Vec<Assessment> {
        let page = async |token: String| {
            let page = self.list_assessments(parent, page_size, &token).await.expect("a page");
            (page.assessments, page.next_page_token)
        };
        every_page(page_size, page).await
    }

    /// All scorecards, page by page.
    pub async fn scorecards(&self, page_size: i32) -> Vec<Scorecard> {
        let page = async |token: String| {
            let page = self.list_scorecards(page_size, &token).await.expect("a page");
            (page.scorecards, page.next_page_token)
        };
        every_page(page_size, page).await
    }

    /// Waits until nothing of a conversation's scoring is pending.
    pub async fn settled(&self, name: &str) -> Conversation {
        soon("the end of the scoring", async {
            loop {
                let found = self.conversation(name).await.expect("the conversation");
                let state = found.scoring.as_ref().expect("where its scoring stands").state();
                if state != ScoringState::Pending {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Waits until a conversation is scored.
    pub async fn scored(&self, name: &str) -> Conversation {
        let settled = self.settled(name).await;
        assert_eq!(settled.scoring.as_ref().unwrap().state(), ScoringState::Done, "{settled:?}");
        settled
    }
}

pub(super) fn bounded<T: prost::Message>(answer: T) -> T {
    let bytes = answer.encoded_len();
    assert!(bytes < MAX_ANSWER_BYTES, "an answer has {bytes} bytes");
    answer
}

/// Follows the tokens from the first page to the last; no page but the last may be empty or larger than asked for.
pub(super) async fn every_page<T>(page_size: i32, page: impl AsyncFn(String) -> (Vec<T>, String)) -> Vec<T> {
    let most = if page_size == 0 { 50 } else { page_size.min(1000) as usize };
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let (items, next) = page(token).await;
        assert!(items.len() <= most, "a page of {} items, at most {most} were asked for", items.len());
        assert!(!items.is_empty() || next.is_empty(), "an empty page that is not the last");
        all.extend(items);
        if next.is_empty() {
            return all;
        }
        token = next;
    }
}
