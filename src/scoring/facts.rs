//! Facts: what is known of a unit before anybody judges it. One table holds them all; each is a pure function of the
//! stored transcript and of the customer's ratings, named with its unit, typed, documented, and absent when it cannot be known.

mod acts;
mod context;
mod counts;
mod digest;
mod ending;
mod flow;
mod manner;
mod repetition;
mod shares;
mod timing;
mod tone;
mod view;

pub use context::{Context, OF_DUE_DATE, OF_RATINGS};
pub use digest::{Digest, Role, digest};
pub use view::View;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::domain::{FactValue, MessageId, ScoredFact, UnitKind};

/// The most messages that a fact names as its evidence; the first ones.
pub const MAX_EVIDENCE: usize = 20;

/// One entry of the table.
pub struct Fact {
    pub name: &'static str,
    /// `messages`, `seconds`, `-1 to 1`, `yes or no`, …
    pub unit: &'static str,
    pub kind: FactKind,
    /// What it says, and when it is absent.
    pub doc: &'static str,
    pub scope: Scope,
    compute: fn(&View) -> Option<Found>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    Bool,
    Int,
    Number,
    Text,
}

impl FactKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "integer",
            Self::Number => "number",
            Self::Text => "text",
        }
    }
}

/// Which units a fact is known for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Both,
    Conversation,
    Worklog,
}

impl Scope {
    pub fn includes(self, unit: UnitKind) -> bool {
        match self {
            Self::Both => true,
            Self::Conversation => unit == UnitKind::Conversation,
            Self::Worklog => unit == UnitKind::Worklog,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Conversation => "conversation",
            Self::Worklog => "worklog",
        }
    }
}

/// A fact's value and the messages it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub value: FactValue,
    pub evidence: Vec<MessageId>,
}

impl Found {
    fn new(value: FactValue, evidence: impl IntoIterator<Item = MessageId>) -> Self {
        Self { value, evidence: evidence.into_iter().take(MAX_EVIDENCE).collect() }
    }

    fn bool<'d>(value: bool, evidence: impl IntoIterator<Item = &'d Digest<'d>>) -> Self {
        Self::new(FactValue::Bool(value), evidence.into_iter().map(|digest| digest.id))
    }

    fn int<'d>(value: i64, evidence: impl IntoIterator<Item = &'d Digest<'d>>) -> Self {
        Self::new(FactValue::Int(value), evidence.into_iter().map(|digest| digest.id))
    }

    fn number<'d>(value: f64, evidence: impl IntoIterator<Item = &'d Digest<'d>>) -> Self {
        Self::new(FactValue::Number(value), evidence.into_iter().map(|digest| digest.id))
    }

    /// How many there are, resting on them.
    fn count<'d>(found: impl Iterator<Item = &'d Digest<'d>>) -> Self {
        let (mut count, mut evidence) = (0, Vec::new());
        for digest in found {
            count += 1;
            if evidence.len() < MAX_EVIDENCE {
                evidence.push(digest.id);
            }
        }
        Self { value: FactValue::Int(count), evidence }
    }

    /// Whether there is any, resting on those that are.
    fn any<'d>(found: impl Iterator<Item = &'d Digest<'d>>) -> Self {
        let Self { value, evidence } = Self::count(found);
        Self { value: FactValue::Bool(value != FactValue::Int(0)), evidence }
    }
}

/// A fact's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactId(usize);

impl FactId {
    pub fn place(self) -> usize {
        self.0
    }
}

struct Table {
    facts: Vec<&'static Fact>,
    by_name: FxHashMap<&'static str, FactId>,
}

/// Alphabetical, so that an id's order is the name's.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let groups = [
        counts::FACTS,
        timing::FACTS,
        flow::FACTS,
        ending::FACTS,
        shares::FACTS,
        repetition::FACTS,
        tone::FACTS,
        manner::FACTS,
        context::FACTS,
    ];
    let mut facts: Vec<&'static Fact> = groups.into_iter().flatten().collect();
    facts.sort_by_key(|fact| fact.name);
    let by_name = facts.iter().enumerate().map(|(index, fact)| (fact.name, FactId(index))).collect();
    Table { facts, by_name }
});

/// Every fact, in alphabetical order.
pub fn all() -> &'static [&'static Fact] {
    &TABLE.facts
}

pub fn find(name: &str) -> Option<FactId> {
    TABLE.by_name.get(name).copied()
}

/// The fact at a place in the table.
pub fn at(place: usize) -> Option<FactId> {
    (place < TABLE.facts.len()).then_some(FactId(place))
}

pub fn get(id: FactId) -> &'static Fact {
    TABLE.facts[id.0]
}

/// The facts of one unit that somebody asks for; the others are not computed.
pub struct Facts {
    /// By place in the table.
    found: Vec<Option<Found>>,
}

impl Facts {
    /// Computes the named ones.
    pub fn of(view: &View, wanted: &[FactId]) -> Self {
        let mut facts = Self::absent();
        for id in wanted {
            let fact = get(*id);
            if fact.scope.includes(view.unit) {
                facts.found[id.0] = (fact.compute)(view);
            }
        }
        facts
    }

    /// None is known.
    pub fn absent() -> Self {
        Self { found: vec![None; TABLE.facts.len()] }
    }

    /// Sets a value by hand: for looking at what a rule can reach.
    pub fn set(&mut self, id: FactId, value: FactValue) {
        self.found[id.0] = Some(Found { value, evidence: Vec::new() });
    }

    pub fn get(&self, id: FactId) -> Option<&Found> {
        self.found[id.0].as_ref()
    }

    /// The value of each fact of the table, in its order.
    pub fn values(&self) -> impl Iterator<Item = Option<&FactValue>> {
        self.found.iter().map(|found| found.as_ref().map(|found| &found.value))
    }

    pub fn by_name(&self, name: &str) -> Option<&Found> {
        self.get(find(name)?)
    }

    /// Those of `wanted` that are known, in alphabetical order.
    pub fn scored(&self, wanted: &[FactId]) -> Vec<ScoredFact> {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
            .into_iter()
            .filter_map(|id| {
                let found = self.get(id)?;
                Some(ScoredFact {
                    name: get(id).name.to_owned(),
                    value: found.value.clone(),
                    evidence: found.evidence.clone(),
                })
            })
            .collect()
    }
}
