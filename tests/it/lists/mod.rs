//! Lists of many conversations and their assessments: filters, pages, tokens, and how much a page may read.

mod earlier;
mod fresh;
mod held;
mod model;
mod reads;
mod reads_of_others;
mod wire;

use std::sync::Arc;

use plaudit::{
    clock::ManualClock,
    domain::{
        Assessment, AssessmentId, AssessmentState, Author, AuthorKind, Channel, Conversation, ConversationId,
        Handling, Held, Listing, MilliPoints, RevisionRef, Status, Totals, Unit, UnixMillis,
    },
    service::{Services, Settings},
    store::{
        Decision, Keyspace, MemoryStore, assessment, listing, queue,
        records::{Backfill, Head},
    },
};

use crate::harness::{KEYS, Plaudit, Watched, put};

/// A conversation as described by a test.
#[derive(Clone, Debug, Default)]
struct Told {
    number: u64,
    /// When it was stored.
    time: i64,
    /// When it was held; when it was stored, if it has no messages.
    held: Option<(i64, i64)>,
    source: String,
    status: Option<Status>,
    channel: Option<Channel>,
    assignee: Option<String>,
    writers: Vec<String>,
    tags: Vec<String>,
    score_tenths: Option<u32>,
    is_rated: bool,
    is_deleted: bool,
    /// Whether it was scored and is waiting to be scored again.
    waits_again: bool,
    /// The state, scorecard, assessee and percentage of each assessment.
    assessments: Vec<(AssessmentState, &'static str, Option<String>, u32)>,
}

impl Told {
    fn conversation(&self) -> Conversation {
        let assignee = self.assignee.clone().map(agent);
        Conversation {
            id: ConversationId(self.number),
            source: self.source.parse().unwrap(),
            external_id: self.number.to_string().parse().unwrap(),
            subject: None,
            version: 1,
            message_count: 0,
            create_time: UnixMillis::clamped(self.time),
            update_time: UnixMillis::clamped(self.time),
            handling: Handling {
                status: self.status,
                channel: self.channel,
                assignee,
                tags: self.tags.iter().map(|tag| tag.parse().unwrap()).collect(),
                ..Handling::default()
            },
            delete_time: self.is_deleted.then_some(UnixMillis::clamped(self.time)),
            unscored_version: None,
            language: None,
            told_time: None,
            held: self.held.map(|(first, last)| Held {
                first: UnixMillis::clamped(first),
                last: UnixMillis::clamped(last),
            }),
        }
    }

    /// From its first to its last message.
    fn held(&self) -> (i64, i64) {
        self.held.unwrap_or((self.time, self.time))
    }

    fn assessments(&self) -> impl Iterator<Item = Assessment> {
        let of =
            |(place, (state, scorecard, assessee, percentage)): (usize, &(_, &str, Option<String>, u32))| {
                Assessment {
                    id: AssessmentId(self.number + 1 + place as u64),
                    conversation: ConversationId(self.number),
                    unit: Unit::Conversation,
                    assessee: assessee.clone().map(agent),
                    scorecard: RevisionRef {
                        base: (*scorecard).to_owned(),
                        base_id: 1,
                        ordinal: 1,
                        revision_id: 1_000_001,
                    },
                    state: *state,
                    scored_version: 1,
                    version: 1,
                    criteria: Vec::new(),
                    totals: Totals {
                        scored_points: MilliPoints(0),
                        used_max_points: MilliPoints(0),
                        total_max_points: MilliPoints(0),
                        percentage_tenths: *percentage,
                    },
                    axis: None,
                    summary: String::new(),
                    facts: Vec::new(),
                    create_time: UnixMillis::clamped(self.time),
                    update_time: UnixMillis::clamped(self.time),
                    stale_time: None,
                }
            };
        self.assessments.iter().enumerate().map(of)
    }

    /// Writes it as if it had been imported and, unless it waits, scored.
    fn put(&self, decision: &mut Decision<'_>, waits: bool) {
        let conversation = self.conversation();
        if waits || self.waits_again {
            queue::put_first(decision, conversation.id, 1, conversation.create_time);
        }
        let mut listed = Listing { is_rated: self.is_rated, ..Listing::default() };
        if !waits || self.score_tenths.is_some() {
            listed.follow(&conversation);
            listed.is_indexed = true;
            listed.settled_version = (!waits && !self.waits_again).then_some(1);
            listed.writers.clone_from(&self.writers);
            listed.score_tenths = self.score_tenths;
        }
        decision.expect(KEYS.listing(conversation.id), None);
        listing::put(decision, conversation.id, None, &listed);
        self.assessments().for_each(|told| assessment::put_new(decision, &told));
        let key = KEYS.head(conversation.id);
        let writers = self.writers.clone();
        decision.put(key, &Head { conversation, messages: Vec::new(), writers });
    }
}

fn agent(id: String) -> Author {
    Author { kind: AuthorKind::Teammate, external_id: Some(id.parse().unwrap()), name: None }
}

/// The use cases over a store in memory with these conversations. Those with numbers below `posted` are posted and
/// scored, the others wait.
async fn services_with(told: impl Iterator<Item = Told>, posted: u64) -> (Services, Arc<Watched>) {
    const AT_ONCE: usize = 1000;
    let store = Arc::new(Watched::new(Arc::new(MemoryStore::new())));
    put(&store, |decision| {
        decision.expect(KEYS.backfill(), None);
        listing::put_backfill(
            decision,
            &Backfill { next: Some(ConversationId(posted)), newest: None, by_held: true },
        );
    })
    .await;
    let below: Arc<dyn Keyspace> = store.clone();
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let services = Services::open(below, clock, Settings::default()).await.unwrap();
    let mut told = told.peekable();
    while told.peek().is_some() {
        let some = told.by_ref().take(AT_ONCE);
        put(&store, |decision| some.for_each(|told| told.put(decision, told.number >= posted))).await;
        // Frees the recorded batches.
        store.take_committed();
    }
    (services, store)
}
