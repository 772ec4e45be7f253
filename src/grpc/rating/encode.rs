//! Ratings and their sums as messages.

use crate::{
    domain::{
        Rating, RatingQuestion, RatingState, RatingSummary, RatingType, UnixMillis, statistics::Estimate,
    },
    proto::v1,
};

use super::super::{
    Edge,
    conversation::author_to_wire,
    handling::{channel_to_wire, number},
    names, times,
};

pub(super) const TYPES: [(v1::RatingType, RatingType); 3] = [
    (v1::RatingType::Csat, RatingType::Csat),
    (v1::RatingType::Nps, RatingType::Nps),
    (v1::RatingType::Thumbs, RatingType::Thumbs),
];

impl Edge {
    pub(super) fn rating_to_wire(&self, rating: Rating) -> v1::Rating {
        let now = self.0.now();
        let time = |time: UnixMillis| Some(times::to_wire(time));
        let questions = rating.questions.iter().enumerate();
        v1::Rating {
            name: names::rating(rating.conversation, self.0.rating_uuid_of(&rating)),
            state: state_to_wire(rating.state(now)).into(),
            questions: questions
                .map(|(place, question)| question_to_wire(place, question, rating.state_of(question, now)))
                .collect(),
            offer_time: time(rating.offer_time),
            schedule_time: time(rating.offer_time).filter(|_| rating.course.scheduled),
            expire_time: rating.course.expire_time.and_then(time),
            cancel_time: rating.course.cancel_time.and_then(time),
            opt_out_time: rating.course.opt_out_time.and_then(time),
            channel: channel_to_wire(rating.channel),
            create_time: time(rating.create_time),
            update_time: time(rating.update_time),
            etag: rating.version.to_string(),
            user: Some(author_to_wire(rating.user)),
            agent: Some(author_to_wire(rating.agent)),
            source: rating.source,
        }
    }
}

fn question_to_wire(place: usize, question: &RatingQuestion, state: RatingState) -> v1::RatingQuestion {
    let answer = question.answer.as_ref().map(|answer| v1::RatingAnswer {
        question: place as i32,
        value: Some(i32::from(answer.value)),
        comment: answer.comment.clone(),
        answer_time: Some(times::to_wire(answer.time)),
    });
    v1::RatingQuestion {
        r#type: number(&TYPES, Some(question.kind)),
        text: question.text.clone(),
        language: question.language.clone(),
        answer,
        state: state_to_wire(state).into(),
    }
}

pub fn state_to_wire(state: RatingState) -> v1::RatingState {
    match state {
        RatingState::Unscheduled => v1::RatingState::Unscheduled,
        RatingState::Scheduled => v1::RatingState::Scheduled,
        RatingState::Offered => v1::RatingState::Offered,
        RatingState::Rated => v1::RatingState::Rated,
        RatingState::Cancelled => v1::RatingState::Cancelled,
        RatingState::Expired => v1::RatingState::Expired,
        RatingState::OptedOut => v1::RatingState::OptedOut,
    }
}

pub(super) fn summary_to_wire(summary: &RatingSummary) -> v1::SummarizeRatingsResponse {
    let estimate = |estimate: Estimate| {
        let interval = estimate.interval.map(|it| v1::Interval { lower: it.lower, upper: it.upper });
        Some(v1::Estimate { n: estimate.n as i64, value: estimate.value, interval })
    };
    v1::SummarizeRatingsResponse {
        offered_count: summary.offered as i64,
        answered_count: summary.answered as i64,
        response_rate: estimate(summary.response_rate),
        csat_mean: estimate(summary.csat_mean),
        csat_satisfied_share: estimate(summary.csat_satisfied),
        net_promoter_score: estimate(summary.net_promoter_score),
        thumbs_up_share: estimate(summary.thumbs_up),
    }
}
