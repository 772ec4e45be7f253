//! Sends changes to a conversation, and reads it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plaudit::proto::v1::{
    Attachment, Author, AuthorKind, ConflictPolicy, Conversation, DeleteConversationRequest,
    DeleteMessageRequest, ImportConversationRequest, ListRatingsRequest, Message, MessageDirection,
    OfferRatingRequest, Rating, RatingAnswer, RatingQuestion, RatingState, RatingType, ScoringProcess,
    StoreMessageRequest, SubmitRatingRequest, UndeleteConversationRequest, UpdateConversationRequest,
    UpdateMessageRequest,
};
use prost_types::FieldMask;
use serde_json::{Value as Json, json};

use super::{
    caller::{Caller, Refused},
    kept::Known,
    random::Random,
    thread::{Asked, Change, Edge, FIRST_SUBJECT, New, Process, Said, Thread},
};
use crate::harness::{
    reason_if_any,
    sample::{self, with_id, with_policy},
};

/// The bytes of every attachment.
pub const FILE: &[u8] = b"GIF89a\x03\x00\x02\x00\x80\x00\x00\x00";

impl Known for Thread {
    type Change = Change;

    fn choose(&self, random: &mut Random) -> Change {
        Thread::choose(self, random)
    }

    fn apply(&mut self, change: &Change) {
        Thread::apply(self, change);
    }

    fn bare(&self) -> Self {
        Thread::bare(self)
    }

    fn keeps_names_of(&self, earlier: &Self) -> bool {
        Thread::keeps_names_of(self, earlier)
    }

    async fn send(&self, caller: &Caller, change: &Change, id: &str) -> Result<(), Refused> {
        let (client, request_id) = (&caller.client, id.to_owned());
        match change {
            Change::Import { messages, edge: Edge::Grpc } => {
                client.import(with_id(self.import_request(messages), id)).await?;
            }
            Change::Import { messages, edge: Edge::Rest } => {
                caller.post("/v1/assess", id, self.assess_body(messages).to_string()).await?;
            }
            Change::Append { messages } => {
                let mut request = with_policy(self.import_request(messages), ConflictPolicy::Append);
                // What it said of the conversation would be taken where nothing is known, which is another matter.
                request.conversation.iter_mut().for_each(|conversation| conversation.subject = None);
                client.import(with_id(request, id)).await?;
            }
            Change::Store { .. } => self.send_store(caller, change, id).await?,
            Change::EditMessage { name, words, .. } => {
                let (name, content) = (name.clone(), Some(words.clone()));
                let message = Some(Message { name, content, ..Message::default() });
                let update_mask = mask(&["content"]);
                client.update_message(UpdateMessageRequest { message, update_mask, request_id }).await?;
            }
            Change::DeleteMessage { name, .. } => {
                let (name, etag) = (name.clone(), String::new());
                client.delete_message(DeleteMessageRequest { name, etag, request_id }).await?;
            }
            Change::Update { subject, status, team, tags } => {
                let conversation = Some(Conversation {
                    name: self.name.clone(),
                    subject: Some(subject.clone()),
                    status: *status,
                    team: Some(team.clone()),
                    tags: tags.clone(),
                    ..Conversation::default()
                });
                let update_mask = mask(&["subject", "status", "team", "tags"]);
                client
                    .update(UpdateConversationRequest {
                        conversation,
                        update_mask,
                        request_id,
                        ..Default::default()
                    })
                    .await?;
            }
            Change::Delete => {
                let (name, etag) = (self.external_name(), String::new());
                client.delete_by(DeleteConversationRequest { name, etag, request_id }).await?;
            }
            Change::Undelete => {
                let name = self.name.clone();
                client.undelete_by(UndeleteConversationRequest { name, request_id }).await?;
            }
            _ => self.send_of_rating(caller, change, id).await?,
        }
        Ok(())
    }

    async fn read(&self, caller: &Caller) -> Result<Self, Refused> {
        let client = &caller.client;
        let found = match client.conversation(&self.external_name()).await.map_err(Refused::from) {
            Ok(found) => found,
            // A deleted conversation cannot be read; all of it must be there once it is undeleted.
            Err(refused) if refused.is_not_found => {
                return Ok(Self { is_deleted: !self.name.is_empty(), ..self.clone() });
            }
            Err(refused) => return Err(refused),
        };
        let messages = client.list_messages(&found.name, 1000, "").await?;
        assert!(messages.next_page_token.is_empty(), "{} has more than a page", found.name);
        assert_eq!(messages.messages.len(), found.message_count as usize, "messages of {}", found.name);
        let parent = found.name.clone();
        let request = ListRatingsRequest { parent, page_size: 1000, ..ListRatingsRequest::default() };
        let ratings = client.list_ratings(request).await?.ratings;
        Ok(Self {
            external_id: found.external_id,
            name: found.name,
            is_stored: true,
            is_deleted: false,
            subject: found.subject,
            status: found.status,
            team: found.team,
            tags: found.tags,
            messages: messages.messages.into_iter().map(said).collect(),
            ratings: ratings.into_iter().map(asked).collect(),
        })
    }
}

/// A message as read.
pub fn said(message: Message) -> Said {
    let id =
        if message.event_id == 0 { message.external_id } else { message.tracking_id.unwrap_or_default() };
    let words = message.content.unwrap_or_default();
    Said { name: message.name, id, words, files: message.attachments.len() }
}

fn asked(rating: Rating) -> Asked {
    Asked {
        value: rating.questions.iter().find_map(|question| question.answer.as_ref()?.value),
        is_cancelled: rating.cancel_time.is_some(),
        is_withheld: rating.state() == RatingState::Unscheduled,
        is_opted_out: rating.opt_out_time.is_some(),
        name: rating.name,
    }
}

impl Thread {
    pub fn external_name(&self) -> String {
        format!("conversations/test:{}", self.external_id)
    }

    /// Its path on the REST edge.
    fn path(&self) -> &str {
        self.name.strip_prefix("conversations/").expect("it is named")
    }

    /// An import of the first messages, sent singly or in a bulk import.
    pub fn import_request(&self, messages: &[New]) -> ImportConversationRequest {
        let message = |(place, new): (usize, &New)| Message {
            external_id: new.said.id.clone(),
            author: Some(self.author(new.kind)),
            ..sample::message(place, new.kind, &new.said.words)
        };
        sample::import_of(&self.external_id, messages.iter().enumerate().map(message).collect())
    }

    /// Each conversation has its own customer, so that an opt-out affects it alone.
    fn author(&self, kind: AuthorKind) -> Author {
        let external_id = match kind {
            AuthorKind::Contact => format!("c-{}", self.external_id),
            AuthorKind::Ai => "bot".to_owned(),
            _ => "7".to_owned(),
        };
        Author { kind: kind.into(), external_id: Some(external_id), name: None }
    }

    fn assess_body(&self, messages: &[New]) -> Json {
        let message = |(place, new): (i64, &New)| {
            let author = self.author(new.kind);
            let kind = match new.kind {
                AuthorKind::Contact => "contact",
                AuthorKind::Ai => "ai",
                _ => "teammate",
            };
            json!({
                "external_id": new.said.id,
                "kind": "message",
                "content": new.said.words,
                "author": { "type": kind, "external_id": author.external_id },
                "timestamp": (sample::BEGIN_SECONDS + 60 * place) * 1000,
            })
        };
        let messages: Vec<Json> = (0..).zip(messages).map(message).collect();
        json!({
            "source": "test",
            "ticket_id": self.external_id,
            "subject": FIRST_SUBJECT,
            "messages": messages,
        })
    }

    async fn send_store(&self, caller: &Caller, change: &Change, id: &str) -> Result<(), Refused> {
        let Change::Store { new, process, status, tag, edge } = change else {
            unreachable!("a message to store");
        };
        if *edge == Edge::Rest && tag.is_none() {
            let path = format!("/api/mind/ticket/{}/conversation/store", self.path());
            return caller.post(&path, id, self.store_body(new, *process, *status).to_string()).await;
        }
        let direction = match new.kind {
            AuthorKind::Contact => MessageDirection::In,
            _ => MessageDirection::Out,
        };
        let file = || Attachment { content: Some(FILE.to_vec()), ..Attachment::default() };
        let message = Message {
            content: Some(new.said.words.clone()),
            author: Some(self.author(new.kind)),
            direction: direction.into(),
            tracking_id: Some(new.said.id.clone()),
            attachments: (0..new.said.files).map(|_| file()).collect(),
            ..Message::default()
        };
        let process = match process {
            Process::Batch => ScoringProcess::Batch,
            Process::Realtime => ScoringProcess::Realtime,
            Process::Off => ScoringProcess::Off,
        };
        let request = StoreMessageRequest {
            parent: self.external_name(),
            message: Some(message),
            status: *status,
            tags: tag.iter().cloned().collect(),
            process: process.into(),
            request_id: id.to_owned(),
            ..StoreMessageRequest::default()
        };
        match caller.client.store(request).await {
            // On a busy machine scores are late; the message is stored, and that is what was said.
            Err(status) if reason_if_any(&status).as_deref() == Some("SCORING_UNFINISHED") => Ok(()),
            answer => Ok(answer.map(drop)?),
        }
    }

    fn store_body(&self, new: &New, process: Process, status: i32) -> Json {
        let file = || json!({ "name": "a.gif", "base64": BASE64_STANDARD.encode(FILE) });
        let customer = new.kind == AuthorKind::Contact;
        let status = ["open", "pending", "closed"][status as usize - 1];
        json!({
            "bodyPlain": new.said.words,
            "direction": if customer { "in" } else { "out" },
            "customerId": self.author(AuthorKind::Contact).external_id,
            "agentId": if customer { Json::Null } else { json!(7) },
            "externalConversationId": new.said.id,
            "status": status,
            "attachments": (0..new.said.files).map(|_| file()).collect::<Vec<_>>(),
            "process": match process {
                Process::Batch => json!("batch"),
                Process::Realtime => json!("realtime"),
                Process::Off => json!(false),
            },
        })
    }

    async fn send_of_rating(&self, caller: &Caller, change: &Change, id: &str) -> Result<(), Refused> {
        let (client, request_id) = (&caller.client, id.to_owned());
        match change {
            Change::Offer { edge: Edge::Grpc } => {
                let question =
                    RatingQuestion { r#type: RatingType::Csat.into(), ..RatingQuestion::default() };
                let rating = Some(Rating {
                    user: Some(self.author(AuthorKind::Contact)),
                    agent: Some(self.author(AuthorKind::Teammate)),
                    questions: vec![question],
                    ..Rating::default()
                });
                client
                    .offer_rating(OfferRatingRequest { parent: self.name.clone(), rating, request_id })
                    .await?;
            }
            Change::Offer { edge: Edge::Rest } => {
                let path = format!("/beta/conversations/{}/ratings/offer", self.path());
                let user = self.author(AuthorKind::Contact).external_id;
                let body = json!({ "ratingType": "Csat", "userId": user, "agentId": "7" });
                caller.post(&path, id, body.to_string()).await?;
            }
            Change::Submit { name, value, edge: Edge::Grpc, .. } => {
                let answers = vec![RatingAnswer { value: Some(*value), ..RatingAnswer::default() }];
                let (name, opt_out) = (name.clone(), None);
                client.submit_rating(SubmitRatingRequest { name, answers, opt_out, request_id }).await?;
            }
            Change::Submit { name, value, edge: Edge::Rest, .. } => {
                let body = json!({ "ratingResult": { "value": value, "_type": "Csat" } });
                caller.post(&format!("/v1/{name}/submit"), id, body.to_string()).await?;
            }
            Change::Cancel { name, .. } => _ = client.cancel_rating(name, id).await?,
            Change::OptOut { name, opts_out, .. } => {
                let (name, answers, opt_out) = (name.clone(), Vec::new(), Some(*opts_out));
                client.submit_rating(SubmitRatingRequest { name, answers, opt_out, request_id }).await?;
            }
            other => unreachable!("{other:?} is not of a rating"),
        }
        Ok(())
    }
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}
