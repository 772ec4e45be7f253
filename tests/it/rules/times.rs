//! Every timestamp of every request, found through the API's own descriptors, so that a new field is tested or must be
//! exempted.

use std::collections::BTreeSet;

use plaudit::proto::{
    DESCRIPTORS,
    v1::{RatingType, imported_item},
};
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value,
};
use prost_types::Timestamp;
use serde_json::{Value as Json, json};
use tonic::Code;

use super::violations;
use crate::{
    craftcx,
    harness::{BareGrpc, Client, Plaudit, sample},
    rating::offer,
};

const TIMESTAMP: &str = "google.protobuf.Timestamp";
/// Before the time that the server's clock shows.
const TIME: &str = "2025-12-31T09:00:00Z";
/// The year 11476, and one before 1970.
const OUT_OF_RANGE: [i64; 2] = [300_000_000_000, -1];

/// Timestamps in requests that may have any value: the method, the field, and why.
const EXEMPT: &[(&str, &str, &str)] = &[
    ("ListConversations", "filter.start_time", BOUND),
    ("ListConversations", "filter.end_time", BOUND),
    ("ListAssessments", "filter.start_time", BOUND),
    ("ListAssessments", "filter.end_time", BOUND),
    ("ListRatings", "filter.start_time", BOUND),
    ("ListRatings", "filter.end_time", BOUND),
    ("SummarizeRatings", "filter.start_time", BOUND),
    ("SummarizeRatings", "filter.end_time", BOUND),
    ("UpdateConversation", "conversation.create_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.update_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.messages[0].create_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.messages[0].update_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.status_changes[0].change_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.first_message_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.last_message_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.delete_time", OUTPUT_ONLY),
    ("UpdateConversation", "conversation.purge_time", OUTPUT_ONLY),
    ("StoreMessage", "message.update_time", OUTPUT_ONLY),
    ("UpdateMessage", "message.update_time", OUTPUT_ONLY),
    ("UpdatePerson", "person.create_time", OUTPUT_ONLY),
    ("UpdatePerson", "person.update_time", OUTPUT_ONLY),
    ("CreateTeam", "team.create_time", OUTPUT_ONLY),
    ("CreateTeam", "team.update_time", OUTPUT_ONLY),
    ("UpdateTeam", "team.create_time", OUTPUT_ONLY),
    ("UpdateTeam", "team.update_time", OUTPUT_ONLY),
    ("OfferRating", "rating.questions[0].answer.answer_time", OUTPUT_ONLY),
    ("OfferRating", "rating.cancel_time", OUTPUT_ONLY),
    ("OfferRating", "rating.opt_out_time", OUTPUT_ONLY),
    ("OfferRating", "rating.create_time", OUTPUT_ONLY),
    ("OfferRating", "rating.update_time", OUTPUT_ONLY),
    ("ImportConversation", "conversation.create_time", OUTPUT_ONLY),
    ("ImportConversation", "conversation.first_message_time", OUTPUT_ONLY),
    ("ImportConversation", "conversation.last_message_time", OUTPUT_ONLY),
    ("ImportConversation", "conversation.messages[0].create_time", REFUSED_AS_A_WHOLE),
    ("ImportConversation", "conversation.messages[0].update_time", REFUSED_AS_A_WHOLE),
    ("ImportConversation", "conversation.delete_time", OUTPUT_ONLY),
    ("ImportConversation", "conversation.purge_time", OUTPUT_ONLY),
    ("ImportConversation", "ratings[0].create_time", OUTPUT_ONLY),
    ("ImportConversation", "ratings[0].update_time", OUTPUT_ONLY),
];
/// A range may start and end arbitrarily far away.
const BOUND: &str = "a bound of a list's filter";
/// Set by the server; ignored in requests.
const OUTPUT_ONLY: &str = "output only";
/// The messages of an import are separate from its conversation.
const REFUSED_AS_A_WHOLE: &str = "the list itself is refused";

#[tokio::test]
async fn a_time_outside_the_calendar_is_refused_by_path_in_every_request() {
    let server = Plaudit::start().await;
    let caller = Caller::new(&server).await;
    let mut unused: BTreeSet<_> = EXEMPT.iter().map(|(method, field, _)| (*method, *field)).collect();
    let mut wrong = Vec::new();
    let mut refused = 0;
    for method in methods() {
        let mut paths = Vec::new();
        find_moments(&method.input(), "", &mut Vec::new(), &mut paths);
        for path in paths {
            let expected = match exemption(&method, &path) {
                Some((name, field, reason)) => {
                    unused.remove(&(*name, *field));
                    if *reason == REFUSED_AS_A_WHOLE {
                        path.split_once("[0]").map(|(list, _)| list)
                    } else {
                        None
                    }
                }
                None => Some(path.as_str()),
            };
            for seconds in OUT_OF_RANGE {
                let named = caller.fields_named(&method, &path, seconds).await;
                refused += usize::from(!named.is_empty());
                if named != Vec::from_iter(expected) {
                    wrong.push(format!("{}: {path} = {seconds} s: {named:?}", method.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(unused.is_empty(), "exemptions for fields that no longer exist: {unused:?}");
    assert!(refused >= 60, "only {refused} requests were refused");
}

/// An item of a stream counts as the request of a single call.
fn exemption(
    method: &MethodDescriptor,
    path: &str,
) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let (method, path) = match path.strip_prefix("import.") {
        Some(path) => ("ImportConversation", path),
        None => (method.name(), path),
    };
    EXEMPT.iter().find(|(name, field, _)| (*name, *field) == (method, path))
}

/// A time before 1970 and one after 9999.
type OutOfRange = [fn() -> Json; 2];

/// A timestamp of a REST dialect: the path, a valid body, the field's place in it, the field's name in an error, and two bad
/// values.
type RestTimestamp = (&'static str, fn() -> Json, &'static str, &'static str, OutOfRange);

#[rustfmt::skip]
const REST: &[RestTimestamp] = &[
    ("/v1/assess", craftcx::setup::sample, "/messages/0/timestamp", "messages[0].timestamp", [|| json!(-1), || json!(300_000_000_000_000_i64)]),
    (STORE, || json!({}), "/createdAt", "createdAt", ENNEO),
    (STORE, || json!({}), "/firstResponseDueBy", "firstResponseDueBy", ENNEO),
    (STORE, || json!({}), "/dueBy", "dueBy", ENNEO),
    (OFFER, || json!({ "ratingType": "Csat" }), "/offeredAt", "offeredAt", ISO),
    (SUBMIT, || json!({ "ratingResult": { "value": 5 } }), "/submittedAt", "submittedAt", ISO),
];
const STORE: &str = "/api/mind/ticket/8821/conversation/store";
const OFFER: &str = "/beta/conversations/1234/ratings/offer";
/// With a rating's number.
const SUBMIT: &str = "/beta/conversations/1234/ratings/{}/submit";
const ENNEO: OutOfRange = [|| json!("1969-12-31 23:59:59"), || json!("10000-01-01 00:00:00")];
const ISO: OutOfRange = [|| json!("1969-12-31T23:59:59Z"), || json!("9999-12-31T23:59:59-00:01")];

#[tokio::test]
async fn a_time_outside_the_calendar_is_refused_by_every_rest_dialect() {
    let server = Plaudit::start().await;
    let mut ticket = sample::import("1234");
    ticket.conversation.as_mut().unwrap().source = "dixa".to_owned();
    server.client().await.import(ticket).await.unwrap();
    let http = server.http();
    let offered = http.post(OFFER, json!({ "ratingType": "Csat" }).to_string()).await;
    assert_eq!(offered.status, 201, "{offered:?}");
    let offered = offered.json();
    let rating = offered["data"]["id"].as_str().unwrap();
    for (path, valid, place, field, out_of_range) in REST {
        let path = path.replace("{}", rating);
        let (parent, name) = place.rsplit_once('/').unwrap();
        for value in out_of_range {
            let (mut body, value) = (valid(), value());
            body.pointer_mut(parent).unwrap()[name] = value.clone();
            let answer = http.post(&path, body.to_string()).await;
            assert!(
                answer.status == 400 && answer.text().contains(&format!("{field}: ")),
                "{path}: {value}: {answer:?}"
            );
        }
        // Nothing but the time was wrong.
        let answer = http.post(&path, valid().to_string()).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
    }
}

fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let services: Vec<_> = pool.services().filter(|service| service.package_name() == "plaudit.v1").collect();
    services.iter().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// The paths of all timestamps in a message; for a list, those of its first item.
fn find_moments(
    message: &MessageDescriptor,
    prefix: &str,
    above: &mut Vec<MessageDescriptor>,
    paths: &mut Vec<String>,
) {
    // A message nested within itself has the same fields again.
    if above.contains(message) {
        return;
    }
    above.push(message.clone());
    for field in message.fields() {
        let Kind::Message(inner) = field.kind() else { continue };
        let item = if field.is_list() { "[0]" } else { "" };
        let path = format!("{prefix}{}{item}", field.name());
        if inner.full_name() == TIMESTAMP {
            paths.push(path);
        } else {
            find_moments(&inner, &format!("{path}."), above, paths);
        }
    }
    above.pop();
}

/// Sets the timestamp at a path, creating missing messages on the way.
fn set_moment(message: &mut DynamicMessage, path: &str, seconds: i64) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let field = message.descriptor().get_field_by_name(step.trim_end_matches("[0]")).unwrap();
    let Some(rest) = rest else {
        let mut time = DynamicMessage::new(field.kind().as_message().unwrap().clone());
        time.transcode_from(&Timestamp { seconds, nanos: 0 }).unwrap();
        return message.set_field(&field, Value::Message(time));
    };
    let value = message.get_field_mut(&field);
    let inner = match value {
        Value::List(items) => {
            if items.is_empty() {
                let item = DynamicMessage::new(field.kind().as_message().unwrap().clone());
                items.push(Value::Message(item));
            }
            items.first_mut().unwrap()
        }
        single => single,
    };
    let Value::Message(inner) = inner else { panic!("{path} leads through no message") };
    set_moment(inner, rest, seconds);
}

/// Calls any method with a request that is valid except for one timestamp.
struct Caller {
    grpc: BareGrpc,
    client: Client,
    message: String,
    rating: String,
    person: String,
    team: String,
}

impl Caller {
    async fn new(server: &Plaudit) -> Self {
        let client = server.client().await;
        let conversation = client.import(sample::import("42")).await.unwrap().conversation;
        let message = client.messages(&conversation, 1).await.remove(0).name;
        let rating = client.offer_rating(offer(&conversation, &[RatingType::Csat])).await.unwrap().name;
        let grpc = server.bare_grpc().await;
        let team = "teams/test:billing".to_owned();
        let caller =
            Self { grpc, client, message, rating, person: "people/test:teammate:t1".to_owned(), team };
        caller.client.scored(&conversation).await;
        let team = json!({ "team": { "source": "test", "externalId": "billing", "displayName": "Billing" } });
        let create = methods().into_iter().find(|method| method.name() == "CreateTeam").unwrap();
        assert_eq!(caller.call(&create, request(&create, team)).await, Vec::<String>::new());
        caller
    }

    async fn fields_named(&self, method: &MethodDescriptor, path: &str, seconds: i64) -> Vec<String> {
        let mut request = request(method, self.valid(method));
        set_moment(&mut request, path, seconds);
        self.call(method, request).await
    }

    /// The fields reported as wrong; none if the call is carried out.
    async fn call(&self, method: &MethodDescriptor, request: DynamicMessage) -> Vec<String> {
        if method.is_client_streaming() {
            let import = request.get_field_by_name("import").unwrap();
            let import = import.as_message().unwrap().transcode_to().unwrap();
            let (results, _) = self.client.import_all(vec![import]).await;
            return match &results[0] {
                imported_item::Result::Failure(failure) => {
                    let named = failure.field_violations.iter();
                    named.map(|violation| format!("import.{}", violation.field)).collect()
                }
                _ => Vec::new(),
            };
        }
        let message = request.encode_to_vec();
        let mut frame = vec![0];
        frame.extend((message.len() as u32).to_be_bytes());
        frame.extend(message);
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let body = tonic::body::Body::new(http_body_util::Full::from(frame));
        let status = self.grpc.send(&path, &[], body).await;
        if status.code() == Code::Ok {
            return Vec::new();
        }
        violations(&status).into_iter().map(|(field, _)| field).collect()
    }

    /// A valid request of a method, in protobuf's JSON form.
    fn valid(&self, method: &MethodDescriptor) -> Json {
        let conversation = "conversations/test:42";
        let customer = json!({ "externalId": "c1" });
        match method.name() {
            "ImportConversation" => import(),
            "ImportConversations" => json!({ "import": import() }),
            "StoreMessage" => json!({ "parent": conversation, "message": { "content": "Hello" } }),
            "UpdateConversation" => {
                json!({ "conversation": { "name": conversation, "subject": "New" } })
            }
            "UpdateMessage" => {
                let message = json!({ "name": self.message, "createTime": TIME });
                json!({ "message": message, "updateMask": "createTime" })
            }
            "OfferRating" => {
                let questions = json!([{ "type": "RATING_TYPE_CSAT" }]);
                json!({ "parent": conversation, "rating": { "user": customer, "questions": questions } })
            }
            "SubmitRating" => json!({ "name": self.rating, "answers": [{ "value": 4 }] }),
            "CreateOptOut" => json!({ "optOut": { "source": "test", "customer": { "externalId": "c9" } } }),
            "UpdatePerson" => json!({ "person": { "name": self.person, "description": "Helps" } }),
            "CreateTeam" => json!({ "team": { "displayName": "Claims" } }),
            "UpdateTeam" => json!({ "team": { "name": self.team, "description": "Helps" } }),
            "ListRatings" => json!({ "parent": "conversations/-" }),
            "ListAssessments" => json!({ "parent": "conversations/-" }),
            "ListConversations" | "SummarizeRatings" => json!({}),
            name => panic!("{name} has timestamps: add a valid request for it here"),
        }
    }
}

fn import() -> Json {
    let question = json!({ "type": "RATING_TYPE_CSAT", "answer": { "value": 4, "answerTime": TIME } });
    let user = json!({ "kind": "AUTHOR_KIND_CONTACT", "externalId": "c1" });
    let agent = json!({ "kind": "AUTHOR_KIND_TEAMMATE", "externalId": "t1" });
    json!({
        "conversation": {
            "source": "test",
            "externalId": "43",
            "status": "CONVERSATION_STATUS_CLOSED",
            "statusChanges": [{ "status": "CONVERSATION_STATUS_CLOSED", "changeTime": TIME }],
        },
        "messages": [{
            "externalId": "m1",
            "kind": "MESSAGE_KIND_MESSAGE",
            "content": "Hello",
            "author": user,
            "createTime": TIME,
        }],
        "onConflict": "CONFLICT_POLICY_RETURN_EXISTING",
        "ratings": [{ "questions": [question], "offerTime": TIME, "user": user, "agent": agent }],
    })
}

fn request(method: &MethodDescriptor, valid: Json) -> DynamicMessage {
    DynamicMessage::deserialize(method.input(), valid).unwrap()
}
