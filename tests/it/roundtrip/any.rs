//! Whatever a call accepts, another server accepts as a line of an export.

use std::cell::RefCell;

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plaudit::proto::v1::{
    Author, AuthorKind, Conversation, CreateOptOutRequest, CreateTeamRequest, ImportConversationRequest,
    Message, MessageDirection, OptOut, Person, RatingAnswer, StatusChange, StoreMessageRequest,
    SubmitRatingRequest, Team, UpdateConversationRequest, UpdateMessageRequest, UpdatePersonRequest,
    directory_service_client::DirectoryServiceClient, rating_service_client::RatingServiceClient,
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use prost_types::{FieldMask, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

use super::{lines, neutral, remove, run};
use crate::{
    harness::{Client, ServerProcess, sample},
    rating::offer_with,
};

const CALLS: [&str; 9] = [
    "ImportConversation",
    "StoreMessage",
    "UpdateMessage",
    "OfferRating",
    "SubmitRating",
    "CreateOptOut",
    "UpdatePerson",
    "CreateTeam",
    "UpdateConversation",
];
const TEXTS: usize = 12;
const CALLS_AT_ONCE: usize = 400;
const BATCHES: u32 = 4;

/// A call, and the texts it is filled with.
#[derive(Clone, Debug)]
struct Call {
    name: &'static str,
    texts: Vec<String>,
    number: i64,
}

fn weird() -> impl Strategy<Value = String> {
    let odd = [
        "",
        " ",
        "  two  ",
        "\t",
        "2\n3",
        "Ruth\r\nPaul",
        "a\0b",
        "\u{7f}",
        "\u{85}",
        "a\u{2028}b\u{2029}",
        "\u{feff}x",
        "\u{202e}x",
        "\"quoted\" \\ 'too'",
        "{\"a\":1}",
        "a:b",
        "a/b",
        "%2F%",
        "-",
        "name=Ada",
        "contact",
        "~",
        "5",
        "5000000000000001",
        "Ada <ada@example.org>",
        "ada@example.org",
        "𝕏",
        "e\u{301}",
        "null",
    ];
    // The limits of most texts, or just above.
    let bytes = prop_oneof![1 => Just(128_usize), 3 => Just(512), 1 => Just(4096)];
    let long = (prop::sample::select(vec!["x", "é", "\u{2028}", "\""]), bytes);
    let long = long.prop_flat_map(|(unit, bytes)| {
        let most = bytes / unit.len();
        (most..most + 2).prop_map(move |count| unit.repeat(count))
    });
    prop_oneof![
        6 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        4 => "[a-c]{1,2}",
        2 => "\\PC{0,12}",
        1 => "[\\x00-\\x20a\u{80}-\u{a0}]{0,4}",
        6 => long,
    ]
}

/// Only one or two of a call's texts are odd, so that many calls are accepted with them.
fn any_call() -> impl Strategy<Value = Call> {
    let odd = vec((0..TEXTS, weird()), 1..3);
    (prop::sample::select(CALLS.to_vec()), vec("[a-c]{1,2}", TEXTS), odd, 0..1_000_000_i64).prop_map(
        |(name, mut texts, odd, number)| {
            odd.into_iter().for_each(|(place, text)| texts[place] = text);
            Call { name, texts, number }
        },
    )
}

/// The number of conversations that calls are about: few calls may change the same thing, or the last would hide the
/// others.
const BASES: i64 = 40;

fn base(number: i64) -> String {
    format!("conversations/test:base{}", number / 64 % BASES)
}

/// A server with conversations, messages and ratings to make calls about.
struct Filled {
    server: ServerProcess,
    channel: Channel,
    client: Client,
    bases: Vec<Base>,
}

/// Fewer fields can be changed in an imported message than in one that was stored singly.
struct Base {
    messages: [String; 2],
    rating: String,
}

impl Filled {
    async fn start() -> Self {
        let server = ServerProcess::start();
        let channel = server.channel().await;
        let client = Client::new(channel.clone());
        let bases = join_all((0..BASES).map(|number| Base::make(&client, number))).await;
        Self { server, channel, client, bases }
    }

    fn base(&self, call: &Call) -> &Base {
        &self.bases[(call.number / 64 % BASES) as usize]
    }

    async fn call(&self, call: &Call) -> Result<(), Status> {
        match call.name {
            "ImportConversation" => self.client.import(call.import()).await.map(|_| ()),
            "StoreMessage" => self.client.store(call.store()).await.map(|_| ()),
            "UpdateMessage" => {
                let name = &self.base(call).messages[usize::from(call.number % 3 == 0)];
                self.client.update_message(call.update_message(name)).await.map(|_| ())
            }
            "OfferRating" => {
                let request = offer_with(&base(call.number), |rating| {
                    rating.user = Some(call.author(AuthorKind::Contact, 0));
                    rating.agent = Some(call.author(AuthorKind::Teammate, 2));
                    rating.questions[0].text = call.text(4);
                });
                self.client.offer_rating(request).await.map(|_| ())
            }
            "SubmitRating" => {
                let comment = call.text(0);
                let answer = RatingAnswer { value: Some(4), comment, ..RatingAnswer::default() };
                let request = SubmitRatingRequest {
                    name: self.base(call).rating.clone(),
                    answers: vec![answer],
                    ..Default::default()
                };
                self.client.submit_rating(request).await.map(|_| ())
            }
            "CreateOptOut" => {
                let mut ratings = RatingServiceClient::new(self.channel.clone());
                ratings.create_opt_out(call.opt_out()).await.map(|_| ())
            }
            "UpdatePerson" => self.directory().update_person(call.update_person()).await.map(|_| ()),
            "CreateTeam" => self.directory().create_team(call.create_team()).await.map(|_| ()),
            "UpdateConversation" => self.client.update(call.update_conversation()).await.map(|_| ()),
            name => panic!("{name} is not a call"),
        }
    }

    fn directory(&self) -> DirectoryServiceClient<Channel> {
        DirectoryServiceClient::new(self.channel.clone())
    }
}

impl Base {
    async fn make(client: &Client, number: i64) -> Self {
        let name = client.import(sample::import(&format!("base{number}"))).await.unwrap().conversation;
        let imported = client.messages(&name, 1).await.remove(0).name;
        let message = Message { content: Some("Hello".to_owned()), ..Message::default() };
        let request =
            StoreMessageRequest { parent: name.clone(), message: Some(message), ..Default::default() };
        let stored = client.store(request).await.unwrap().message.unwrap().name;
        let rating = client.offer_rating(offer_with(&name, |_| ())).await.unwrap().name;
        Self { messages: [stored, imported], rating }
    }
}

impl Call {
    fn text(&self, place: usize) -> Option<String> {
        Some(self.texts[place].clone())
    }

    fn encoded(&self, place: usize) -> String {
        utf8_percent_encode(&self.texts[place], NON_ALPHANUMERIC).to_string()
    }

    /// Sometimes without an id, sometimes without a name.
    fn author(&self, kind: AuthorKind, place: usize) -> Author {
        let (has_id, has_name) = (self.number % 4 != 1, self.number % 4 != 2);
        Author {
            kind: kind.into(),
            external_id: self.text(place).filter(|_| has_id),
            name: self.text(place + 1).filter(|_| has_name),
        }
    }

    fn import(&self) -> ImportConversationRequest {
        let conversation = Conversation {
            source: self.texts[0].clone(),
            // Most are new.
            external_id: format!(
                "{}{}",
                self.texts[1],
                if self.number % 3 == 0 { String::new() } else { self.number.to_string() }
            ),
            subject: self.text(2),
            language: self.language(),
            tags: vec![self.texts[3].clone()],
            team: self.text(4),
            assignee: Some(self.author(AuthorKind::Teammate, 5)),
            status_changes: vec![StatusChange {
                status: 1,
                change_time: Some(Timestamp { seconds: sample::BEGIN_SECONDS, nanos: 0 }),
                after_message: None,
            }],
            status: 1,
            ..Conversation::default()
        };
        let mut request = sample::import_of("", sample::messages(0, 2));
        request.conversation = Some(conversation);
        request.messages[0].external_id = self.texts[7].clone();
        request.messages[0].author = Some(self.author(AuthorKind::Contact, 8));
        request.messages[1].author = Some(self.author(AuthorKind::Teammate, 10));
        request.messages[0].content = self.text(2);
        request.messages[1].ai_tool = self.text(3);
        request.messages[1].automatic = self.number % 3 == 0;
        if self.number % 2 == 0 {
            request.messages[0].tracking_id = self.text(11);
            request.messages[0].subject = self.text(4);
            request.messages[0].to = vec![self.texts[5].clone()];
        }
        request
    }

    fn language(&self) -> Option<String> {
        let given = ["", "de", "pt-BR", "zh-Hant-TW", "xx"][self.number.rem_euclid(5) as usize];
        Some(given.to_owned())
    }

    fn message(&self) -> Message {
        Message {
            direction: MessageDirection::In.into(),
            content: self.text(0),
            automatic: self.number % 5 == 0,
            author: Some(self.author(AuthorKind::Contact, 1)).filter(|_| self.number % 3 != 0),
            tracking_id: self.text(3),
            subject: self.text(4),
            from_name: self.text(5),
            from_address: self.text(6),
            customer_id: self.text(7).filter(|_| self.number % 2 == 0),
            intent_ids: vec![self.texts[8].clone()],
            ..Message::default()
        }
    }

    fn store(&self) -> StoreMessageRequest {
        let parent = match self.number % 5 {
            0 => format!("conversations/{}:{}", self.encoded(9), self.encoded(10)),
            _ => base(self.number),
        };
        StoreMessageRequest {
            parent,
            message: Some(self.message()),
            tags: vec![self.texts[8].clone()],
            team: self.text(9).filter(|_| self.number % 2 == 0),
            assignee: Some(self.author(AuthorKind::Ai, 10)).filter(|_| self.number % 7 == 0),
            ..StoreMessageRequest::default()
        }
    }

    fn update_message(&self, name: &str) -> UpdateMessageRequest {
        let (ai_tool, plain_body) = (self.text(9), self.text(10));
        let message = Message { name: name.to_owned(), ai_tool, plain_body, ..self.message() };
        let paths = ["ai_tool", "plain_body", "subject", "author", "content", "automatic"];
        let paths = paths
            .iter()
            .cycle()
            .skip(self.number as usize % 6)
            .take(3)
            .map(|path| (*path).to_owned())
            .collect();
        UpdateMessageRequest {
            message: Some(message),
            update_mask: Some(FieldMask { paths }),
            ..UpdateMessageRequest::default()
        }
    }

    fn opt_out(&self) -> CreateOptOutRequest {
        let conversation = if self.number % 2 == 0 { base(self.number) } else { String::new() };
        let source = if self.number % 2 == 0 { "test".to_owned() } else { self.texts[0].clone() };
        let customer = Some(self.author(AuthorKind::Contact, 1));
        let opt_out = OptOut { source, customer, conversation, opt_out_time: None };
        CreateOptOutRequest { opt_out: Some(opt_out) }
    }

    fn update_person(&self) -> UpdatePersonRequest {
        let name = match self.number % 4 {
            0 => "people/test:teammate:t1".to_owned(),
            1 => format!("people/{}:teammate:{}", self.encoded(0), self.encoded(1)),
            2 => format!("people/{}:ai:name={}", self.encoded(0), self.encoded(1)),
            _ => format!("people/test:contact:name={}:in=base{}", self.encoded(1), self.number / 64 % BASES),
        };
        let (display_name, description) = (self.texts[2].clone(), self.texts[3].clone());
        let email = if self.number % 3 == 0 { self.texts[4].clone() } else { String::new() };
        let person = Person { name, display_name, description, email, ..Person::default() };
        UpdatePersonRequest { person: Some(person), allow_missing: true, ..UpdatePersonRequest::default() }
    }

    fn create_team(&self) -> CreateTeamRequest {
        let team = Team {
            source: self.texts[0].clone(),
            external_id: self.texts[1].clone(),
            display_name: self.texts[2].clone(),
            description: self.texts[3].clone(),
            ..Team::default()
        };
        CreateTeamRequest { team: Some(team), ..CreateTeamRequest::default() }
    }

    fn update_conversation(&self) -> UpdateConversationRequest {
        let conversation = Conversation {
            name: base(self.number),
            subject: self.text(0),
            language: self.language(),
            team: self.text(1),
            tags: vec![self.texts[2].clone(), self.texts[3].clone()],
            assignee: Some(self.author(AuthorKind::Teammate, 4)),
            ..Conversation::default()
        };
        UpdateConversationRequest { conversation: Some(conversation), ..Default::default() }
    }
}

/// A refusal must say which field is wrong, or what is missing or exists already.
fn check_refusal(status: &Status) -> Result<(), TestCaseError> {
    match status.code() {
        Code::InvalidArgument => {
            let named = status.get_details_bad_request().map(|request| request.field_violations);
            prop_assert!(
                named
                    .is_some_and(|fields| fields.iter().all(|it| !it.field.is_empty()) && !fields.is_empty()),
                "{status:?}"
            );
        }
        code => prop_assert!([Code::NotFound, Code::AlreadyExists].contains(&code), "{status:?}"),
    }
    Ok(())
}

/// The lines of an export, without what scoring adds later.
fn exported(folder: &TempDir, server: &ServerProcess, name: &str) -> Result<Vec<String>, TestCaseError> {
    let (code, text) = run(folder.path(), server, &["export", name]);
    prop_assert_eq!(code, Some(0), "{}", text);
    let neutral = lines(&folder.path().join(name)).into_iter().map(neutral).map(|mut line: Value| {
        remove(&mut line, &["assessments"]);
        line.to_string()
    });
    Ok(neutral.collect())
}

/// Returns the names of the accepted calls.
async fn check(calls: &[Call]) -> Result<Vec<&'static str>, TestCaseError> {
    let here = Filled::start().await;
    let mut accepted = Vec::new();
    for call in calls {
        match here.call(call).await {
            Ok(()) => accepted.push(call.name),
            Err(status) => check_refusal(&status)?,
        }
    }
    let (there, folder) = (ServerProcess::start(), TempDir::new().unwrap());
    let before = exported(&folder, &here.server, "here.jsonl")?;
    let (code, text) = run(folder.path(), &there, &["import", "here.jsonl"]);
    prop_assert!(code == Some(0) && text.contains(" 0 bad"), "{text}");
    // There may be more: people enter the directory later, here possibly after the export.
    let after = exported(&folder, &there, "there.jsonl")?;
    // A person without a name is given the first one in a conversation, which already exists when it is imported.
    let is_unnamed = |line: &String| line.contains("{\"person\":") && !line.contains("\"displayName\"");
    for line in before.into_iter().filter(|line| !is_unnamed(line)) {
        prop_assert!(after.contains(&line), "{line}\nis not among\n{}", after.join("\n"));
    }
    Ok(accepted)
}

#[test]
fn whatever_any_call_accepts_survives_export_and_import() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { max_shrink_iters: 8, failure_persistence: None, ..Config::with_cases(BATCHES) };
    let accepted = RefCell::new(Vec::new());
    TestRunner::new(config)
        .run(&vec(any_call(), CALLS_AT_ONCE), |calls| {
            accepted.borrow_mut().extend(runtime.block_on(check(&calls))?);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    for name in CALLS {
        let times = accepted.borrow().iter().filter(|accepted| **accepted == name).count();
        assert!(times >= 5, "{name} was accepted only {times} times, which tests little");
    }
}
