//! What the callers know: what was answered, and what they do not know the outcome of.

use std::sync::{Mutex, MutexGuard, PoisonError};

use plaudit::proto::v1::{
    AuthorKind, ConflictPolicy, ImportConversationRequest, ImportConversationResponse, ImportOutcome, Message,
};
use tonic::Code;

use crate::harness::{
    Client,
    sample::{self, with_id, with_policy, without_names},
};

/// Numbers that depend on the seed alone (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// One conversation as its writer knows it.
#[derive(Default)]
pub struct Written {
    pub external_id: String,
    /// Absent until an answer named it.
    pub name: Option<String>,
    /// What was answered for.
    pub certain: Vec<Message>,
    /// How many messages it had after each answer.
    pub counts: Vec<usize>,
    /// What was sent and not answered.
    pub pending: Option<ImportConversationRequest>,
    /// Requests with ids and their answers.
    pub answered: Vec<(ImportConversationRequest, ImportConversationResponse)>,
    /// The most messages that anybody was shown.
    pub seen: usize,
}

impl Written {
    /// The messages of a request that are not stored yet.
    fn unseen(&self, request: &ImportConversationRequest) -> Vec<Message> {
        let known = |message: &Message| self.certain.iter().any(|old| old.external_id == message.external_id);
        request.messages.iter().filter(|message| !known(message)).cloned().collect()
    }

    pub fn with_pending(&self) -> usize {
        self.certain.len() + self.pending.as_ref().map_or(0, |request| self.unseen(request).len())
    }

    fn answer(&mut self, request: ImportConversationRequest, answer: ImportConversationResponse) {
        let more = self.unseen(&request);
        let outcome = if self.certain.is_empty() { ImportOutcome::Created } else { ImportOutcome::Appended };
        assert_eq!((answer.outcome(), answer.stored_messages as usize), (outcome, more.len()));
        assert!(self.name.as_ref().is_none_or(|name| *name == answer.conversation));
        self.name = Some(answer.conversation.clone());
        self.certain.extend(more);
        self.counts.push(self.certain.len());
        self.pending = None;
        if !request.request_id.is_empty() {
            self.answered.push((request, answer));
        }
    }
}

/// What had become of a request that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There was none.
    Nothing,
    WasAbsent,
    WasWhole,
}

/// One caller: it sends one request after the other, to conversations that nobody else writes to.
pub struct Writer {
    number: usize,
    state: Mutex<(Vec<Written>, Random)>,
}

impl Writer {
    pub fn new(number: usize, seed: u64) -> Self {
        Self { number, state: Mutex::new((Vec::new(), Random::new(seed))) }
    }

    /// A panic elsewhere ends the test anyway.
    fn state(&self) -> MutexGuard<'_, (Vec<Written>, Random)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn with<T>(&self, place: usize, look: impl FnOnce(&mut Written) -> T) -> T {
        look(&mut self.state().0[place])
    }

    pub fn len(&self) -> usize {
        self.state().0.len()
    }

    pub fn names(&self) -> Vec<String> {
        self.state().0.iter().filter_map(|written| written.name.clone()).collect()
    }

    /// Decides what to send next, and notes that its outcome is unknown.
    pub fn next(&self) -> (usize, ImportConversationRequest) {
        let (all, random) = &mut *self.state();
        let place = match all.len() as u64 {
            known if known > 0 && random.below(3) > 0 => random.below(known) as usize,
            _ => all.len(),
        };
        if place == all.len() {
            let external_id = format!("{}-{place}", self.number);
            all.push(Written { external_id, ..Written::default() });
        }
        let written = &mut all[place];
        let is_new = written.certain.is_empty();
        // An append begins with messages that are stored already.
        let from = written.certain.len().saturating_sub(random.below(3) as usize);
        let until = written.certain.len() + 1 + random.below(4) as usize;
        let messages = (from..until).map(|place| message(place, random)).collect();
        let mut request = sample::import_of(&written.external_id, messages);
        if !is_new || random.below(2) == 0 {
            request = with_policy(request, ConflictPolicy::Append);
        }
        if random.below(2) == 0 {
            request = with_id(request, &format!("{}-{}", written.external_id, random.next()));
        }
        written.pending = Some(request.clone());
        (place, request)
    }

    pub fn answered(
        &self,
        place: usize,
        request: ImportConversationRequest,
        answer: ImportConversationResponse,
    ) {
        self.with(place, |written| written.answer(request, answer));
    }

    /// After a restart: what is unknown is there whole or not at all, and is sent again where that is safe.
    pub async fn settle(&self, client: &Client, round: u64) -> Unknown {
        let pending = |place| Some((place, self.with(place, |written| written.pending.clone())?));
        let Some((place, request)) = (0..self.len()).find_map(pending) else { return Unknown::Nothing };
        let name = self.external_name(place);
        let found = find(client, &name).await;
        let (certain, whole, seen) = self.with(place, |written| {
            let more = written.unseen(&request);
            (written.certain.clone(), [written.certain.clone(), more].concat(), written.seen)
        });
        assert!(found == certain || found == whole, "round {round}: {name} is half written: {found:?}");
        assert!(found.len() >= seen, "round {round}: {name} had {seen} messages when it was read");
        let was = if found == certain { Unknown::WasAbsent } else { Unknown::WasWhole };
        if !request.request_id.is_empty() {
            let answer = client.import(request.clone()).await.expect("what is sent again is answered");
            self.answered(place, request.clone(), answer.clone());
            assert_eq!(client.import(request).await.expect("and again"), answer);
            assert_eq!(find(client, &name).await, whole, "round {round}: {name} is doubled");
        } else if found.is_empty() {
            // It was never stored, so that it may be sent anew.
            let answer = client.import(request.clone()).await.expect("it is not stored");
            self.answered(place, request, answer);
        } else {
            let stored = client.conversation(&name).await.expect("it is stored").name;
            self.with(place, |written| {
                written.name = Some(stored);
                written.counts.push(found.len());
                written.certain = found;
                written.pending = None;
            });
        }
        was
    }

    /// Looks at some conversations of any age.
    pub async fn check_some(&self, client: &Client, count: usize, random: &mut Random) {
        for _ in 0..count.min(self.len()) {
            self.check(client, random.below(self.len() as u64) as usize).await;
        }
    }

    pub async fn check_all(&self, client: &Client) {
        for place in 0..self.len() {
            self.check(client, place).await;
        }
    }

    /// It is as its answers said, and every request with an id is answered as the first time.
    async fn check(&self, client: &Client, place: usize) {
        let name = self.external_name(place);
        let (certain, answered) =
            self.with(place, |written| (written.certain.clone(), written.answered.clone()));
        assert_eq!(find(client, &name).await, certain, "{name}");
        for (request, answer) in answered {
            assert_eq!(client.import(request).await.expect("what is sent again is answered"), answer);
        }
        let found = client.conversation(&name).await.expect("it is stored");
        assert_eq!(found.message_count as usize, certain.len(), "{name}");
    }

    fn external_name(&self, place: usize) -> String {
        self.with(place, |written| format!("conversations/test:{}", written.external_id))
    }
}

/// Most are short; some do not fit beside the conversation, some not into one piece of the engine's.
fn message(place: usize, random: &mut Random) -> Message {
    let kinds = [AuthorKind::Contact, AuthorKind::Teammate, AuthorKind::Ai];
    let mut text = format!("Where is order {place}? It was due on day {}.", random.below(1000));
    match random.below(40) {
        0 => text.push_str(&" x1".repeat(7_000)),
        1 => text.push_str(&" y2".repeat(20_000)),
        _ => {}
    }
    sample::message(place, kinds[random.below(3) as usize], &text)
}

/// The messages of a conversation; none when it is not stored.
async fn find(client: &Client, name: &str) -> Vec<Message> {
    match client.conversation(name).await {
        Ok(_) => without_names(client.messages(name, 1000).await),
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound, "{status:?}");
            Vec::new()
        }
    }
}
