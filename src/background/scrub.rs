//! Reads all of the store through, slowly, so that damage is found while there are backups without it.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    error::Error,
    service::Services,
    store::{
        KeyRange, Position,
        sweep::{LogPart, LogSweep, Part, Sweep},
    },
};

use super::{Next, Task};

/// Of the time for all of it, reading may take so much: the store grows meanwhile.
const SHARE: f64 = 0.5;
/// The least that is read in a second, so that a small store is read soon after the start.
const LEAST_BYTES_PER_SECOND: f64 = 1024.0 * 1024.0;
/// What a page counts at least: one of keys without values is work as well.
const LEAST_PAGE_BYTES: usize = 16 * 1024;
const SHORTEST_REST: Duration = Duration::from_millis(5);
const LONGEST_REST: Duration = Duration::from_secs(30);

pub(super) struct Scrub {
    services: Arc<Services>,
    at: At,
    bytes_per_second: f64,
    /// What could not be read in this pass.
    damaged: u64,
}

/// How far a pass is. It is not stored: after a restart it begins anew.
enum At {
    Begin,
    Pairs(KeyRange),
    Log(Position),
}

impl Scrub {
    pub(super) fn new(services: Arc<Services>) -> Self {
        Self { services, at: At::Begin, bytes_per_second: LEAST_BYTES_PER_SECOND, damaged: 0 }
    }

    async fn next(&mut self) -> Result<Next, Error> {
        let hours = self.services.settings().scrub_hours;
        if hours == 0 {
            return Ok(Next::After(LONGEST_REST));
        }
        let whole = Duration::from_secs(hours.saturating_mul(3600));
        let store = &*self.services.store;
        match &self.at {
            At::Begin => {
                let size_bytes = store.stats().await?.size_bytes as f64;
                self.bytes_per_second =
                    (size_bytes / (whole.as_secs_f64() * SHARE)).max(LEAST_BYTES_PER_SECOND);
                self.at = At::Pairs(KeyRange::all());
                self.damaged = 0;
                Ok(Next::Now)
            }
            At::Pairs(range) => {
                let mut sweep = Sweep::new(store, range.clone());
                let part = sweep.next().await?;
                self.at = sweep.rest().map_or(At::Log(0), At::Pairs);
                Ok(match part {
                    Some(Part::Pairs(pairs)) => {
                        self.rest(pairs.iter().map(|(key, value)| key.len() + value.len()).sum())
                    }
                    Some(Part::Lost(lost)) => self.met_damage(&lost.why),
                    None => Next::Now,
                })
            }
            At::Log(after) => {
                let mut sweep = LogSweep::after(store, *after);
                let part = sweep.next().await?;
                let rest = sweep.rest().filter(|_| part.is_some());
                let next = match part {
                    Some(LogPart::Records(records)) => {
                        self.rest(records.iter().map(|(_, value)| value.len()).sum())
                    }
                    Some(LogPart::Lost(lost)) => self.met_damage(&lost.why),
                    None => Next::Now,
                };
                match rest {
                    Some(rest) => {
                        self.at = At::Log(rest);
                        Ok(next)
                    }
                    None => Ok(self.ended(whole)),
                }
            }
        }
    }

    fn rest(&self, bytes: usize) -> Next {
        let seconds = bytes.max(LEAST_PAGE_BYTES) as f64 / self.bytes_per_second;
        Next::After(Duration::from_secs_f64(seconds).clamp(SHORTEST_REST, LONGEST_REST))
    }

    /// Told at once, and once in a pass: the next line has the number of places.
    fn met_damage(&mut self, why: &str) -> Next {
        self.damaged += 1;
        if self.damaged == 1 {
            tracing::error!(
                why,
                "the store is damaged; what is not damaged is served on: copy the data directory, stop the server, and see what \
                 is lost with plaudit store check"
            );
        }
        let before = self.services.damaged_places();
        self.services.set_damaged_places(before.max(self.damaged));
        Next::After(SHORTEST_REST)
    }

    fn ended(&mut self, whole: Duration) -> Next {
        self.services.set_damaged_places(self.damaged);
        if self.damaged > 0 {
            let places = self.damaged;
            tracing::error!(
                places,
                "the store was read through and is damaged; plaudit store check says what is lost"
            );
        } else {
            tracing::debug!("the store was read through and is whole");
        }
        self.at = At::Begin;
        Next::After(whole.mul_f64(1.0 - SHARE))
    }
}

impl Task for Scrub {
    fn name(&self) -> &'static str {
        "scrub"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        self.next().boxed()
    }
}
