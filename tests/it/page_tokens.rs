//! Page tokens that an earlier version issued. Each is bound to the arguments of its list in words, so a token made of
//! today's words must go on being accepted, with every filter set: a walk over a list may outlast an upgrade.

use plaudit::{
    proto::v1::{
        AssessmentFilter, AssessmentState, Author, AuthorKind, Channel, ConversationFilter,
        ConversationStatus, ListAssessmentsRequest, ListConversationsRequest, ListMessagesRequest,
        ListOptOutsRequest, ListPeopleRequest, ListRatingsRequest, ListScorecardsRequest, ListTeamsRequest,
        RatingFilter, RatingState, assessment_service_client::AssessmentServiceClient,
        conversation_service_client::ConversationServiceClient,
        directory_service_client::DirectoryServiceClient, rating_service_client::RatingServiceClient,
        scorecard_service_client::ScorecardServiceClient,
    },
    service::{Services, Settings},
    store::{Batch, keys, records, records::Secret},
};
use prost_types::Timestamp;
use tonic::{Code, Status, transport::Channel as Connection};

use crate::{
    harness::{Plaudit, fault},
    store_message::{store, words},
};

/// The arguments of a list in words, a place in it, and a call that continues there.
type List = (&'static str, &'static str, fn(Connection, String) -> Answer);
type Answer = futures_util::future::BoxFuture<'static, Result<(), Status>>;

/// Continues a list at a token.
macro_rules! list {
    ($client:ident, $call:ident, $request:expr) => {
        |channel, page_token| {
            Box::pin(async move {
                let request = with_token($request, |request| &mut request.page_token, page_token);
                $client::new(channel).$call(request).await.map(drop)
            })
        }
    };
}

fn with_token<T>(mut request: T, of: fn(&mut T) -> &mut String, page_token: String) -> T {
    *of(&mut request) = page_token;
    request
}

fn seconds(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn of_conversations() -> ConversationFilter {
    ConversationFilter {
        source: "test".to_owned(),
        status: ConversationStatus::Open.into(),
        channel: Channel::Email.into(),
        agent: "t1".to_owned(),
        tags: vec!["vip".to_owned(), "late".to_owned()],
        start_time: seconds(1),
        end_time: seconds(2),
        min_score: Some(1.5),
        max_score: Some(4.0),
        rated: Some(true),
        ..Default::default()
    }
}

fn of_assessments() -> AssessmentFilter {
    AssessmentFilter {
        state: AssessmentState::AiReady.into(),
        scorecard: "scorecards/axis".to_owned(),
        assessee: "t1".to_owned(),
        start_time: seconds(1),
        end_time: seconds(2),
        min_percentage: Some(10.0),
        max_percentage: Some(90.5),
        ..Default::default()
    }
}

fn of_ratings() -> RatingFilter {
    let agent = Author {
        kind: AuthorKind::Teammate.into(),
        external_id: Some("t1".to_owned()),
        name: Some("Tom".to_owned()),
    };
    RatingFilter {
        states: vec![RatingState::Rated.into(), RatingState::Offered.into()],
        agent: Some(agent),
        channel: Channel::Email.into(),
        source: "test".to_owned(),
        start_time: seconds(1),
        end_time: seconds(2),
    }
}

fn of_one() -> String {
    "conversations/5000000000000001".to_owned()
}

const CURSOR: &str = "1.5000000000000001.0.5000000000000009.1";

const LISTS: &[List] = &[
    (
        "conversations Kept ConversationFilter { source: Some(\"test\"), status: Some(Open), channel: \
         Some(Email), agent: Some(\"t1\"), tags: [\"late\", \"vip\"], created: TimeRange { start: \
         Some(UnixMillis(1000)), end: Some(UnixMillis(2000)) }, score_tenths: Some(15..=40), is_rated: \
         Some(true) }",
        CURSOR,
        list!(
            ConversationServiceClient,
            list_conversations,
            ListConversationsRequest { filter: Some(of_conversations()), ..Default::default() }
        ),
    ),
    (
        "conversations WithDeleted ConversationFilter { source: None, status: None, channel: None, agent: \
         None, tags: [], created: TimeRange { start: None, end: None }, score_tenths: None, is_rated: None }",
        CURSOR,
        list!(
            ConversationServiceClient,
            list_conversations,
            ListConversationsRequest { show_deleted: true, ..Default::default() }
        ),
    ),
    (
        "messages of 5000000000000001",
        "5000000000000002",
        list!(
            ConversationServiceClient,
            list_messages,
            ListMessagesRequest { parent: of_one(), ..Default::default() }
        ),
    ),
    (
        "assessments All AssessmentFilter { state: Some(AiReady), scorecard: Some((\"axis\", None)), \
         assessee: Some(\"t1\"), created: TimeRange { start: Some(UnixMillis(1000)), end: \
         Some(UnixMillis(2000)) }, percentage_tenths: Some(100..=905) }",
        CURSOR,
        list!(
            AssessmentServiceClient,
            list_assessments,
            ListAssessmentsRequest {
                parent: "conversations/-".to_owned(),
                filter: Some(of_assessments()),
                ..Default::default()
            }
        ),
    ),
    (
        "assessments One(ConversationId(5000000000000001)) AssessmentFilter { state: None, scorecard: None, \
         assessee: None, created: TimeRange { start: None, end: None }, percentage_tenths: None }",
        CURSOR,
        list!(
            AssessmentServiceClient,
            list_assessments,
            ListAssessmentsRequest { parent: of_one(), ..Default::default() }
        ),
    ),
    (
        "ratings of all, RatingFilter { states: [Rated, Offered], agent: Some(AgentFilter { kind: \
         Some(Teammate), external_id: Some(\"t1\"), name: Some(\"Tom\") }), channel: Some(Email), source: \
         Some(\"test\"), from: Some(UnixMillis(1000)), until: Some(UnixMillis(2000)) }",
        "1-5000000000000009",
        list!(
            RatingServiceClient,
            list_ratings,
            ListRatingsRequest {
                parent: "conversations/-".to_owned(),
                filter: Some(of_ratings()),
                ..Default::default()
            }
        ),
    ),
    (
        "ratings of 5000000000000001, RatingFilter { states: [Rated, Offered], agent: Some(AgentFilter { \
         kind: Some(Teammate), external_id: Some(\"t1\"), name: Some(\"Tom\") }), channel: Some(Email), \
         source: Some(\"test\"), from: Some(UnixMillis(1000)), until: Some(UnixMillis(2000)) }",
        "5000000000000009",
        list!(
            RatingServiceClient,
            list_ratings,
            ListRatingsRequest { parent: of_one(), filter: Some(of_ratings()), ..Default::default() }
        ),
    ),
    ("opt-outs", "60", list!(RatingServiceClient, list_opt_outs, ListOptOutsRequest::default())),
    (
        r#"people 3 "test" """#,
        "50",
        list!(
            DirectoryServiceClient,
            list_people,
            ListPeopleRequest {
                kind: AuthorKind::Teammate.into(),
                source: "test".to_owned(),
                ..Default::default()
            }
        ),
    ),
    (r#"people 0 "" """#, "50", list!(DirectoryServiceClient, list_people, ListPeopleRequest::default())),
    ("teams", "5000000000000010", list!(DirectoryServiceClient, list_teams, ListTeamsRequest::default())),
    ("scorecards", "axis", list!(ScorecardServiceClient, list_scorecards, ListScorecardsRequest::default())),
];

#[tokio::test]
async fn tokens_are_bound_to_these_words() {
    let secret = (keys::secret(), records::encode(&Secret { key: [7; 32] }));
    let server = Plaudit::start_on(Batch { put: vec![secret], ..Batch::default() }).await;
    let client = server.client().await;
    client.store(store("conversations/test:1", words("Hello"))).await.unwrap();
    let services = Services::open(server.store.clone(), server.clock.clone(), Settings::default());
    let services = services.await.unwrap();
    let mut broken = Vec::new();
    for (arguments, place, list) in LISTS {
        let continued = list(server.channel().await, services.page_token(arguments, place)).await;
        if let Err(status) = continued {
            broken.push(format!("{arguments}: {status}"));
        }
        let of_another = services.page_token(&format!("{arguments} "), place);
        let refused = list(server.channel().await, of_another).await.unwrap_err();
        assert_eq!(fault(&refused), (Code::InvalidArgument, "INVALID_FIELDS".to_owned()), "{arguments}");
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
