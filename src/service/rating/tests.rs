//! A scorecard that names what customers answer.

use std::sync::Arc;

use super::*;
use crate::{
    clock::ManualClock,
    domain::{
        Assessment, AssessmentId, Author, AuthorKind, Channel, Course, ImportOutcome, ImportedRatingDraft,
        Listing, MessageKind, NewAnswer, NewConversation, NewImportedMessage, Path, QuestionDraft,
        QuestionRef, RatingAnswer, RatingDefaults, RatingDraft, RatingFilter, RatingQuestion, RatingType,
        RevisionRef, Submission, UnixMillis, Violations,
    },
    scoring::yaml,
    service::{
        Services, Settings,
        import::{ConflictPolicy, import_conversation},
        scoring::{Outcome, score_conversation},
    },
    store::{Decision, Keyspace, MemoryStore, WorkspaceId, assessment, listing, rating, scorecard},
};

const STARS: &str = "
id: stars
label: Stars
categories:
  - id: one
    label: One
    criteria:
      - id: csat
        label: CSAT
        max_points: 5
        scoring_type: numeric_scale
        applies_when: known(csat_stars)
        rule: csat_stars
        reason: The customer gave {csat_stars}.
";

/// Use cases over a store with the built-in scorecards, and perhaps with this one.
async fn services(with_stars: bool) -> Services {
    let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
    if with_stars {
        let name = RevisionRef { base: "stars".to_owned(), base_id: 9, ordinal: 1, revision_id: 9 };
        let revision = yaml::parse(STARS).expect("a scorecard").into_revision(name, UnixMillis::clamped(0));
        let mut decision = Decision::new(Space::new(&store, WorkspaceId::FIRST));
        decision.expect(decision.keys().scorecard_family("stars"), None);
        scorecard::put_seeded(&mut decision, &revision);
        assert!(decision.commit().await.expect("the store takes it"));
    }
    let clock = Arc::new(ManualClock::at(UnixMillis::clamped(1_800_000_000_000)));
    Services::open(store, clock, Settings::default()).await.expect("the services open")
}

fn new_conversation() -> NewConversation {
    let message = |id: &str, kind: AuthorKind| NewImportedMessage {
        external_id: id.parse().unwrap(),
        kind: MessageKind::Message,
        content: "Hello".to_owned(),
        author: Author { kind, external_id: Some(id.parse().unwrap()), name: None },
        create_time: UnixMillis::clamped(1_700_000_000_000),
        ai_tool: None,
        details: None,
        is_automatic: false,
        update_time: None,
    };
    NewConversation {
        messages: vec![message("c", AuthorKind::Contact), message("t", AuthorKind::Teammate)],
        ..NewConversation::new("custom".parse().unwrap(), "1".parse().unwrap())
    }
}

async fn import(services: &Services) -> ConversationId {
    let new = new_conversation();
    let imported = import_conversation(Call::new(services), &new, ConflictPolicy::Reject).await;
    let id = imported.expect("it is new").conversation;
    assert_eq!(score_conversation(Call::new(services), id).await.expect("it is scored"), Outcome::Scored);
    id
}

async fn offered(services: &Services, id: ConversationId) -> RatingRef {
    let question = QuestionDraft { kind: Some(RatingType::Csat), ..QuestionDraft::default() };
    let draft = RatingDraft { questions: vec![question], ..RatingDraft::default() };
    let new = draft.check(Violations::default()).expect("an offer");
    let conversation = ConversationRef::Id(id);
    let rating = offer_rating(Call::new(services), &conversation, &new).await.expect("it is offered");
    RatingRef { conversation, uuid: services.rating_uuid(rating.id) }
}

async fn answer(services: &Services, rating: &RatingRef, value: i64) {
    let answer = NewAnswer { question: QuestionRef::Only, value: Some(value), comment: None, time: None };
    let submission = Submission { answers: vec![answer], opt_out: None };
    submit_rating(Call::new(services), rating, &submission).await.expect("it is answered");
}

/// The stars of the conversation's assessment; `None` where they do not apply.
async fn stars(services: &Services, id: ConversationId) -> Option<f64> {
    let all: Vec<Assessment> =
        assessment::list_after(&Call::new(services).space(), id, AssessmentId(0), 10).await.expect("a list");
    let stars =
        all.iter().find(|assessment| assessment.scorecard.base == "stars").expect("one for the stars");
    stars.criteria[0].system.as_ref().map(|answer| answer.score.points())
}

#[tokio::test]
async fn an_answer_is_scored_where_a_scorecard_names_it_and_another_answer_again() {
    let services = services(true).await;
    let id = import(&services).await;
    let rating = offered(&services, id).await;
    assert_eq!(score_conversation(Call::new(&services), id).await.expect("an outcome"), Outcome::NothingToDo);
    assert_eq!(stars(&services, id).await, None);
    for value in [4, 2] {
        answer(&services, &rating, value).await;
        assert_eq!(score_conversation(Call::new(&services), id).await.expect("an outcome"), Outcome::Scored);
        assert_eq!(stars(&services, id).await, Some(value as f64));
    }
    let later = offered(&services, id).await;
    answer(&services, &later, 5).await;
    score_conversation(Call::new(&services), id).await.expect("it is scored");
    assert_eq!(
        stars(&services, id).await,
        Some(5.0),
        "of two answers of one moment the later offer's counts"
    );
}

#[tokio::test]
async fn without_such_a_scorecard_an_answer_queues_nothing() {
    let services = services(false).await;
    let id = import(&services).await;
    let rating = offered(&services, id).await;
    answer(&services, &rating, 1).await;
    assert_eq!(score_conversation(Call::new(&services), id).await.expect("an outcome"), Outcome::NothingToDo);
}

/// An answer that an append brings: to a rating that is stored, and with one that is not.
#[tokio::test]
async fn an_imported_answer_is_scored_where_a_scorecard_names_it() {
    for (with_stars, outcome) in [(true, Outcome::Scored), (false, Outcome::NothingToDo)] {
        let services = services(with_stars).await;
        let id = import(&services).await;
        let append = async |value: Option<i64>, uuid: u128| {
            let time = Some(UnixMillis::clamped(1_700_000_000_000));
            let answer = value.map(|_| NewAnswer { question: QuestionRef::Only, value, comment: None, time });
            let question = QuestionDraft { kind: Some(RatingType::Csat), ..QuestionDraft::default() };
            let rating = ImportedRatingDraft {
                uuid: Some(uuid::Uuid::from_u128(uuid)),
                questions: vec![(question, answer)],
                offer_time: time,
                ..ImportedRatingDraft::default()
            };
            let messages = new_conversation().messages;
            let people = RatingDefaults { user: Some(&messages[0].author), agent: Some(&messages[1].author) };
            let mut violations = Violations::default();
            let rating = rating.check(people, Path::ROOT, &mut violations).expect("a rating");
            let new = NewConversation { ratings: vec![rating], ..new_conversation() };
            let imported = import_conversation(Call::new(&services), &new, ConflictPolicy::Append).await;
            let imported = imported.expect("it is appended").outcome;
            (imported, score_conversation(Call::new(&services), id).await.expect("an outcome"))
        };
        assert_eq!(append(None, 1).await, (ImportOutcome::Appended, Outcome::NothingToDo));
        assert_eq!(append(Some(4), 1).await, (ImportOutcome::Updated, outcome));
        assert_eq!(append(Some(4), 1).await, (ImportOutcome::Existing, Outcome::NothingToDo));
        assert_eq!(append(Some(2), 2).await, (ImportOutcome::Appended, outcome));
        if with_stars {
            assert_eq!(
                stars(&services, id).await,
                Some(2.0),
                "of two answers of one moment the later offer's"
            );
        }
    }
}

/// Two ratings, one of them of a deleted conversation among so many that they are not held in memory.
#[tokio::test]
async fn ratings_of_deleted_conversations_do_not_count_however_many_there_are() {
    let services = services(false).await;
    let call = Call::new(&services);
    let mut decision = Decision::new(call.space());
    for number in 0..=60_000 {
        listing::put_deletion(
            &mut decision,
            UnixMillis::clamped(number),
            ConversationId(1_000_000 + number as u64),
        );
    }
    for (number, is_deleted) in [(1, false), (1_000_005, true)] {
        let id = ConversationId(number);
        decision.expect(decision.keys().listing(id), None);
        listing::put(&mut decision, id, None, &Listing { is_deleted, ..Listing::default() });
        rating::put_new(&mut decision, &rated(id));
    }
    assert!(decision.commit().await.expect("the store takes it"));
    let summary = summarize_ratings(call, &RatingFilter::default()).await.unwrap();
    assert_eq!((summary.offered, summary.csat_mean.value), (1, Some(5.0)));
}

fn rated(conversation: ConversationId) -> Rating {
    let person = |kind| Author { kind, external_id: Some("1".parse().unwrap()), name: None };
    let time = UnixMillis::clamped(1_700_000_000_000);
    let answer = Some(RatingAnswer { value: 5, comment: None, time });
    Rating {
        id: RatingId(conversation.0 + 1),
        conversation,
        user: person(AuthorKind::Contact),
        agent: person(AuthorKind::Teammate),
        source: "custom".parse().unwrap(),
        channel: Channel::Email,
        offer_time: time,
        course: Course::default(),
        questions: vec![RatingQuestion { kind: RatingType::Csat, text: None, language: None, answer }],
        version: 1,
        create_time: time,
        update_time: time,
        imported_uuid: None,
    }
}
