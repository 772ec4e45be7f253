//! Ratings and their sums between the domain and the API.

use uuid::Uuid;

use crate::{
    domain::{
        Author, AuthorKind, ImportedRatingDraft, NewAnswer, NewOptOut, Path, QuestionDraft, QuestionRef,
        Rating, RatingDraft, RatingQuestion, RatingState, RatingSummary, UnixMillis, Violations, Words as _,
        statistics::Estimate,
    },
    proto::v1,
};

use super::{
    author::{author_from_wire, author_to_wire},
    enums::{choice, number},
    names, times,
};

pub fn rating_to_wire(rating: Rating, uuid: Uuid, now: UnixMillis) -> v1::Rating {
    let time = times::to_wire;
    let questions = rating.questions.iter().enumerate();
    v1::Rating {
        name: names::rating(rating.conversation, uuid),
        state: number(Some(rating.state(now))),
        questions: questions
            .map(|(place, question)| question_to_wire(place, question, rating.state_of(question, now)))
            .collect(),
        offer_time: Some(time(rating.offer_time)),
        schedule_time: rating.course.scheduled.then(|| time(rating.offer_time)),
        expire_time: rating.course.expire_time.map(time),
        cancel_time: rating.course.cancel_time.map(time),
        opt_out_time: rating.course.opt_out_time.map(time),
        channel: number(Some(rating.channel)),
        create_time: Some(time(rating.create_time)),
        update_time: Some(time(rating.update_time)),
        etag: rating.version.to_string(),
        user: Some(author_to_wire(rating.user)),
        agent: Some(author_to_wire(rating.agent)),
        source: rating.source.into(),
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
        r#type: number(Some(question.kind)),
        text: question.text.clone(),
        language: question.language.clone(),
        answer,
        state: number(Some(state)),
    }
}

pub fn summary_to_wire(summary: &RatingSummary) -> v1::SummarizeRatingsResponse {
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

pub fn opt_out_to_wire(opt_out: NewOptOut) -> v1::OptOut {
    let NewOptOut { source, customer, conversation, time } = opt_out;
    v1::OptOut {
        source: source.map(String::from).unwrap_or_default(),
        customer: Some(author_to_wire(Author { kind: AuthorKind::Contact, ..customer })),
        conversation: conversation.map(|name| format!("conversations/{name}")).unwrap_or_default(),
        opt_out_time: time.map(times::to_wire),
    }
}

pub fn draft_from_wire(rating: v1::Rating, violations: &mut Violations) -> RatingDraft {
    let mut time = |field: &str, time: Option<_>| times::checked(field, &time?, violations);
    let offer_time = time("offer_time", rating.offer_time);
    let schedule_time = time("schedule_time", rating.schedule_time);
    let expire_time = time("expire_time", rating.expire_time);
    let questions = rating.questions.into_iter().enumerate();
    RatingDraft {
        user: rating.user.map(|user| author_from_wire("user", user, violations)),
        agent: rating.agent.map(|agent| author_from_wire("agent", agent, violations)),
        questions: questions
            .map(|(index, question)| question_from_wire(index, question, violations))
            .collect(),
        offer_time,
        schedule_time,
        expire_time,
    }
}

fn question_from_wire(
    index: usize,
    question: v1::RatingQuestion,
    violations: &mut Violations,
) -> QuestionDraft {
    let kind = choice(Path::ROOT.item("questions", index).field("type"), question.r#type, violations);
    QuestionDraft { kind, text: question.text, language: question.language }
}

/// A rating that an import brings along. What is wrong with it is named below `ratings[index]`.
pub fn imported_from_wire(
    index: usize,
    rating: v1::Rating,
    violations: &mut Violations,
) -> ImportedRatingDraft {
    let mut found = Violations::default();
    let mut time = |field: &str, time: Option<_>| times::checked(field, &time?, &mut found);
    let offer_time = time("offer_time", rating.offer_time);
    let schedule_time = time("schedule_time", rating.schedule_time);
    let expire_time = time("expire_time", rating.expire_time);
    let cancel_time = time("cancel_time", rating.cancel_time);
    let opt_out_time = time("opt_out_time", rating.opt_out_time);
    let is_named = !rating.name.is_empty();
    let name = is_named.then(|| names::parse_rating("name", &rating.name));
    let questions = rating.questions.into_iter().enumerate();
    let questions = questions.map(|(place, mut question)| {
        let answer = question.answer.take();
        (
            question_from_wire(place, question, &mut found),
            answer.map(|answer| imported_answer(place, answer, &mut found)),
        )
    });
    let questions = questions.collect();
    let draft = ImportedRatingDraft {
        uuid: name.and_then(|name| found.take(name)).map(|name| name.uuid),
        user: rating.user.map(|user| author_from_wire("user", user, &mut found)),
        agent: rating.agent.map(|agent| author_from_wire("agent", agent, &mut found)),
        questions,
        offer_time,
        schedule_time,
        expire_time,
        cancel_time,
        opt_out_time,
        withheld: rating.state == RatingState::Unscheduled.number(),
        channel: choice("channel", rating.channel, &mut found),
    };
    violations.take(found.or(()).map_err(|found| found.renamed(|field| format!("ratings[{index}].{field}"))));
    draft
}

fn imported_answer(place: usize, answer: v1::RatingAnswer, violations: &mut Violations) -> NewAnswer {
    let question = Path::ROOT.item("questions", place);
    let time = answer.answer_time.as_ref();
    NewAnswer {
        // It stands with its question.
        question: QuestionRef::Place(place as u64),
        value: answer.value.map(i64::from),
        comment: answer.comment,
        time: time
            .and_then(|time| times::checked(question.field("answer").field("answer_time"), time, violations)),
    }
}

pub fn answer_from_wire(index: usize, answer: v1::RatingAnswer, violations: &mut Violations) -> NewAnswer {
    let at = Path::ROOT.item("answers", index);
    let given = answer.question;
    let place = u64::try_from(given).unwrap_or_else(|_| {
        violations.add(at.field("question"), format!("must not be negative, is {given}"));
        0
    });
    NewAnswer {
        question: QuestionRef::Place(place),
        value: answer.value.map(i64::from),
        comment: answer.comment,
        time: answer
            .answer_time
            .as_ref()
            .and_then(|time| times::checked(at.field("answer_time"), time, violations)),
    }
}
