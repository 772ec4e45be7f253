use std::time::Duration;

use futures_util::stream;
use plaudit::proto::v1::{
    Assessment, Conversation, ConversationView, DeleteConversationRequest, DeleteMessageRequest,
    GetAssessmentRequest, GetConversationRequest, GetImportRequest, GetScorecardRequest, Import,
    ImportConversationRequest, ImportConversationResponse, ImportConversationsRequest,
    ImportConversationsResponse, ImportCounts, ListAssessmentsRequest, ListAssessmentsResponse,
    ListConversationsRequest, ListConversationsResponse, ListMessagesRequest, ListMessagesResponse,
    ListScorecardsRequest, ListScorecardsResponse, Message, Scorecard, ScoringState, StoreMessageRequest,
    StoreMessageResponse, UndeleteConversationRequest, UpdateConversationRequest, UpdateMessageRequest,
    WatchEventsRequest, WatchEventsResponse, assessment_service_client::AssessmentServiceClient,
    conversation_service_client::ConversationServiceClient, event_service_client::EventServiceClient,
    import_conversations_response::Answer, import_service_client::ImportServiceClient, imported_item,
    scorecard_service_client::ScorecardServiceClient,
};
use tokio::sync::mpsc;
use tonic::{Response, Status, Streaming, transport::Channel};

use super::soon;

/// The maximum size of any answer.
const MAX_ANSWER_BYTES: usize = 3 * 1024 * 1024;

/// A caller of the gRPC API, with the default limits of clients.
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
        let request = ListAssessmentsRequest { parent, page_size, page_token, filter: None };
        self.find_assessments(request).await
    }

    /// A page of the assessments that match a filter.
    pub async fn find_assessments(
        &self,
        request: ListAssessmentsRequest,
    ) -> Result<ListAssessmentsResponse, Status> {
        let mut assessments = AssessmentServiceClient::new(self.0.clone());
        assessments.list_assessments(request).await.map(|answer| bounded(answer.into_inner()))
    }

    pub async fn list_conversations(
        &self,
        request: ListConversationsRequest,
    ) -> Result<ListConversationsResponse, Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        soon("a page of conversations", conversations.list_conversations(request))
            .await
            .map(|answer| bounded(answer.into_inner()))
    }

    pub async fn update(&self, request: UpdateConversationRequest) -> Result<Conversation, Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        soon("an update", conversations.update_conversation(request)).await.map(Response::into_inner)
    }

    pub async fn delete(&self, name: &str) -> Result<Conversation, Status> {
        self.delete_by(DeleteConversationRequest { name: name.to_owned(), ..Default::default() }).await
    }

    pub async fn delete_by(&self, request: DeleteConversationRequest) -> Result<Conversation, Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        soon("a deletion", conversations.delete_conversation(request)).await.map(Response::into_inner)
    }

    pub async fn undelete(&self, name: &str) -> Result<Conversation, Status> {
        self.undelete_by(UndeleteConversationRequest { name: name.to_owned(), ..Default::default() }).await
    }

    pub async fn undelete_by(&self, request: UndeleteConversationRequest) -> Result<Conversation, Status> {
        let mut conversations = ConversationServiceClient::new(self.0.clone());
        soon("an undeletion", conversations.undelete_conversation(request)).await.map(Response::into_inner)
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

    /// Starts a bulk import whose items the test sends.
    pub async fn bulk(&self) -> BulkCall {
        // Larger than the number of undecided items allowed, so that the server is what holds the test back.
        let (items, mut sent) = mpsc::channel(BulkCall::AHEAD);
        let requests = stream::poll_fn(move |cx| sent.poll_recv(cx));
        let mut imports = ImportServiceClient::new(self.0.clone());
        let answers = soon("the answers' head", imports.import_conversations(requests)).await;
        BulkCall { items: Some(items), answers: answers.expect("a bulk import begins").into_inner() }
    }

    /// Imports all of these in one stream, numbered from 0; returns the results and the counts.
    pub async fn import_all(
        &self,
        imports: Vec<ImportConversationRequest>,
    ) -> (Vec<imported_item::Result>, ImportCounts) {
        let BulkCall { items, mut answers } = self.bulk().await;
        let items = items.expect("it has just begun");
        let count = imports.len();
        let send = async move {
            for (number, import) in imports.into_iter().enumerate() {
                items.send(bulk_item(number as i64, import)).await.expect("the server reads on");
            }
        };
        let read = async {
            let mut results = Vec::new();
            loop {
                let answer =
                    soon("an answer", answers.message()).await.expect("no error").expect("the counts");
                match answer.answer.expect("an answer") {
                    Answer::Item(item) => {
                        assert_eq!(item.item_number as usize, results.len(), "the answers are in order");
                        results.push(item.result.expect("a result"));
                    }
                    Answer::Counts(counts) => return (results, counts),
                }
            }
        };
        let ((), (results, counts)) = tokio::join!(send, read);
        assert_eq!(results.len(), count);
        assert!(answers.message().await.expect("no error").is_none(), "the counts are the last message");
        (results, counts)
    }

    pub async fn watch(&self, request: WatchEventsRequest) -> Result<Streaming<WatchEventsResponse>, Status> {
        let mut events = EventServiceClient::new(self.0.clone());
        soon("the head of the events", events.watch_events(request)).await.map(Response::into_inner)
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

    /// Waits until no scoring of a conversation is pending.
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

/// A bulk import whose items the test sends.
pub struct BulkCall {
    /// Dropped when the caller's side has ended.
    pub items: Option<mpsc::Sender<ImportConversationsRequest>>,
    pub answers: Streaming<ImportConversationsResponse>,
}

impl BulkCall {
    /// How many items may be queued in the test.
    pub const AHEAD: usize = 16;

    pub async fn send(&self, number: i64, import: ImportConversationRequest) {
        let items = self.items.as_ref().expect("the caller's side is open");
        soon("room for an item", items.send(bulk_item(number, import))).await.expect("the call goes on");
    }

    /// The number and result of the next decided item.
    pub async fn next_item(&mut self) -> (i64, imported_item::Result) {
        let answer = soon("an answer", self.answers.message()).await.expect("no error").expect("an answer");
        match answer.answer {
            Some(Answer::Item(item)) => (item.item_number, item.result.expect("a result")),
            other => panic!("{other:?} instead of an item"),
        }
    }

    /// The counts, once all items are answered, and the error that the stream ends with.
    pub async fn end(mut self) -> (ImportCounts, Option<Status>) {
        self.items = None;
        let answer = soon("the counts", self.answers.message()).await.expect("no error").expect("the counts");
        let Some(Answer::Counts(counts)) = answer.answer else { panic!("{answer:?} instead of the counts") };
        match soon("the end", self.answers.message()).await {
            Ok(None) => (counts, None),
            Ok(Some(more)) => panic!("{more:?} after the counts"),
            Err(status) => (counts, Some(status)),
        }
    }
}

pub fn bulk_item(item_number: i64, import: ImportConversationRequest) -> ImportConversationsRequest {
    ImportConversationsRequest { item_number, import: Some(import) }
}

pub(super) fn bounded<T: prost::Message>(answer: T) -> T {
    let bytes = answer.encoded_len();
    assert!(bytes < MAX_ANSWER_BYTES, "an answer has {bytes} bytes");
    answer
}

/// Follows the tokens from the first page to the last; no page but the last may be empty, and none larger than
/// requested.
pub(super) async fn every_page<T>(page_size: i32, page: impl AsyncFn(String) -> (Vec<T>, String)) -> Vec<T> {
    let most = if page_size == 0 { 50 } else { page_size.min(1000) as usize };
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let (items, next) = page(token).await;
        assert!(items.len() <= most, "a page of {} items, at most {most} were requested", items.len());
        assert!(!items.is_empty() || next.is_empty(), "an empty page that is not the last");
        all.extend(items);
        if next.is_empty() {
            return all;
        }
        token = next;
    }
}
