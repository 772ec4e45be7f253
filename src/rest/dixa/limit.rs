//! The rate limit per API key.
//!
//! Uses the generic cell rate algorithm (ITU-T I.371): only the theoretical arrival time of the next request is kept per key.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::domain::UnixMillis;

/// The most keys tracked at a time; any more share one entry until others have been idle.
const MAX_KEYS: usize = 10_000;
const SHARED: [u8; 32] = [0; 32];

pub struct Limit {
    /// The time between two conforming requests, in microseconds.
    interval: i64,
    /// How early a request may come, in microseconds.
    tolerance: i64,
    /// By the key's hash: the keys themselves are not kept.
    next: Mutex<HashMap<[u8; 32], i64>>,
}

impl Limit {
    pub fn new(per_second: NonZeroU32, burst: u32) -> Self {
        let interval = (1_000_000 / i64::from(per_second.get())).max(1);
        Self { interval, tolerance: interval * (i64::from(burst.max(1)) - 1), next: Mutex::default() }
    }

    /// Counts a request; `Err` holds how long to wait before the next attempt.
    pub fn take(&self, key: &[u8], now: UnixMillis) -> Result<(), Duration> {
        let now = now.millis().saturating_mul(1000);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = *blake3::hash(key).as_bytes();
        if next.len() >= MAX_KEYS && !next.contains_key(&place) {
            next.retain(|_, time| *time > now);
            if next.len() >= MAX_KEYS {
                place = SHARED;
            }
        }
        let time = next.entry(place).or_insert(now);
        // A clock that is set back must not block callers for long.
        let due = (*time).clamp(now, now.saturating_add(self.tolerance + self.interval));
        *time = due;
        let early = due - now;
        if early > self.tolerance {
            return Err(Duration::from_micros((early - self.tolerance).unsigned_abs()));
        }
        *time = due + self.interval;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documented() -> Limit {
        Limit::new(NonZeroU32::new(10).expect("not zero"), 4)
    }

    fn taken(limit: &Limit, key: &str, millis: i64, tries: usize) -> usize {
        (0..tries).filter(|_| limit.take(key.as_bytes(), UnixMillis::clamped(millis)).is_ok()).count()
    }

    #[test]
    fn a_burst_is_admitted_at_once_and_then_one_request_per_interval() {
        let limit = documented();
        assert_eq!(taken(&limit, "a", 1_000, 9), 4);
        assert_eq!(taken(&limit, "b", 1_000, 9), 4, "each key has its own limit");
        assert_eq!(limit.take(b"a", UnixMillis::clamped(1_000)), Err(Duration::from_millis(100)));
        assert_eq!(taken(&limit, "a", 1_099, 1), 0);
        assert_eq!(taken(&limit, "a", 1_100, 9), 1);
        assert_eq!(taken(&limit, "a", 1_300, 9), 2);
        assert_eq!(taken(&limit, "a", 60_000, 9), 4, "idling restores the burst and no more");
    }

    #[test]
    fn a_clock_that_is_set_back_blocks_nobody() {
        let limit = documented();
        assert_eq!(taken(&limit, "a", 1_000_000, 9), 4);
        assert_eq!(taken(&limit, "a", 1_000, 9), 0);
        assert_eq!(taken(&limit, "a", 1_500, 9), 4);
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let limit = documented();
        for key in 0..MAX_KEYS + 100 {
            let _ = limit.take(&key.to_be_bytes(), UnixMillis::clamped(1_000));
        }
        assert_eq!(limit.next.lock().unwrap().len(), MAX_KEYS + 1);
        let _ = limit.take(b"new", UnixMillis::clamped(100_000));
        assert_eq!(limit.next.lock().unwrap().len(), 1);
    }
}
