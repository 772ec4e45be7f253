//! Something that one caller alone changes: what they were answered of it, and what they do not know the outcome of.

use std::{
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    caller::{Caller, Refused},
    random::Random,
};

/// What a server keeps, as its caller knows it.
pub trait Known: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// A change, with all that it takes to send it a second time.
    type Change: Clone + Debug + Send + Sync;

    fn choose(&self, random: &mut Random) -> Self::Change;

    /// What it is after the change, but for the names that the server gives.
    fn apply(&mut self, change: &Self::Change);

    /// Sends a change under a request id; empty is none.
    fn send(
        &self,
        caller: &Caller,
        change: &Self::Change,
        id: &str,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// What it is as the server tells it; what a server does not tell is as it was.
    fn read(&self, caller: &Caller) -> impl Future<Output = Result<Self, Refused>> + Send;

    /// The same without the names that the server gives.
    fn bare(&self) -> Self;

    /// Whether every name that is known is still what is called so.
    fn keeps_names_of(&self, earlier: &Self) -> bool;
}

/// What had become of a request that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    WasAbsent,
    WasWhole,
}

/// A change that was sent under an id; empty is none.
pub type Sent<K> = (<K as Known>::Change, String);

pub struct Kept<K: Known>(Mutex<State<K>>);

#[derive(Clone)]
pub struct State<K: Known> {
    /// What was answered for.
    pub certain: K,
    /// What was sent and not answered.
    pub pending: Option<Sent<K>>,
    /// Grows with everything that its caller does.
    pub steps: u64,
    /// Whether somebody was shown the effect of `pending`.
    pub is_seen: bool,
    /// Whether it was read since its last change, so that all its names are known.
    is_read: bool,
    /// What was answered and had an id.
    answered: Vec<Sent<K>>,
}

impl<K: Known> State<K> {
    /// What it is if the request without an answer was carried out.
    pub fn with_pending(&self) -> K {
        let mut after = self.certain.clone();
        if let Some((change, _)) = &self.pending {
            after.apply(change);
        }
        after
    }
}

impl<K: Known> Kept<K> {
    pub fn new(known: K) -> Self {
        let (pending, answered) = (None, Vec::new());
        let state = State { certain: known, pending, steps: 0, is_seen: false, is_read: true, answered };
        Self(Mutex::new(state))
    }

    /// A panic elsewhere ends the test anyway.
    pub fn state(&self) -> MutexGuard<'_, State<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn certain(&self) -> K {
        self.state().certain.clone()
    }

    /// Notes that a change is about to be sent.
    pub fn begin(&self, change: K::Change, id: String) {
        let mut state = self.state();
        state.pending = Some((change, id));
        state.is_seen = false;
        state.steps += 1;
    }

    /// Notes that it was carried out.
    pub fn answered(&self) {
        let mut state = self.state();
        state.certain = state.with_pending();
        state.steps += 1;
        state.is_read = false;
        let done = state.pending.take();
        state.answered.extend(done.filter(|(_, id)| !id.is_empty()));
    }

    /// Chooses a change and sends it.
    pub async fn change(&self, caller: &Caller, random: &mut Random) -> Result<(), Refused> {
        let before = self.certain();
        let change = before.choose(random);
        let id = if random.one_in(2) { String::new() } else { format!("id-{}", random.next()) };
        self.begin(change.clone(), id.clone());
        before.send(caller, &change, &id).await?;
        self.answered();
        self.read_back(caller).await
    }

    /// It is as its answers said.
    pub async fn read_back(&self, caller: &Caller) -> Result<(), Refused> {
        let certain = self.certain();
        let found = certain.read(caller).await?;
        assert_eq!(found.bare(), certain.bare(), "it is not what was answered");
        assert!(found.keeps_names_of(&certain), "a name means something else: {found:?} {certain:?}");
        let mut state = self.state();
        (state.certain, state.is_read) = (found, true);
        Ok(())
    }

    /// After a restart: what is unknown is there whole or not at all, and sent again under its id it is there once.
    pub async fn settle(&self, caller: &Caller, round: u64) -> Option<Unknown> {
        let state = self.state().clone();
        let Some((change, id)) = state.pending.clone() else {
            if !state.is_read {
                self.read_back(caller).await.expect("it is read");
            }
            return None;
        };
        let (before, after) = (&state.certain, state.with_pending());
        let found = before.read(caller).await.expect("it is read");
        let is_whole = found.bare() == after.bare();
        assert!(
            is_whole || found.bare() == before.bare(),
            "round {round}: {change:?} is half there: {found:?}\nbefore {before:?}"
        );
        assert!(is_whole || !state.is_seen, "round {round}: {change:?} was seen and is gone");
        if id.is_empty() {
            let mut state = self.state();
            (state.certain, state.pending) = (found, None);
        } else {
            for _ in 0..2 {
                let sent = before.send(caller, &change, &id).await;
                sent.unwrap_or_else(|refused| panic!("round {round}: {change:?} again: {}", refused.text));
            }
            self.answered();
            self.read_back(caller).await.expect("it is read");
        }
        Some(if is_whole { Unknown::WasWhole } else { Unknown::WasAbsent })
    }

    /// It is as its answers said, also after one of the requests with an id was sent again, however long ago that was.
    pub async fn check(&self, caller: &Caller, random: &mut Random) {
        self.read_back(caller).await.expect("it is read");
        let state = self.state().clone();
        let Some((change, id)) = random.pick(&state.answered) else { return };
        if let Err(refused) = state.certain.send(caller, change, id).await {
            // What it made may be gone by now.
            assert!(refused.is_not_found, "{change:?} again: {}", refused.text);
        }
        self.read_back(caller).await.expect("it is read");
    }
}
