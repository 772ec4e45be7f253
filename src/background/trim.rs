//! The end of old events: after some days the log does not tell of them any more.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    domain::UnixMillis,
    error::Error,
    service::Services,
    store::{Keyspace, Position, Value, events},
};

use super::{Next, Task, clock_check::ClockCheck};

/// How many records are read at once.
const PAGE: usize = 256;

pub(super) struct Trim {
    services: Arc<Services>,
    clock: Arc<ClockCheck>,
    every: Duration,
}

impl Trim {
    pub(super) fn new(services: Arc<Services>, clock: Arc<ClockCheck>, every: Duration) -> Self {
        Self { services, clock, every }
    }
}

impl Task for Trim {
    fn name(&self) -> &'static str {
        "trim"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        async {
            let Some(kept_millis) = kept_millis(&self.services) else { return Ok(Next::After(self.every)) };
            if !self.clock.may_remove(kept_millis).await? {
                return Ok(Next::After(self.every));
            }
            let trimmed = trim_events(&self.services).await?;
            if trimmed > 0 {
                tracing::info!(trimmed, "removed old events from the log");
            }
            Ok(Next::After(self.every))
        }
        .boxed()
    }
}

/// Removes the events that are older than what is kept, from the oldest on, but none that a durable consumer has not read yet;
/// answers how many. What is cut off goes on with the next call.
///
/// It reads up to the first event that is young enough. Events stand in the log in the order of their commits, so those after it are
/// as young, but for a few milliseconds.
pub async fn trim_events(services: &Services) -> Result<usize, Error> {
    let store = &*services.store;
    let Some(kept_millis) = kept_millis(services) else { return Ok(0) };
    let now = services.clock.now();
    let consumed = events::lowest_cursor(store).await?.unwrap_or(Position::MAX);
    let mut after = 0;
    let mut trimmed = 0;
    loop {
        let page = events::page(store, after, PAGE).await?;
        let mut last_old = None;
        let mut is_at_end = page.len() < PAGE;
        for (position, record) in &page {
            let age = record.as_ref().and_then(|record| age_millis(*position, record, now));
            if *position > consumed || age.is_some_and(|age| age < kept_millis) {
                is_at_end = true;
                break;
            }
            last_old = age.map(|_| *position).or(last_old);
        }
        if let Some(last_old) = last_old {
            trimmed += trim(store, last_old).await?;
        }
        match page.last() {
            Some((last, _)) if !is_at_end => after = *last,
            _ => return Ok(trimmed),
        }
    }
}

/// `None` where everything is kept.
fn kept_millis(services: &Services) -> Option<i64> {
    let days = services.settings().keep_events_days;
    (days > 0).then(|| i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(UnixMillis::DAY_MILLIS))
}

/// How long ago an event was. `None` where that is not known: its record cannot be decoded, or its time has not come, as when
/// the clock was set back. Such a record is as old as those after it and goes with the next whose age is known: it must
/// neither stay for ever, and all after it, nor go before its time.
fn age_millis(position: Position, record: &Value, now: UnixMillis) -> Option<i64> {
    let event = events::decode(position, record).ok()?;
    (event.time <= now).then(|| now.millis_since(event.time))
}

/// In parts, between which others write.
async fn trim(store: &dyn Keyspace, up_to: Position) -> Result<usize, Error> {
    let mut trimmed = 0;
    loop {
        match store.trim_log(up_to).await? {
            0 => return Ok(trimmed),
            part => trimmed += part,
        }
        tokio::task::yield_now().await;
    }
}
