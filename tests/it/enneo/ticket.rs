use plaudit::{
    domain::{self, UnixMillis},
    proto::v1::{Author, AuthorKind, ConflictPolicy, ImportConversationRequest, Message, MessageKind},
    store::{
        Batch, Direction, Expect, KeyRange, Keyspace as _, StoreError,
        records::{self, Head},
    },
};
use prost_types::Timestamp;
use serde_json::Value;

use crate::harness::{Answer, Client, KEYS, Plaudit, sample};

/// A ticket on a server that grows during a test.
pub struct Ticket<'a> {
    server: &'a Plaudit,
    client: Client,
    pub number: u64,
    messages: usize,
}

impl<'a> Ticket<'a> {
    pub async fn new(server: &'a Plaudit, number: u64) -> Self {
        Self { server, client: server.client().await, number, messages: 0 }
    }

    pub fn name(&self) -> String {
        format!("conversations/enneo:{}", self.number)
    }

    /// Writes a message: the author's kind, an external id or `-`, and a name.
    pub async fn write(&mut self, by: &str, at: &str, is_note: bool, ai_tool: Option<&str>) {
        self.write_with(by, at, is_note, |message| message.ai_tool = ai_tool.map(str::to_owned)).await;
    }

    /// The same with more said of the message.
    pub async fn write_with(&mut self, by: &str, at: &str, is_note: bool, change: impl FnOnce(&mut Message)) {
        let time: Timestamp = at.parse().expect("a time");
        let mut message = Message {
            external_id: format!("m{}", self.messages),
            kind: if is_note { MessageKind::Comment } else { MessageKind::Message }.into(),
            content: Some(format!("The words of message {}.", self.messages)),
            author: Some(author(by)),
            create_time: Some(time),
            ..Message::default()
        };
        change(&mut message);
        self.messages += 1;
        let mut request = sample::import_of(&self.number.to_string(), vec![message]);
        request.conversation.as_mut().expect("it has one").source = "enneo".to_owned();
        let request = ImportConversationRequest { on_conflict: ConflictPolicy::Append.into(), ..request };
        self.client.import(request).await.expect("an import");
    }

    /// Changes the handling directly in the store: over the wire a status comes with a message and has its time, while
    /// a case is about one of them alone.
    pub async fn handle(&self, change: impl Fn(&mut domain::Handling, domain::MessageId)) {
        let last = *self.message_numbers().await.last().expect("a message");
        let key = KEYS.head(domain::ConversationId(self.conversation_number().await));
        loop {
            let raw = self.server.store.get(vec![key.clone()]).await.expect("the store answers").remove(0);
            let raw = raw.expect("it is stored");
            let mut head: Head = records::decode(&key, &raw).expect("a head");
            change(&mut head.conversation.handling, domain::MessageId(last));
            head.conversation.version += 1;
            let batch = Batch {
                expect: vec![(key.clone(), Expect::Is(raw))],
                put: vec![(key.clone(), records::encode(&head))],
                ..Batch::default()
            };
            match self.server.store.commit(batch).await {
                Ok(_) => return,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub async fn set_status(&self, status: domain::Status, at: &str) {
        let time = millis(at);
        self.handle(|handling, last| handling.set_status(status, time, last)).await;
    }

    /// Changes every assessment as a reviewer would, directly in the store, since there is no review call yet.
    pub async fn review(&self, change: impl Fn(&mut domain::Assessment)) {
        let range = KEYS.assessments(domain::ConversationId(self.conversation_number().await));
        for (key, raw) in self.scan(range).await {
            let mut assessment: domain::Assessment = records::decode(&key, &raw).expect("an assessment");
            change(&mut assessment);
            let put = vec![(key, records::encode(&assessment))];
            self.server.store.commit(Batch { put, ..Batch::default() }).await.expect("a commit");
        }
    }

    async fn scan(&self, range: KeyRange) -> Vec<(plaudit::store::Key, plaudit::store::Value)> {
        self.server.store.scan(range, 1000, Direction::Ascending).await.expect("the store answers")
    }

    /// The numbers of its messages in order of arrival.
    pub async fn message_numbers(&self) -> Vec<u64> {
        let messages = self.client.messages(&self.name(), 0).await;
        messages.iter().map(|message| last_number(&message.name)).collect()
    }

    pub async fn conversation_number(&self) -> u64 {
        last_number(&self.client.conversation(&self.name()).await.expect("a conversation").name)
    }

    /// Its rows once no scoring is pending.
    pub async fn rows(&self) -> Vec<Value> {
        self.client.scored(&self.name()).await;
        rows(&self.server.http().get(&format!("/ticket/{}/assessments", self.number)).await)
    }
}

/// The rows of an answer, which must be 200.
pub fn rows(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json().as_array().expect("a bare array").clone()
}

fn author(by: &str) -> Author {
    let mut words = by.splitn(3, ' ');
    let kind = match words.next() {
        Some("contact") => AuthorKind::Contact,
        Some("ai") => AuthorKind::Ai,
        Some("teammate") => AuthorKind::Teammate,
        other => panic!("{other:?} is no kind of author"),
    };
    let external_id = words.next().filter(|id| *id != "-").map(str::to_owned);
    Author { kind: kind.into(), external_id, name: words.next().map(str::to_owned) }
}

pub fn millis(at: &str) -> UnixMillis {
    let time: Timestamp = at.parse().expect("a time");
    UnixMillis::clamped(time.seconds * 1000 + i64::from(time.nanos) / 1_000_000)
}

fn last_number(name: &str) -> u64 {
    name.rsplit('/').next().and_then(|number| number.parse().ok()).expect("a number at the end")
}
