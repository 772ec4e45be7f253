//! `ExportService` on the wire.

use std::collections::VecDeque;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use prost::Message as _;
use tonic::{Code, Request, Response, Status};

use crate::{
    domain::{AssessmentFilter, ConversationId, MessageId, RatingFilter, RatingId, Violations},
    error::Error,
    proto::v1::{self, ExportConversationsResponse, ExportedAssessments},
    service::{
        OwnedCall,
        assessment::{self, AssessmentsOf},
        conversation,
        export::{self, Exported, Numbered},
        page::Cursor,
        rating,
    },
    wire::{assessment::to_wire, enums, names},
};

use super::{
    edge::{Edge, conversation_to_wire},
    pages::MAX_ANSWER_BYTES,
    services::export_service_server::ExportService,
};

/// How many messages, ratings or assessments are read at once.
const PAGE: usize = 500;

#[tonic::async_trait]
impl ExportService for Edge {
    type ExportConversationsStream = BoxStream<'static, Result<ExportConversationsResponse, Status>>;

    async fn export_conversations(
        &self,
        request: Request<v1::ExportConversationsRequest>,
    ) -> Result<Response<Self::ExportConversationsStream>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let first = match request.after.as_str() {
            "" => Some(ConversationId(0)),
            name => violations
                .take(names::parse_conversation_number("after", name))
                .map(|after| ConversationId(after.0.saturating_add(1))),
        };
        let assessments = ExportedAssessments::try_from(request.assessments).unwrap_or_else(|_| {
            let known = enums::values().map(|known: ExportedAssessments| known.as_str_name());
            violations.add("assessments", enums::not_among(known, request.assessments));
            ExportedAssessments::Unspecified
        });
        let first = violations.or(first).map_err(Error::from)?;
        let call = self.owned_call();
        let end = export::end(call.call()).await?;
        let export = Export {
            edge: self.clone(),
            call,
            assessments,
            next: first,
            end,
            found: VecDeque::new(),
            open: None,
        };
        Ok(Response::new(stream::unfold(Some(export), next).boxed()))
    }
}

/// The next response of the stream, which ends after an error.
async fn next(
    export: Option<Export>,
) -> Option<(Result<ExportConversationsResponse, Status>, Option<Export>)> {
    let mut export = export?;
    match export.response().await {
        Ok(Some(response)) => Some((Ok(response), Some(export))),
        Ok(None) => None,
        Err(error) => Some((Err(error), None)),
    }
}

/// An export on its way. It holds the heads of a few conversations and a page of one.
struct Export {
    edge: Edge,
    call: OwnedCall,
    assessments: ExportedAssessments,
    /// Where to read on; `None` once all heads are read.
    next: Option<ConversationId>,
    end: ConversationId,
    found: VecDeque<Numbered>,
    open: Option<Open>,
}

/// A conversation of which not everything is sent.
struct Open {
    id: ConversationId,
    /// Until it is sent.
    head: Option<v1::Conversation>,
    messages: Part<v1::Message, MessageId>,
    ratings: Part<v1::Rating, RatingId>,
    assessments: Part<v1::Assessment, Option<Cursor>>,
}

/// Some of what belongs to a conversation: what is read, and where the next page begins, if there is one.
struct Part<T, P> {
    read: VecDeque<T>,
    next: Option<P>,
}

impl<T: prost::Message, P> Part<T, P> {
    fn of(read: impl IntoIterator<Item = T>, next: Option<P>) -> Self {
        Self { read: read.into_iter().collect(), next }
    }

    /// Moves what fits to a response; answers whether all that is read did.
    fn fill(&mut self, to: &mut Vec<T>, room: &mut Room) -> bool {
        while let Some(item) = self.read.front() {
            if !room.takes(item.encoded_len() + 8) {
                return false;
            }
            to.extend(self.read.pop_front());
        }
        true
    }

    fn is_done(&self) -> bool {
        self.read.is_empty() && self.next.is_none()
    }
}

/// How much a response may still hold. One thing always fits into a response without a head: none is larger than an import takes.
struct Room {
    bytes: usize,
    is_empty: bool,
}

impl Room {
    fn takes(&mut self, bytes: usize) -> bool {
        let takes = self.is_empty || bytes <= self.bytes;
        if takes {
            self.bytes = self.bytes.saturating_sub(bytes);
            self.is_empty = false;
        }
        takes
    }
}

impl Export {
    async fn response(&mut self) -> Result<Option<ExportConversationsResponse>, Status> {
        loop {
            let Some(mut open) = self.open.take() else {
                match self.next_found().await? {
                    Some((id, Ok(exported))) => self.open = Some(self.opened(id, exported)),
                    Some((id, Err(error))) => return failed(id, false, error).map(Some),
                    None => return Ok(None),
                }
                continue;
            };
            let continues = open.head.is_none();
            match self.part(&mut open).await {
                Ok(mut response) => {
                    response.continued = !open.is_done();
                    self.open = response.continued.then_some(open);
                    return Ok(Some(response));
                }
                // Deleted since its head was read.
                Err(Error::NotFound { .. }) if !continues => {}
                Err(error) => return failed(open.id, continues, error).map(Some),
            }
        }
    }

    async fn next_found(&mut self) -> Result<Option<Numbered>, Error> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Ok(Some(found));
            }
            let Some(first) = self.next else { return Ok(None) };
            let (found, next) = export::next(self.call.call(), first, self.end).await?;
            (self.found, self.next) = (found.into(), next);
        }
    }

    fn opened(&self, id: ConversationId, exported: Exported) -> Open {
        let Exported { status, messages } = exported;
        let messages = match messages {
            None => Part::of([], Some(MessageId(0))),
            Some(messages) => {
                Part::of(messages.into_iter().map(|it| self.edge.message_to_wire(id, it)), None)
            }
        };
        let with_assessments = self.assessments != ExportedAssessments::None;
        Open {
            id,
            head: Some(conversation_to_wire(status.conversation, status.scoring)),
            messages,
            ratings: Part::of([], Some(RatingId(0))),
            assessments: Part::of([], with_assessments.then_some(None)),
        }
    }

    /// As much of a conversation as fits into a response.
    async fn part(&self, open: &mut Open) -> Result<ExportConversationsResponse, Error> {
        let continues = open.head.is_none();
        let head = open.head.take();
        let head_bytes = head.as_ref().map_or(0, v1::Conversation::encoded_len);
        let mut room = Room { bytes: MAX_ANSWER_BYTES.saturating_sub(head_bytes), is_empty: continues };
        let named = || v1::Conversation { name: names::conversation(open.id), ..Default::default() };
        let conversation = Some(head.unwrap_or_else(named));
        let mut response = ExportConversationsResponse { conversation, continues, ..Default::default() };
        loop {
            if !open.messages.fill(&mut response.messages, &mut room) {
                return Ok(response);
            }
            let Some(after) = open.messages.next else { break };
            open.messages = self.messages(open.id, after).await?;
        }
        loop {
            if !open.ratings.fill(&mut response.ratings, &mut room) {
                return Ok(response);
            }
            let Some(after) = open.ratings.next else { break };
            open.ratings = match self.ratings(open.id, after).await {
                Err(Error::Damaged(cause)) => {
                    tracing::error!(conversation = %open.id, %cause, "its ratings cannot be exported");
                    response.missing.push("ratings".to_owned());
                    Part::of([], None)
                }
                ratings => ratings?,
            };
        }
        loop {
            if !open.assessments.fill(&mut response.assessments, &mut room) {
                return Ok(response);
            }
            let Some(after) = open.assessments.next else { break };
            open.assessments = match self.assessments(open.id, after).await {
                Err(Error::Damaged(cause)) => {
                    tracing::error!(conversation = %open.id, %cause, "its assessments cannot be exported");
                    response.missing.push("assessments".to_owned());
                    Part::of([], None)
                }
                assessments => assessments?,
            };
        }
        Ok(response)
    }

    async fn messages(
        &self,
        id: ConversationId,
        after: MessageId,
    ) -> Result<Part<v1::Message, MessageId>, Error> {
        let page = conversation::list_messages(self.call.call(), id, after, PAGE).await?;
        let next = page.messages.last().map(|message| message.id).filter(|_| page.has_more);
        Ok(Part::of(page.messages.into_iter().map(|it| self.edge.message_to_wire(id, it)), next))
    }

    async fn ratings(
        &self,
        id: ConversationId,
        after: RatingId,
    ) -> Result<Part<v1::Rating, RatingId>, Error> {
        let filter = RatingFilter::default();
        let page = rating::list_ratings_of(self.call.call(), id, &filter, after, PAGE).await?;
        Ok(Part::of(page.ratings.into_iter().map(|it| self.edge.rating_to_wire(it)), page.next))
    }

    async fn assessments(
        &self,
        id: ConversationId,
        after: Option<Cursor>,
    ) -> Result<Part<v1::Assessment, Option<Cursor>>, Error> {
        let (of, filter) = (AssessmentsOf::One(id), AssessmentFilter::default());
        let page = assessment::list_assessments(self.call.call(), of, &filter, after, PAGE).await?;
        let next = page.next_cursor().map(Some);
        let mut assessments = Vec::with_capacity(page.items.len());
        for listed in page.items {
            let mut assessment = listed.into_assessment()?;
            if self.assessments != ExportedAssessments::WithFacts {
                assessment.facts.clear();
            }
            assessments.push(to_wire(assessment));
        }
        Ok(Part::of(assessments, next))
    }
}

impl Open {
    fn is_done(&self) -> bool {
        self.messages.is_done() && self.ratings.is_done() && self.assessments.is_done()
    }
}

/// What is sent of a conversation that cannot be read; an error that is not about it alone ends the stream.
fn failed(id: ConversationId, continues: bool, error: Error) -> Result<ExportConversationsResponse, Status> {
    let gone = "it was deleted while it was read";
    let status = Status::from(error);
    let failure = match status.code() {
        Code::Internal | Code::DataLoss => status.message().to_owned(),
        Code::NotFound => gone.to_owned(),
        _ => return Err(status),
    };
    let conversation = Some(v1::Conversation { name: names::conversation(id), ..Default::default() });
    Ok(ExportConversationsResponse { conversation, continues, failure, ..Default::default() })
}
