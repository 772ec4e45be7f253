//! Something that only one caller changes: the answers they got about it, and the change whose outcome they do not
//! know.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    caller::{Caller, Refused},
    random::Random,
};

/// What a server keeps, as known to its caller.
pub trait Known: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// A change, with everything needed to send it a second time.
    type Change: Clone + Debug + Send + Sync;

    fn choose(&self, random: &mut Random) -> Self::Change;

    /// Its state after the change, except for names that the server assigns.
    fn apply(&mut self, change: &Self::Change);

    /// Sends a change with a request id; empty means none.
    fn send(
        &self,
        caller: &Caller,
        change: &Self::Change,
        id: &str,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Its state according to the server; whatever the server does not report is taken as unchanged.
    fn read(&self, caller: &Caller) -> impl Future<Output = Result<Self, Refused>> + Send;

    /// The same without the names that the server assigns.
    fn bare(&self) -> Self;

    /// Whether every known name still refers to the same thing.
    fn keeps_names_of(&self, earlier: &Self) -> bool;
}

/// The outcome of a request that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    WasAbsent,
    WasWhole,
}

/// A change sent with an id; empty means none.
pub type Sent<K> = (<K as Known>::Change, String);

/// Numbers moments; a later one has a higher number.
pub type Moments = Arc<dyn Fn() -> u64 + Send + Sync>;

pub struct Kept<K: Known> {
    state: Mutex<State<K>>,
    past: Option<Past<K>>,
}

/// Each state that it had, with the moment from which its callers knew it.
struct Past<K: Known> {
    moments: Moments,
    states: Mutex<Vec<(u64, State<K>)>>,
}

#[derive(Clone)]
pub struct State<K: Known> {
    /// Everything acknowledged.
    pub certain: K,
    /// What was sent but not answered.
    pub pending: Option<Sent<K>>,
    /// Incremented with everything its caller does.
    pub steps: u64,
    /// Whether a reader saw the effect of `pending`.
    pub is_seen: bool,
    /// Whether it was read since its last change, so that all its names are known.
    is_read: bool,
    /// Acknowledged changes that had an id.
    answered: Vec<Sent<K>>,
}

impl<K: Known> State<K> {
    /// Its state if the request without an answer was carried out.
    pub fn with_pending(&self) -> K {
        let mut after = self.certain.clone();
        if let Some((change, _)) = &self.pending {
            after.apply(change);
        }
        after
    }
}

impl<K: Known> Kept<K> {
    /// With `moments`, all that it ever was is kept, for [`Kept::at`].
    pub fn new(known: K, moments: Option<Moments>) -> Self {
        let (pending, answered) = (None, Vec::new());
        let state = State { certain: known, pending, steps: 0, is_seen: false, is_read: true, answered };
        let past = moments.map(|moments| Past { moments, states: Mutex::default() });
        Self { state: Mutex::new(state), past }
    }

    /// As its callers knew it at a moment; `None` if nothing had been sent yet.
    pub fn at(&self, moment: u64) -> Option<Self> {
        let states = self.past.as_ref()?.states.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, state) = states.iter().rfind(|(since, _)| *since <= moment)?;
        Some(Self { state: Mutex::new(state.clone()), past: None })
    }

    /// To be called with each change of the state, before anything else is done.
    pub fn note(&self, state: &State<K>) {
        if let Some(past) = &self.past {
            let mut states = past.states.lock().unwrap_or_else(PoisonError::into_inner);
            states.push(((past.moments)(), state.clone()));
        }
    }

    /// Poisoning is ignored: a panic elsewhere ends the test anyway.
    pub fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn certain(&self) -> K {
        self.state().certain.clone()
    }

    /// Records that a change is about to be sent.
    pub fn begin(&self, change: K::Change, id: String) {
        let mut state = self.state();
        state.pending = Some((change, id));
        state.is_seen = false;
        state.steps += 1;
        self.note(&state);
    }

    /// Records that the change was carried out.
    pub fn answered(&self) {
        let mut state = self.state();
        state.certain = state.with_pending();
        state.steps += 1;
        state.is_read = false;
        let done = state.pending.take();
        state.answered.extend(done.filter(|(_, id)| !id.is_empty()));
        self.note(&state);
    }

    /// Chooses a change and sends it.
    pub async fn change(&self, caller: &Caller, random: &mut Random) -> Result<(), Refused> {
        let change = self.certain().choose(random);
        let id = if random.one_in(2) { String::new() } else { format!("id-{}", random.next()) };
        self.change_by(caller, change, id).await
    }

    /// Sends a change with an id; empty means none.
    pub async fn change_by(&self, caller: &Caller, change: K::Change, id: String) -> Result<(), Refused> {
        let before = self.certain();
        self.begin(change.clone(), id.clone());
        before.send(caller, &change, &id).await?;
        self.answered();
        self.read_back(caller).await
    }

    /// Asserts that it is as acknowledged.
    pub async fn read_back(&self, caller: &Caller) -> Result<(), Refused> {
        let certain = self.certain();
        let found = certain.read(caller).await?;
        assert_eq!(found.bare(), certain.bare(), "it is not what was acknowledged");
        assert!(found.keeps_names_of(&certain), "a name means something else: {found:?} {certain:?}");
        let mut state = self.state();
        (state.certain, state.is_read) = (found, true);
        self.note(&state);
        Ok(())
    }

    /// After a restart: a change with an unknown outcome is there in full or not at all, and when retried with its id
    /// it is there once.
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
            self.note(&state);
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

    /// Asserts that it is as acknowledged, also after retrying one of the requests with an id, however old.
    pub async fn check(&self, caller: &Caller, random: &mut Random) {
        self.read_back(caller).await.expect("it is read");
        let state = self.state().clone();
        let Some((change, id)) = random.pick(&state.answered) else { return };
        if let Err(refused) = state.certain.send(caller, change, id).await {
            // What it created may be gone by now.
            assert!(refused.is_not_found, "{change:?} again: {}", refused.text);
        }
        self.read_back(caller).await.expect("it is read");
    }
}
