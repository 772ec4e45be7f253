//! Encodes Dixa's responses. Absent optional values are omitted, not null.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    domain::{
        Author, Channel, Rating, RatingQuestion, RatingState, RatingType, Submission, UnixMillis, Words as _,
    },
    service::rating::Submitted,
};

use super::decode::TYPES;

#[derive(Serialize)]
pub struct Data<T> {
    pub data: T,
}

#[derive(Serialize)]
pub struct ErrorBody {
    pub message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offered {
    id: String,
    user_id: String,
    agent_id: String,
    rating_type: &'static str,
    offered_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedAnswer<'a> {
    rating_id: String,
    user_id: String,
    rating_result: RatingResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    submitted_at: String,
}

#[derive(Serialize)]
struct RatingResult {
    value: i64,
    #[serde(rename = "_type")]
    kind: &'static str,
}

/// One question of a rating, as a list shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<'a> {
    id: String,
    rating_type: &'static str,
    rating_status: &'static str,
    conversation_channel: &'static str,
    user_id: String,
    timestamps: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating_score: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating_comment: Option<&'a str>,
    agent_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
}

/// The response to an offer of one question.
pub fn offered(uuid: Uuid, rating: &Rating) -> Offered {
    Offered {
        id: uuid.to_string(),
        user_id: person_id(&rating.user),
        agent_id: person_id(&rating.agent),
        rating_type: rating.questions.first().map_or("", |question| type_text(question.kind)),
        offered_at: rating.offer_time.to_string(),
    }
}

/// Echoes the submission itself, so that repeating it gets the same response whatever has happened since.
pub fn submitted<'a>(
    uuid: Uuid,
    submission: &'a Submission,
    submitted: &Submitted,
) -> Option<SubmittedAnswer<'a>> {
    let answer = submission.answers.first()?;
    let question = submitted.rating.questions.get(answer.question.place(&submitted.rating.questions)?)?;
    Some(SubmittedAnswer {
        rating_id: uuid.to_string(),
        user_id: person_id(&submitted.rating.user),
        rating_result: RatingResult { value: answer.value?, kind: type_text(question.kind) },
        comment: answer.comment.as_deref(),
        submitted_at: answer.time.unwrap_or(submitted.time).to_string(),
    })
}

/// One element for each question, all with the rating's id.
pub fn listed(uuid: Uuid, rating: &Rating, now: UnixMillis) -> impl Iterator<Item = Listed<'_>> {
    rating.questions.iter().map(move |question| {
        let state = rating.state_of(question, now);
        let answer = question.answer.as_ref();
        Listed {
            id: uuid.to_string(),
            rating_type: type_text(question.kind),
            rating_status: status_text(state),
            conversation_channel: channel_text(rating.channel),
            user_id: person_id(&rating.user),
            timestamps: timestamps(rating, question, state),
            rating_score: answer.map(|answer| answer.value),
            rating_comment: answer.and_then(|answer| answer.comment.as_deref()),
            agent_id: person_id(&rating.agent),
            language: question.language.as_deref(),
        }
    })
}

/// The external id or, without one, the kind and name.
fn person_id(author: &Author) -> String {
    let kind = author.kind.word();
    match (&author.external_id, &author.name) {
        (Some(external_id), _) => external_id.to_string(),
        (None, Some(name)) => format!("{kind}:{name}"),
        (None, None) => kind.to_owned(),
    }
}

fn type_text(kind: RatingType) -> &'static str {
    TYPES.iter().find(|(_, known)| *known == kind).map_or("", |(text, _)| text)
}

/// The documented API has no status for expired or opted-out offers: they are `Offered`.
fn status_text(state: RatingState) -> &'static str {
    match state {
        RatingState::Unscheduled => "Unscheduled",
        RatingState::Scheduled => "Scheduled",
        RatingState::Offered | RatingState::Expired | RatingState::OptedOut => "Offered",
        RatingState::Rated => "Rated",
        RatingState::Cancelled => "Cancelled",
    }
}

/// The times that belong to the status.
fn timestamps(
    rating: &Rating,
    question: &RatingQuestion,
    state: RatingState,
) -> BTreeMap<&'static str, String> {
    let answered = question.answer.as_ref().map(|answer| answer.time);
    let offered = Some(rating.offer_time);
    let cancelled = rating.course.cancel_time;
    let times = match state {
        RatingState::Unscheduled => vec![("created_at", Some(rating.create_time))],
        RatingState::Scheduled => {
            vec![("scheduled_at", Some(rating.create_time)), ("scheduled_for", offered)]
        }
        RatingState::Offered | RatingState::Expired | RatingState::OptedOut => vec![("offered_at", offered)],
        RatingState::Rated => vec![("rated_at", answered)],
        // A rating cancelled before its offer time was never offered.
        RatingState::Cancelled => {
            vec![("offered_at", offered.filter(|time| Some(*time) <= cancelled)), ("modified_at", cancelled)]
        }
    };
    times.into_iter().filter_map(|(name, time)| Some((name, time?.to_string()))).collect()
}

fn channel_text(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "Email",
        Channel::WidgetChat => "WidgetChat",
        Channel::WhatsApp => "WhatsApp",
        Channel::FacebookMessenger => "FacebookMessenger",
        Channel::Twitter => "Twitter",
        Channel::Messenger => "Messenger",
        Channel::Sms => "Sms",
        Channel::ContactForm => "ContactForm",
        Channel::Callback => "Callback",
        Channel::PstnPhone => "PstnPhone",
        Channel::Voicemail => "Voicemail",
    }
}
