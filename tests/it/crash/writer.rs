//! One caller: it sends one request after another, about things that nobody else changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream;
use plaudit::proto::v1::{AuthorKind, ImportOutcome, import_conversations_response::Answer, imported_item};

use super::{
    caller::{Caller, Refused},
    kept::{Kept, Moments, Unknown},
    random::Random,
    staff::Staff,
    thread::{Change, Edge, New, Process, Said, Thread},
};
use crate::harness::{bulk_item, sample::with_id};

pub struct Writer {
    number: usize,
    random: Mutex<Random>,
    threads: Mutex<Vec<Arc<Kept<Thread>>>>,
    staff: Kept<Staff>,
    moments: Option<Moments>,
}

impl Writer {
    pub fn new(number: usize, seed: u64) -> Self {
        Self::remembering(number, seed, None)
    }

    /// With `moments`, what it knew at each of them is kept.
    pub fn remembering(number: usize, seed: u64, moments: Option<Moments>) -> Self {
        Self {
            number,
            random: Mutex::new(Random::new(seed)),
            threads: Mutex::default(),
            staff: Kept::new(Staff::of(format!("w{number}")), moments.clone()),
            moments,
        }
    }

    /// What it knew at a moment.
    pub fn at(&self, moment: u64) -> Self {
        let new = Self::new(self.number, moment);
        let threads = self.list().iter().filter_map(|thread| Some(Arc::new(thread.at(moment)?))).collect();
        Self { threads: Mutex::new(threads), staff: self.staff.at(moment).unwrap_or(new.staff), ..new }
    }

    pub fn staff(&self) -> &Kept<Staff> {
        &self.staff
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Kept<Thread>>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every conversation it ever wrote to.
    pub fn threads(&self) -> Vec<Arc<Kept<Thread>>> {
        self.list().clone()
    }

    pub fn some_thread(&self, random: &mut Random) -> Option<Arc<Kept<Thread>>> {
        random.pick(&self.list()).cloned()
    }

    fn new_thread(&self) -> Arc<Kept<Thread>> {
        let mut threads = self.list();
        let external_id = format!("{}-{}", self.number, threads.len());
        let thread = Arc::new(Kept::new(Thread::new(external_id), self.moments.clone()));
        threads.push(thread.clone());
        thread
    }

    /// Sends the next request, or a stream of them.
    pub async fn turn(&self, caller: &Caller) -> Result<(), Refused> {
        let seed = self.random.lock().unwrap_or_else(PoisonError::into_inner).next();
        let mut random = Random::new(seed);
        match random.below(12) {
            0 => self.import_several(caller, &mut random).await,
            1 | 2 => self.staff.change(caller, &mut random).await,
            3 | 4 => self.new_thread().change(caller, &mut random).await,
            _ => {
                let thread = self.some_thread(&mut random).unwrap_or_else(|| self.new_thread());
                thread.change(caller, &mut random).await
            }
        }
    }

    /// Several new conversations in one stream.
    async fn import_several(&self, caller: &Caller, random: &mut Random) -> Result<(), Refused> {
        let threads: Vec<_> = (0..2 + random.below(4)).map(|_| self.new_thread()).collect();
        let mut items = Vec::new();
        for (thread, number) in threads.iter().zip(0..) {
            let known = thread.certain();
            let Change::Import { messages, .. } = known.import(random) else { unreachable!("an import") };
            let id = if random.one_in(2) { String::new() } else { format!("id-{}", random.next()) };
            items.push(bulk_item(number, with_id(known.import_request(&messages), &id)));
            thread.begin(Change::Import { messages, edge: Edge::Grpc }, id);
        }
        let mut imports = caller.imports.clone();
        let mut answers = imports.import_conversations(stream::iter(items)).await?.into_inner();
        for thread in &threads {
            match answers.message().await?.and_then(|answer| answer.answer) {
                Some(Answer::Item(item)) => match item.result {
                    Some(imported_item::Result::Done(done)) => {
                        assert_eq!(done.outcome(), ImportOutcome::Created);
                        thread.answered();
                    }
                    other => panic!("{other:?} of a new conversation"),
                },
                other => panic!("{other:?} instead of an item"),
            }
        }
        for thread in &threads {
            thread.read_back(caller).await?;
        }
        Ok(())
    }

    /// Messages of 5 MB together, more than an engine keeps in memory once it is stopped. They are not scored: that takes
    /// its time.
    pub async fn store_large(&self, caller: &Caller, random: &mut Random) -> Result<(), Refused> {
        const MESSAGE_BYTES: usize = 210_000;
        for thread in (0..8).map(|_| self.new_thread()) {
            for _ in 0..3 {
                let words = random.next().to_string().repeat(MESSAGE_BYTES / 20);
                let new = New { said: Said { words, ..Said::default() }, kind: AuthorKind::Contact };
                let (process, edge) = (Process::Off, Edge::Grpc);
                let change = Change::Store { new, process, status: 1, tag: None, edge };
                thread.change_by(caller, change, String::new()).await?;
            }
        }
        Ok(())
    }

    /// After a restart: the outcome of the requests that were not answered.
    pub async fn settle(&self, caller: &Caller, round: u64) -> Vec<Unknown> {
        let mut unknown: Vec<_> = self.staff.settle(caller, round).await.into_iter().collect();
        for thread in self.threads() {
            unknown.extend(thread.settle(caller, round).await);
        }
        unknown
    }

    /// Checks some conversations of any age, and occasionally the people.
    pub async fn check_some(&self, caller: &Caller, count: usize, random: &mut Random) {
        if random.one_in(4) {
            self.staff.check(caller, random).await;
        }
        for _ in 0..count {
            if let Some(thread) = self.some_thread(random) {
                thread.check(caller, random).await;
            }
        }
    }

    pub async fn check_all(&self, caller: &Caller, random: &mut Random) {
        self.staff.check(caller, random).await;
        for thread in self.threads() {
            thread.check(caller, random).await;
        }
    }
}
