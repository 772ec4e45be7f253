//! Following what changed: the log of the store, from any place in it, for as long as somebody watches.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    domain::{ConversationId, ConversationRef, Event, EventKind},
    error::Error,
    store::{Position, Value, events},
};

use super::{OwnedCall, Services, conversation};

/// How many records are read at once.
const PAGE: usize = 64;
/// The longest time without a message to the watcher.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Where a watcher begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest event that is kept.
    Oldest,
    /// With what happens from now on.
    Now,
    /// After this position, which a watcher was sent before.
    After(Position),
}

/// What a watcher wants to hear of.
pub struct Filter {
    pub conversation: Option<ConversationRef>,
    pub kinds: Box<dyn Fn(&EventKind) -> bool + Send>,
}

/// What a watcher is sent: an event, or only how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchItem {
    pub event: Option<Event>,
    /// Watching again after it continues here.
    pub position: Position,
}

/// A watcher. It holds one page of the log, however far it is behind.
pub struct Watch {
    services: Arc<Services>,
    conversation: Option<ConversationId>,
    kinds: Box<dyn Fn(&EventKind) -> bool + Send>,
    newest: watch::Receiver<Position>,
    page: std::vec::IntoIter<(Position, Value)>,
    /// The last record that was looked at.
    position: Position,
    /// Whether it has ever been at the log's end.
    has_caught_up: bool,
    sent_at: Instant,
}

/// Begins to watch.
///
/// Errors: [`Error::NotFound`] for a conversation that the filter names by its source and is not stored,
/// [`Error::EventsLost`] for a place that the log does not reach back or forward to.
pub async fn watch_events(call: OwnedCall, start: Start, filter: Filter) -> Result<Watch, Error> {
    let Filter { conversation, kinds } = filter;
    let conversation = match &conversation {
        Some(name) => Some(conversation::resolve(call.call(), name).await?),
        None => None,
    };
    let services = call.services;
    let newest = services.store.newest();
    let mut page = Vec::new();
    let position = match start {
        Start::Oldest => {
            // Read now: what is trimmed from here on has to be reported as lost.
            page = services.store.log(0, PAGE).await?;
            0
        }
        Start::Now => *newest.borrow(),
        Start::After(position) => {
            if !events::reaches(&*services.store, position).await? {
                return Err(Error::EventsLost);
            }
            position
        }
    };
    let page = page.into_iter();
    let sent_at = Instant::now();
    Ok(Watch { services, conversation, kinds, newest, page, position, has_caught_up: false, sent_at })
}

impl Watch {
    /// What comes next; waits for it. [`Error::EventsLost`] when the log was trimmed beyond where the watcher is.
    pub async fn next(&mut self) -> Result<WatchItem, Error> {
        loop {
            if let Some(event) = self.next_of_page()? {
                return Ok(self.item(Some(event)));
            }
            let due = self.sent_at + HEARTBEAT;
            if due <= Instant::now() {
                return Ok(self.item(None));
            }
            if self.read_on().await? {
                // The store may answer at once, page after page of what nobody wants to hear of.
                tokio::task::yield_now().await;
                continue;
            }
            if !self.has_caught_up {
                self.has_caught_up = true;
                return Ok(self.item(None));
            }
            tokio::select! {
                grown = self.newest.changed() => if grown.is_err() {
                    return Err(Error::unavailable("the store is gone"));
                },
                () = sleep_until(due) => {}
            }
        }
    }

    /// Reads the page after the one that was read; false at the log's end.
    async fn read_on(&mut self) -> Result<bool, Error> {
        let store = &*self.services.store;
        let page = store.log(self.position, PAGE).await?;
        // Asked after the page was read: what is removed later was in it. At the end nothing is gone, the newest record stays.
        if !page.is_empty() && store.trimmed().await? > self.position {
            return Err(Error::EventsLost);
        }
        self.page = page.into_iter();
        Ok(self.page.len() > 0)
    }

    /// The next event of the page that is wanted.
    fn next_of_page(&mut self) -> Result<Option<Event>, Error> {
        for (position, record) in self.page.by_ref() {
            self.position = position;
            let event = events::decode(position, &record)?;
            let is_about = self.conversation.is_none_or(|wanted| wanted == event.conversation);
            if is_about && (self.kinds)(&event.kind) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn item(&mut self, event: Option<Event>) -> WatchItem {
        self.sent_at = Instant::now();
        WatchItem { event, position: self.position }
    }
}
