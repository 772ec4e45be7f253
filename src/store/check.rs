//! Whether a store is whole: everything in it is read, decoded, and compared with what refers to it. Nothing is changed.
//!
//! Everything under a conversation's number is read side by side ([`bundles`]), so that memory does not grow with the store but for
//! the numbers of the conversations.

pub mod bundles;
pub mod pieces;

pub mod references;

mod others;

use std::{collections::BTreeMap, sync::Arc};

use self::{bundles::Bundles, others::Others, pieces::Pieces};
use super::{
    Key, Keys, Keyspace, StoreError, Value, WorkspaceId,
    sweep::{LogPart, LogSweep},
};
use crate::domain::ConversationId;

/// A part of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The conversation itself: nothing of it can be read.
    Conversation,
    Messages,
    Attachments,
    Assessments,
    Ratings,
    /// What is found by ids of a caller: the conversation by its own, messages by their tracking ids.
    Identity,
    /// Whether it waits for scoring.
    Scoring,
    /// Lists with filters.
    Lists,
}

impl Part {
    pub fn word(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Messages => "messages",
            Self::Attachments => "attachments",
            Self::Assessments => "assessments",
            Self::Ratings => "ratings",
            Self::Identity => "identity",
            Self::Scoring => "scoring",
            Self::Lists => "lists",
        }
    }
}

/// A conversation that is not whole.
#[derive(Clone, Debug, Default)]
pub struct Affected {
    /// Its source and external id, where they are known.
    pub name: Option<(String, String)>,
    /// What is not whole, and why.
    pub parts: BTreeMap<Part, Arc<str>>,
}

/// Something that is not whole and belongs to no conversation, or to one that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    pub what: String,
    pub why: String,
}

/// How far a check is, or came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub pairs: u64,
    pub records: u64,
    pub bytes: u64,
    pub conversations: u64,
    /// Values and stretches that could not be read.
    pub lost: u64,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub read: Read,
    pub conversations: BTreeMap<ConversationId, Affected>,
    pub others: Vec<Other>,
}

impl Report {
    pub fn is_whole(&self) -> bool {
        self.conversations.is_empty() && self.others.is_empty()
    }

    fn part(&mut self, id: ConversationId, part: Part, why: &Arc<str>) {
        let affected = self.conversations.entry(id).or_default();
        affected.parts.entry(part).or_insert_with(|| Arc::clone(why));
    }

    fn other(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let other = Other { what: what.into(), why: why.into() };
        if !self.others.contains(&other) {
            self.others.push(other);
        }
    }
}

/// Tells how far it is.
pub struct Progress<'a> {
    read: Read,
    tell: &'a mut (dyn FnMut(Read) + Send),
}

impl<'a> Progress<'a> {
    pub fn new(tell: &'a mut (dyn FnMut(Read) + Send)) -> Self {
        Self { read: Read::default(), tell }
    }

    pub(in crate::store) fn pairs(&mut self, pairs: &[(Key, Value)]) {
        self.read.pairs += pairs.len() as u64;
        self.read.bytes += pairs.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
    }

    fn tell(&mut self) {
        (self.tell)(self.read);
    }
}

/// Reads all of a store. An error means that it could not be read on, whatever is damaged.
pub async fn check(
    store: &Arc<dyn Keyspace>,
    tell: &mut (dyn FnMut(Read) + Send),
) -> Result<Report, StoreError> {
    let keys = Keys::of(WorkspaceId::FIRST);
    let mut progress = Progress::new(tell);
    let mut report = Report::default();
    // In order.
    let mut known = Vec::new();
    let mark = references::indexed_below(&**store, keys).await?;
    let mut bundles = Bundles::new(&**store, keys);
    while let Some(bundle) = bundles.next(&mut progress).await? {
        let mut pieces = Pieces::of(&bundle, keys);
        references::compare(&**store, keys, mark, &mut pieces).await?;
        known.push(bundle.id);
        if pieces.damage.is_empty() {
            continue;
        }
        let name = |head: &super::records::Head| {
            (head.conversation.source.to_string(), head.conversation.external_id.to_string())
        };
        let name = pieces.head.as_ref().map(name);
        report.conversations.insert(bundle.id, Affected { name, parts: pieces.damage });
    }
    for (kind, range, why) in bundles.unmet() {
        report.other(others::a_stretch(kind, &range), &*why);
    }
    Others { store: &**store, keys, known: &known, report: &mut report }.read_all(&mut progress).await?;
    let mut log = LogSweep::new(&**store);
    while let Some(part) = log.next().await? {
        match part {
            LogPart::Records(records) => {
                progress.read.records += records.len() as u64;
                for (position, record) in records {
                    if let Err(error) = super::events::decode(position, &record) {
                        report
                            .other(format!("the event at position {position} of the log"), error.to_string());
                    }
                }
            }
            LogPart::Lost(lost) => {
                progress.read.lost += 1;
                let (after, until) = lost.place;
                report.other(format!("events after position {after} of the log, up to {until}"), &*lost.why);
            }
        }
        progress.tell();
    }
    report.read = progress.read;
    Ok(report)
}
