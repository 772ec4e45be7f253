use super::{
    super::{AuthorDraft, Violations, limits},
    *,
};

const OFFER: UnixMillis = UnixMillis::clamped(1_000);
const LATER: UnixMillis = UnixMillis::clamped(2_000);

fn person(kind: AuthorKind, id: &str) -> Author {
    Author { kind, external_id: Some(id.parse().unwrap()), name: None }
}

fn rating(kinds: &[RatingType]) -> Rating {
    let question =
        |kind: &RatingType| RatingQuestion { kind: *kind, text: None, language: None, answer: None };
    Rating {
        id: RatingId(7),
        conversation: ConversationId(1),
        user: person(AuthorKind::Contact, "c1"),
        agent: person(AuthorKind::Teammate, "t1"),
        source: "test".parse().unwrap(),
        channel: Channel::Email,
        offer_time: OFFER,
        course: Course::default(),
        questions: kinds.iter().map(question).collect(),
        version: 1,
        create_time: OFFER,
        update_time: OFFER,
        imported_uuid: None,
    }
}

fn answers(values: &[(u64, i64)]) -> Submission {
    let answer = |(place, value): &(u64, i64)| NewAnswer {
        question: QuestionRef::Place(*place),
        value: Some(*value),
        comment: None,
        time: None,
    };
    Submission { answers: values.iter().map(answer).collect(), opt_out: None }
}

fn fields(refused: Result<Rating, Refused>) -> Vec<String> {
    match refused {
        Err(Refused::Invalid(violations)) => violations.iter().map(|wrong| wrong.field.clone()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_type_takes_its_values_and_no_other() {
    for (kind, least, most) in
        [(RatingType::Csat, 1, 5), (RatingType::Nps, 0, 10), (RatingType::Thumbs, 0, 1)]
    {
        for value in -2..=300 {
            let submitted = rating(&[kind]).submit(&answers(&[(0, value)]), LATER, 0);
            if (least..=most).contains(&value) {
                let stored = submitted.unwrap().questions[0].answer.clone().unwrap();
                assert_eq!((i64::from(stored.value), stored.time), (value, LATER), "{kind:?}");
            } else {
                assert_eq!(fields(submitted), ["answers[0].value"], "{kind:?} {value}");
            }
        }
    }
}

#[test]
fn a_partial_submission_leaves_other_answers_alone() {
    let asked = rating(&[RatingType::Csat, RatingType::Nps]);
    let first = asked.submit(&answers(&[(1, 9)]), LATER, 0).unwrap();
    assert_eq!(first.state(LATER), RatingState::Rated);
    assert_eq!(first.state_of(&first.questions[0], LATER), RatingState::Offered);
    let both = first.submit(&answers(&[(0, 4)]), UnixMillis::clamped(3_000), 0).unwrap();
    let values: Vec<_> =
        both.questions.iter().map(|question| question.answer.as_ref().unwrap().value).collect();
    assert_eq!((values, both.version, both.answer_time()), (vec![4, 9], 3, Some(UnixMillis::clamped(3_000))));
    assert_eq!(both.as_offered(), asked);
}

#[test]
fn all_violations_are_reported_at_once() {
    let asked = rating(&[RatingType::Csat, RatingType::Nps]);
    let mut wrong = answers(&[(0, 6), (2, 1), (0, 1)]);
    wrong.answers[0].comment = Some("x".repeat(limits::COMMENT_BYTES + 1));
    let expected = ["answers[0].comment", "answers[0].value", "answers[1].question", "answers[2].question"];
    assert_eq!(fields(asked.submit(&wrong, LATER, 0)), expected);
    assert_eq!(fields(asked.submit(&Submission::default(), LATER, 0)), ["answers"]);
}

#[test]
fn a_question_is_found_by_type_or_by_being_the_only_one() {
    let by = |question, kinds: &[RatingType]| {
        let mut submission = answers(&[(0, 1)]);
        submission.answers[0].question = question;
        rating(kinds).submit(&submission, LATER, 0)
    };
    let two = [RatingType::Csat, RatingType::Thumbs];
    let thumbs = by(QuestionRef::OfType(RatingType::Thumbs), &two).unwrap();
    assert!(thumbs.questions[0].answer.is_none() && thumbs.questions[1].answer.is_some());
    assert!(by(QuestionRef::Only, &[RatingType::Nps]).is_ok());
    assert_eq!(fields(by(QuestionRef::Only, &two)), ["answers[0].type"]);
    assert_eq!(fields(by(QuestionRef::OfType(RatingType::Nps), &two)), ["answers[0].type"]);
}

#[test]
fn only_an_open_offer_takes_answers() {
    let open = rating(&[RatingType::Csat]);
    let with = |change: fn(&mut Course)| {
        let mut changed = open.clone();
        change(&mut changed.course);
        changed
    };
    type Closing = (RatingState, fn(&mut Course));
    let closed: [Closing; 5] = [
        (RatingState::Cancelled, |course| course.cancel_time = Some(LATER)),
        (RatingState::Unscheduled, |course| course.withheld = true),
        (RatingState::OptedOut, |course| course.opt_out_time = Some(LATER)),
        (RatingState::Expired, |course| course.expire_time = Some(LATER)),
        (RatingState::Scheduled, |course| course.scheduled = true),
    ];
    for (state, change) in closed {
        let now = if state == RatingState::Scheduled { UnixMillis::clamped(999) } else { LATER };
        let refused = with(change).submit(&answers(&[(0, 5)]), now, 0);
        assert_eq!(refused, Err(Refused::Closed(state)));
    }
    // A partly answered offer also expires, for its other questions, and stays rated.
    let mut partly =
        rating(&[RatingType::Csat, RatingType::Csat]).submit(&answers(&[(0, 5)]), OFFER, 0).unwrap();
    partly.course.expire_time = Some(LATER);
    assert_eq!(partly.submit(&answers(&[(1, 5)]), LATER, 0), Err(Refused::Closed(RatingState::Expired)));
    assert_eq!(partly.state(LATER), RatingState::Rated);
    assert!(with(|course| course.scheduled = true).submit(&answers(&[(0, 5)]), OFFER, 0).is_ok());
}

#[test]
fn a_customer_who_was_asked_may_opt_out_and_back_in() {
    let opt = |out, values: &[(u64, i64)]| Submission { opt_out: Some(out), ..answers(values) };
    let out = rating(&[RatingType::Csat]).submit(&opt(true, &[]), LATER, 0).unwrap();
    assert_eq!(out.state(LATER), RatingState::OptedOut);
    assert_eq!(out.submit(&answers(&[(0, 5)]), LATER, 0), Err(Refused::Closed(RatingState::OptedOut)));
    assert_eq!(out.submit(&opt(false, &[(0, 5)]), LATER, 0).unwrap().state(LATER), RatingState::Rated);
    let both = rating(&[RatingType::Csat]).submit(&opt(true, &[(0, 5)]), LATER, 0).unwrap();
    assert_eq!((both.state(LATER), both.course.opt_out_time), (RatingState::Rated, Some(LATER)));
    let mut cancelled = rating(&[RatingType::Csat]);
    cancelled.course.cancel_time = Some(LATER);
    assert_eq!(cancelled.submit(&opt(true, &[]), LATER, 0), Err(Refused::Closed(RatingState::Cancelled)));
}

#[test]
fn an_answered_offer_cannot_be_cancelled() {
    let open = rating(&[RatingType::Csat]);
    let cancelled = open.cancel(LATER).unwrap().unwrap();
    assert_eq!(cancelled.state(LATER), RatingState::Cancelled);
    assert_eq!(cancelled.cancel(LATER), Ok(None));
    let rated = open.submit(&answers(&[(0, 5)]), LATER, 0).unwrap();
    assert_eq!(rated.cancel(LATER), Err(RatingState::Rated));
}

#[test]
fn cancelled_and_unasked_offers_do_not_count_as_offered() {
    let mut counts = RatingCounts::default();
    let mut add = |change: fn(&mut Rating)| {
        let mut rating = rating(&[RatingType::Csat, RatingType::Nps, RatingType::Thumbs]);
        change(&mut rating);
        counts.add(&rating.entry(), rating.offer_time, LATER);
    };
    add(|rating| rating.course.cancel_time = Some(LATER));
    add(|rating| rating.course.withheld = true);
    add(|rating| {
        rating.course.scheduled = true;
        rating.offer_time = LATER.plus_millis(1);
    });
    add(|_| {});
    add(|rating| rating.course.expire_time = Some(LATER));
    add(|rating| rating.course.opt_out_time = Some(LATER));
    add(|rating| *rating = rating.submit(&answers(&[(0, 5), (1, 10)]), OFFER, 0).unwrap());
    add(|rating| *rating = rating.submit(&answers(&[(0, 3), (1, 6), (2, 1)]), OFFER, 0).unwrap());
    let summary = counts.summary();
    assert_eq!((summary.offered, summary.answered, summary.response_rate.value), (5, 2, Some(0.4)));
    assert_eq!((summary.csat_mean.n, summary.csat_mean.value), (2, Some(4.0)));
    assert_eq!(summary.csat_satisfied.value, Some(0.5));
    assert_eq!((summary.net_promoter_score.n, summary.net_promoter_score.value), (2, Some(0.0)));
    assert_eq!((summary.thumbs_up.n, summary.thumbs_up.value), (1, Some(1.0)));
}

#[test]
fn every_violation_of_a_draft_is_reported() {
    let wrong = RatingDraft {
        user: Some(AuthorDraft { kind: Some(AuthorKind::Ai), ..AuthorDraft::default() }),
        agent: Some(AuthorDraft {
            kind: Some(AuthorKind::Contact),
            external_id: Some("x".repeat(513)),
            name: None,
        }),
        questions: vec![
            QuestionDraft {
                kind: None,
                text: Some("x".repeat(2049)),
                language: Some("not a tag".to_owned())
            };
            21
        ],
        offer_time: Some(UnixMillis::clamped(5)),
        schedule_time: Some(UnixMillis::clamped(0)),
        expire_time: Some(UnixMillis::clamped(3)),
    };
    let violations = wrong.check(Violations::default()).unwrap_err();
    let found: Vec<_> = violations.iter().map(|wrong| wrong.field.as_str()).collect();
    let expected = [
        "user.kind",
        "user.external_id",
        "agent.kind",
        "agent.external_id",
        "questions",
        "questions[0].type",
    ];
    assert_eq!(found[..6], expected);
    assert_eq!(found[found.len() - 2..], ["schedule_time", "expire_time"]);
}

#[test]
fn an_agent_is_matched_by_id_or_else_by_name() {
    let by = |kind, external_id: Option<&str>, name: Option<&str>| AgentFilter {
        kind,
        external_id: external_id.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    let tom = Author { name: Some("Tom".to_owned()), ..person(AuthorKind::Teammate, "t1") };
    let nameless = Author { external_id: None, ..tom.clone() };
    assert!(by(None, Some("t1"), None).matches(&tom));
    assert!(by(Some(AuthorKind::Teammate), Some("t1"), Some("other")).matches(&tom));
    assert!(!by(Some(AuthorKind::Ai), Some("t1"), None).matches(&tom));
    assert!(!by(None, None, Some("Tom")).matches(&tom));
    assert!(by(None, None, Some("Tom")).matches(&nameless));
}
