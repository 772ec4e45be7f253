//! `EventService` on the wire.

use futures_util::stream::{self, BoxStream, StreamExt as _};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    domain::{ConversationId, Event, EventKind, MessageId, RatingId, Violations},
    error::Error,
    proto::v1,
    service::{
        Services,
        events::{Filter, Start, Watch, WatchItem, watch_events},
    },
    wire::{enums, names, times},
};

use super::{edge::Edge, services::event_service_server::EventService};

/// Resume tokens of all watches belong to one list, whatever the filter.
const LIST: &str = "events";

#[tonic::async_trait]
impl EventService for Edge {
    type WatchEventsStream = BoxStream<'static, Result<v1::WatchEventsResponse, Status>>;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let start = start_from_wire(&self.0, &request, &mut violations);
        let kinds = kinds_from_wire(&request.kinds, &mut violations);
        let conversation = match request.conversation.as_str() {
            "" => None,
            name => violations.take(names::parse_conversation("conversation", name)),
        };
        violations.or(()).map_err(Error::from)?;
        let is_wanted = move |kind: &EventKind| kinds.is_empty() || kinds.contains(&kind_to_wire(kind));
        let filter = Filter { conversation, kinds: Box::new(is_wanted) };
        let watch = watch_events(self.owned_call(), start, filter).await?;
        let services = self.0.clone();
        let items = stream::unfold(Some(watch), next);
        let items = items.map(move |item| Ok(item_to_wire(&services, item?)));
        Ok(Response::new(items.boxed()))
    }
}

/// The next item of the stream, which ends after an error.
async fn next(watch: Option<Watch>) -> Option<(Result<WatchItem, Error>, Option<Watch>)> {
    let mut watch = watch?;
    match watch.next().await {
        Ok(item) => Some((Ok(item), Some(watch))),
        Err(error) => Some((Err(error), None)),
    }
}

fn start_from_wire(
    services: &Services,
    request: &v1::WatchEventsRequest,
    violations: &mut Violations,
) -> Start {
    let token = request.resume_token.as_str();
    if token.is_empty() {
        return if request.only_new { Start::Now } else { Start::Oldest };
    }
    if request.only_new {
        violations
            .add("only_new", "must not be set together with resume_token, which already says where to begin");
    }
    match services.place_of(LIST, token).and_then(|place| place.parse().ok()) {
        Some(position) => Start::After(position),
        None => {
            let rule =
                "must be a resume_token returned by WatchEvents of this store; leave it empty to start over";
            violations.add("resume_token", rule);
            Start::Oldest
        }
    }
}

fn kinds_from_wire(kinds: &[i32], violations: &mut Violations) -> Vec<v1::EventKind> {
    let mut known = Vec::new();
    for (index, &kind) in kinds.iter().enumerate() {
        match v1::EventKind::try_from(kind) {
            Ok(v1::EventKind::Unspecified) | Err(_) => {
                let known = enums::values().map(|known: v1::EventKind| known.as_str_name());
                violations.add(format!("kinds[{index}]"), enums::not_among(known, kind));
            }
            Ok(kind) if !known.contains(&kind) => known.push(kind),
            Ok(_) => {}
        }
    }
    known
}

fn item_to_wire(services: &Services, item: WatchItem) -> v1::WatchEventsResponse {
    let resume_token = services.page_token(LIST, item.position);
    v1::WatchEventsResponse {
        event: item.event.map(|event| event_to_wire(event, |id| services.rating_uuid(id))),
        resume_token,
    }
}

fn event_to_wire(event: Event, rating_uuid: impl Fn(RatingId) -> Uuid) -> v1::Event {
    let conversation = event.conversation;
    let kind = kind_to_wire(&event.kind);
    let base = v1::Event {
        conversation: names::conversation(conversation),
        kind: kind.into(),
        event_time: Some(times::to_wire(event.time)),
        ..v1::Event::default()
    };
    match event.kind {
        EventKind::MessagesAppended { first, count } => {
            v1::Event { message_count: count as i32, ..about_message(base, conversation, first) }
        }
        EventKind::AssessmentsScored { assessments } => {
            let assessments = assessments.into_iter().map(|id| names::assessment(conversation, id)).collect();
            v1::Event { assessments, ..base }
        }
        EventKind::MessageStored { message }
        | EventKind::MessageUpdated { message }
        | EventKind::MessageDeleted { message } => about_message(base, conversation, message),
        EventKind::RatingOffered { rating }
        | EventKind::RatingSubmitted { rating }
        | EventKind::RatingCancelled { rating } => {
            v1::Event { rating: names::rating(conversation, rating_uuid(rating)), ..base }
        }
        EventKind::ConversationImported
        | EventKind::ScoringFailed
        | EventKind::ConversationUpdated
        | EventKind::ConversationDeleted
        | EventKind::ConversationUndeleted
        | EventKind::ConversationPurged => base,
    }
}

fn about_message(event: v1::Event, conversation: ConversationId, message: MessageId) -> v1::Event {
    v1::Event { message: names::message(conversation, message), ..event }
}

fn kind_to_wire(kind: &EventKind) -> v1::EventKind {
    match kind {
        EventKind::ConversationImported => v1::EventKind::ConversationImported,
        EventKind::MessagesAppended { .. } => v1::EventKind::MessagesAppended,
        EventKind::AssessmentsScored { .. } => v1::EventKind::AssessmentsScored,
        EventKind::ScoringFailed => v1::EventKind::ScoringFailed,
        EventKind::MessageStored { .. } => v1::EventKind::MessageStored,
        EventKind::MessageUpdated { .. } => v1::EventKind::MessageUpdated,
        EventKind::MessageDeleted { .. } => v1::EventKind::MessageDeleted,
        EventKind::RatingOffered { .. } => v1::EventKind::RatingOffered,
        EventKind::RatingSubmitted { .. } => v1::EventKind::RatingSubmitted,
        EventKind::RatingCancelled { .. } => v1::EventKind::RatingCancelled,
        EventKind::ConversationUpdated => v1::EventKind::ConversationUpdated,
        EventKind::ConversationDeleted => v1::EventKind::ConversationDeleted,
        EventKind::ConversationUndeleted => v1::EventKind::ConversationUndeleted,
        EventKind::ConversationPurged => v1::EventKind::ConversationPurged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AssessmentId, UnixMillis};

    #[test]
    fn every_kind_of_event_maps_to_its_own_kind_and_names_its_subject() {
        let (message, rating) = (MessageId(2), RatingId(3));
        let kinds = [
            (EventKind::ConversationImported, ""),
            (EventKind::MessagesAppended { first: message, count: 4 }, "conversations/1/messages/2"),
            (
                EventKind::AssessmentsScored { assessments: vec![AssessmentId(5)] },
                "conversations/1/assessments/5",
            ),
            (EventKind::ScoringFailed, ""),
            (EventKind::MessageStored { message }, "conversations/1/messages/2"),
            (EventKind::MessageUpdated { message }, "conversations/1/messages/2"),
            (EventKind::MessageDeleted { message }, "conversations/1/messages/2"),
            (
                EventKind::RatingOffered { rating },
                "conversations/1/ratings/00000000-0000-0000-0000-000000000003",
            ),
            (
                EventKind::RatingSubmitted { rating },
                "conversations/1/ratings/00000000-0000-0000-0000-000000000003",
            ),
            (
                EventKind::RatingCancelled { rating },
                "conversations/1/ratings/00000000-0000-0000-0000-000000000003",
            ),
            (EventKind::ConversationUpdated, ""),
            (EventKind::ConversationDeleted, ""),
            (EventKind::ConversationUndeleted, ""),
            (EventKind::ConversationPurged, ""),
        ];
        let mut seen = Vec::new();
        for (kind, about) in kinds {
            let event = Event { conversation: ConversationId(1), time: UnixMillis::clamped(0), kind };
            let wire = event_to_wire(event, |id| Uuid::from_u128(id.0.into()));
            assert!(!seen.contains(&wire.kind), "{wire:?}");
            seen.push(wire.kind);
            assert_eq!([wire.message, wire.rating, wire.assessments.concat()].concat(), about);
        }
        assert_eq!(seen.len(), 14);
    }
}
