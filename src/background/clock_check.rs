//! Whether the clock may be trusted to remove anything for good.
//!
//! A sweep removes what is old by the clock. A clock that is a month ahead makes everything a month older, and what a sweep
//! removes is gone. So the store keeps the newest time that was trusted, and a sweep asks whether now is plausible after it:
//! docs/decisions/0057.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::{
    domain::UnixMillis,
    error::Error,
    service::{Call, Services},
    store::{Decision, clock_mark, records::ClockMark},
};

use super::REPORT_EVERY;

/// How long a server may have been off before its clock is doubted.
pub const LONGEST_GAP_MILLIS: i64 = 7 * UnixMillis::DAY_MILLIS;
/// How far a clock may be set back before it is doubted.
pub const MOST_BEHIND_MILLIS: i64 = UnixMillis::HOUR_MILLIS;
/// How far the stored mark may lag behind the time: a server stores it rarely.
const MARK_EVERY_MILLIS: i64 = 10 * 60 * 1000;
const FLAG: &str = "--yes-the-clock-is-right";

/// What is to be thought of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Trusted {
        /// When it came back from being behind. What was stored before may be younger than it looks.
        returned: Option<UnixMillis>,
    },
    Ahead {
        trusted: UnixMillis,
    },
    Behind {
        trusted: UnixMillis,
    },
}

/// Judges the time by the mark; returns the mark to store as well.
fn judge(mark: ClockMark, now: UnixMillis) -> (Verdict, ClockMark) {
    let ahead = now.millis_since(mark.trusted);
    let trusted = mark.trusted;
    if ahead > LONGEST_GAP_MILLIS {
        return (Verdict::Ahead { trusted }, mark);
    }
    if ahead < -MOST_BEHIND_MILLIS {
        return (Verdict::Behind { trusted }, ClockMark { is_behind: true, ..mark });
    }
    let returned = if mark.is_behind { Some(now) } else { mark.returned };
    let trusted = if ahead >= MARK_EVERY_MILLIS { now } else { trusted };
    (Verdict::Trusted { returned }, ClockMark { trusted, is_behind: false, returned })
}

/// The mark after an operator has said that the clock is right.
fn confirmed(mark: ClockMark, now: UnixMillis) -> ClockMark {
    let is_back = mark.is_behind && now.millis_since(mark.trusted) >= -MOST_BEHIND_MILLIS;
    let returned = if is_back { Some(now) } else { mark.returned };
    ClockMark { trusted: now, is_behind: false, returned }
}

/// Judges the clock and stores what the next judgement rests on.
pub async fn check(call: Call<'_>) -> Result<Verdict, Error> {
    let now = call.services.now();
    revise(call, |mark| judge(mark, now)).await
}

/// Takes the clock as right from now on.
pub async fn confirm(call: Call<'_>) -> Result<(), Error> {
    let now = call.services.now();
    revise(call, |mark| ((), confirmed(mark, now))).await
}

async fn revise<T>(call: Call<'_>, change: impl Fn(ClockMark) -> (T, ClockMark)) -> Result<T, Error> {
    loop {
        let mut decision = Decision::new(call.space());
        let stored = clock_mark::find(&decision).await?;
        let mark = match stored {
            Some(mark) => mark,
            None => ClockMark { trusted: first_known(call).await?, is_behind: false, returned: None },
        };
        let (answer, next) = change(mark);
        if stored != Some(next) {
            clock_mark::put(&mut decision, &next);
        }
        // Another process may have stored it first; then its mark counts.
        if decision.commit().await? {
            return Ok(answer);
        }
    }
}

/// A store of an earlier build has no mark, but its newest event tells when it was last written. A new store trusts now.
async fn first_known(call: Call<'_>) -> Result<UnixMillis, Error> {
    let newest = clock_mark::newest_event_time(&*call.services.store).await?;
    Ok(newest.unwrap_or_else(|| call.services.now()))
}

/// Asked by each sweep before it removes anything. Warns of a clock in doubt, once for all sweeps of a round.
pub(super) struct ClockCheck {
    services: Arc<Services>,
    warned: Mutex<Option<Instant>>,
}

impl ClockCheck {
    pub(super) fn new(services: Arc<Services>) -> Self {
        Self { services, warned: Mutex::default() }
    }

    /// Whether what is older than this may be removed now.
    pub(super) async fn may_remove(&self, older_than_millis: i64) -> Result<bool, Error> {
        let doubt = match check(Call::new(&self.services)).await? {
            Verdict::Trusted { returned } => {
                let now = self.services.now();
                return Ok(returned.is_none_or(|time| now.millis_since(time) >= older_than_millis));
            }
            Verdict::Ahead { trusted } => ("ahead of", trusted),
            Verdict::Behind { trusted } => ("behind", trusted),
        };
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|time| time.elapsed() >= REPORT_EVERY) {
            *warned = Some(Instant::now());
            self.warn(doubt);
        }
        Ok(false)
    }

    fn warn(&self, (where_to, trusted): (&str, UnixMillis)) {
        let now = self.services.now();
        let hours = now.millis_since(trusted).abs() / UnixMillis::HOUR_MILLIS;
        tracing::warn!(
            clock = %now,
            trusted = %trusted,
            "nothing that has expired is removed: the clock is {hours} hours {where_to} the last time that this store knows; if \
             the clock is right, restart the server once with {FLAG}; otherwise set the clock"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: UnixMillis = UnixMillis::clamped(1_767_225_600_000);

    fn mark(trusted: UnixMillis) -> ClockMark {
        ClockMark { trusted, is_behind: false, returned: None }
    }

    #[test]
    fn a_gap_is_doubted_from_its_bound_on() {
        for (millis, verdict) in [
            (0, Verdict::Trusted { returned: None }),
            (LONGEST_GAP_MILLIS, Verdict::Trusted { returned: None }),
            (LONGEST_GAP_MILLIS + 1, Verdict::Ahead { trusted: T }),
            (-MOST_BEHIND_MILLIS, Verdict::Trusted { returned: None }),
            (-MOST_BEHIND_MILLIS - 1, Verdict::Behind { trusted: T }),
        ] {
            assert_eq!(judge(mark(T), T.plus_millis(millis)).0, verdict, "{millis}");
        }
    }

    #[test]
    fn the_mark_follows_the_clock_forwards_only_and_never_into_a_doubt() {
        let next = |millis| judge(mark(T), T.plus_millis(millis)).1;
        assert_eq!(next(MARK_EVERY_MILLIS - 1), mark(T));
        assert_eq!(next(MARK_EVERY_MILLIS), mark(T.plus_millis(MARK_EVERY_MILLIS)));
        assert_eq!(next(-1000), mark(T));
        assert_eq!(next(31 * UnixMillis::DAY_MILLIS), mark(T));
        assert_eq!(next(-31 * UnixMillis::DAY_MILLIS), ClockMark { is_behind: true, ..mark(T) });
    }

    #[test]
    fn a_clock_that_comes_back_says_when() {
        let (_, behind) = judge(mark(T), T.plus_millis(-UnixMillis::DAY_MILLIS));
        let (verdict, next) = judge(behind, T);
        assert_eq!(verdict, Verdict::Trusted { returned: Some(T) });
        let later = T.plus_millis(UnixMillis::DAY_MILLIS);
        assert_eq!(judge(next, later).0, Verdict::Trusted { returned: Some(T) });
        assert_eq!(confirmed(behind, later), ClockMark { returned: Some(later), ..mark(later) });
    }

    #[test]
    fn whoever_confirms_the_clock_moves_the_mark_either_way() {
        for millis in [60 * UnixMillis::DAY_MILLIS, -60 * UnixMillis::DAY_MILLIS] {
            let now = T.plus_millis(millis);
            assert_eq!(confirmed(judge(mark(T), now).1, now), mark(now));
        }
    }
}
