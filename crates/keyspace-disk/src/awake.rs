//! Keeps a processor awake while a sync is under way, where that makes the sync shorter.
//!
//! A processor with nothing to do is halted. On some virtual machines the end of a sync then reaches it only with a tick of
//! its timer: after 4 ms in place of 0.2 (docs/storage.md). So a thread that gives way to every other keeps it busy for as long
//! as the sync takes. Whether that helps is measured on every machine anew.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A sync that takes less is short enough.
const SHORT: Duration = Duration::from_millis(1);
/// How long to stay awake for one sync: one that takes longer does so for reasons of its own.
const LONGEST: Duration = Duration::from_millis(10);

pub(crate) struct Awake {
    trial: Trial,
    shared: Arc<Shared>,
    /// Absent where no thread could be started.
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    syncing: AtomicBool,
    ended: AtomicBool,
}

impl Awake {
    pub(crate) fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("store-awake".to_owned()).spawn(move || of_thread.run());
        Self { trial: Trial::default(), shared, thread: thread.ok() }
    }

    /// Does what ends with a sync.
    pub(crate) fn during<T>(&mut self, sync: impl FnOnce() -> T) -> T {
        let stays_awake = self.trial.next();
        if let (true, Some(thread)) = (stays_awake, &self.thread) {
            self.shared.syncing.store(true, Ordering::Release);
            thread.thread().unpark();
        }
        let begun = Instant::now();
        let done = sync();
        self.trial.took(stays_awake, begun.elapsed());
        self.shared.syncing.store(false, Ordering::Release);
        done
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        // Without it the thread still gives way at every turn.
        let _ = rustix::process::setpriority_process(None, 19);
        while !self.ended.load(Ordering::Acquire) {
            let begun = Instant::now();
            while self.syncing.load(Ordering::Acquire) && begun.elapsed() < LONGEST {
                thread::yield_now();
            }
            thread::park();
        }
    }
}

/// Which of the two ways makes syncs shorter.
#[derive(Default)]
struct Trial {
    asleep: Mean,
    awake: Mean,
    turn: u64,
}

impl Trial {
    /// How often the other way is tried.
    const EVERY: u64 = 64;
    /// How many of each are tried at first.
    const FIRST: u64 = 4;

    /// Whether to stay awake for the next sync.
    fn next(&mut self) -> bool {
        self.turn += 1;
        let (Some(asleep), Some(awake)) = (self.asleep.of(Self::FIRST), self.awake.of(Self::FIRST)) else {
            // A disk that is quick enough anyway needs no trial.
            return self.asleep.of(Self::FIRST).is_some_and(|asleep| asleep >= SHORT);
        };
        let helps = asleep >= SHORT && awake * 2 < asleep;
        let tries_other = self.turn.is_multiple_of(Self::EVERY) && (helps || asleep >= SHORT);
        helps != tries_other
    }

    fn took(&mut self, was_awake: bool, time: Duration) {
        if was_awake { self.awake.add(time) } else { self.asleep.add(time) }
    }
}

/// The mean of the latest syncs.
#[derive(Default)]
struct Mean {
    mean: Duration,
    count: u64,
}

impl Mean {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        // One that takes far longer says nothing of the others.
        let time = time.min(LONGEST);
        let weight = self.count.min(8) as u32;
        self.mean = (self.mean * (weight - 1) + time) / weight;
    }

    /// Once there are enough of them.
    fn of(&self, least: u64) -> Option<Duration> {
        (self.count >= least).then_some(self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the last 1,000 of `count` syncs were made awake, where they take this long.
    fn awake_of(asleep: Duration, awake: Duration) -> usize {
        let mut trial = Trial::default();
        let chosen: Vec<bool> = (0..2_000)
            .map(|_| {
                let stays_awake = trial.next();
                trial.took(stays_awake, if stays_awake { awake } else { asleep });
                stays_awake
            })
            .collect();
        chosen.iter().skip(1_000).filter(|stays_awake| **stays_awake).count()
    }

    #[test]
    fn a_processor_stays_awake_only_where_that_makes_syncs_shorter() {
        let micros = Duration::from_micros;
        assert!(awake_of(micros(3_900), micros(200)) > 950);
        // A slow disk is not quicker for it; it is tried now and then.
        assert!((1..50).contains(&awake_of(micros(4_000), micros(3_900))));
        // And a quick one does not need it.
        assert_eq!(awake_of(micros(300), micros(100)), 0);
    }

    #[test]
    fn a_change_of_the_machine_is_noticed() {
        let mut trial = Trial::default();
        let mut chosen = 0;
        for turn in 0..4_000 {
            let stays_awake = trial.next();
            // From the middle on, syncs are as quick asleep.
            let asleep = if turn < 2_000 { 4_000 } else { 200 };
            trial.took(stays_awake, Duration::from_micros(if stays_awake { 200 } else { asleep }));
            chosen += usize::from(stays_awake && turn >= 3_000);
        }
        assert_eq!(chosen, 0);
    }

    #[test]
    fn the_thread_ends_with_the_store() {
        let mut awake = Awake::new();
        let shared = Arc::clone(&awake.shared);
        // Slow at first, so that the thread is asked to stay awake.
        for _ in 0..12 {
            awake.during(|| thread::sleep(Duration::from_millis(2)));
        }
        assert!(awake.trial.awake.count > 0);
        drop(awake);
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}
