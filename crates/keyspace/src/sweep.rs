//! Reading a range to its end past what cannot be read: every pair that can be, and every stretch that cannot.
//!
//! A damaged page fails whoever seeks into it. Where it ends is not known, so its end is searched: in growing steps from the
//! last key before it until a read succeeds, then by halves. A readable stretch that is shorter than the unreadable one before
//! it may be stepped over that way; whoever knows what ought to be there asks for it by its key.

mod number;

use std::{ops::Bound, sync::Arc};

use self::number::Number;
use super::{Direction, Key, KeyRange, Keyspace, MAX_POSITION, Position, StoreError, Value};

/// The most pairs and bytes of a page.
const PAGE_PAIRS: usize = 256;
const PAGE_BYTES: usize = 1024 * 1024;
/// The most log records of a page.
const PAGE_RECORDS: usize = 64;

/// Where a stretch of the log ends that has no end.
pub const LAST: Position = MAX_POSITION;

/// What cannot be read.
#[derive(Clone, Debug)]
pub struct Lost<P> {
    pub place: P,
    /// Why not, in the engine's words.
    pub why: Arc<str>,
}

/// Where pairs cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The value of this key. The key itself is there.
    Value(Key),
    /// Whatever there is between these bounds; how much is not known.
    Stretch(KeyRange),
}

/// A part of a range, in its order.
#[derive(Clone, Debug)]
pub enum Part {
    Pairs(Vec<(Key, Value)>),
    Lost(Lost<Place>),
}

/// A part of the log, in its order.
#[derive(Clone, Debug)]
pub enum LogPart {
    Records(Vec<(Position, Value)>),
    /// Whatever there is after the first and up to the second of these positions.
    Lost(Lost<(Position, Position)>),
}

/// Reads a range of pairs.
pub struct Sweep<'a> {
    store: &'a dyn Keyspace,
    range: Option<KeyRange>,
    /// How many pairs are asked for at once: few where a page could not be read.
    limit: usize,
}

impl<'a> Sweep<'a> {
    pub fn new(store: &'a dyn Keyspace, range: KeyRange) -> Self {
        Self { store, range: Some(range), limit: PAGE_PAIRS }
    }

    /// The next part; `None` at the end. An error means that nothing more can be read at all.
    pub async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        loop {
            let Some(range) = self.range.take() else { return Ok(None) };
            let page = self.store.scan_within(range.clone(), self.limit, PAGE_BYTES, Direction::Ascending);
            let why = match unless_damaged(page.await)? {
                Ok(pairs) => {
                    let Some((last, _)) = pairs.last() else { return Ok(None) };
                    self.range = Some(range.after(last.clone()));
                    self.limit = (self.limit * 4).min(PAGE_PAIRS);
                    return Ok(Some(Part::Pairs(pairs)));
                }
                Err(why) => why,
            };
            if self.limit > 1 {
                // What comes before it in the page can be read.
                self.limit /= 4;
                self.range = Some(range);
                continue;
            }
            let keys = self.store.scan_keys(range.clone(), 1, Direction::Ascending).await;
            let place = match unless_damaged(keys)? {
                Ok(keys) => {
                    let Some(key) = keys.into_iter().next() else { return Ok(None) };
                    self.range = Some(range.after(key.clone()));
                    Place::Value(key)
                }
                Err(_) => {
                    let (lost, rest) = self.beyond(range).await?;
                    self.range = rest;
                    Place::Stretch(lost)
                }
            };
            return Ok(Some(Part::Lost(Lost { place, why })));
        }
    }

    /// What is not read yet; `None` at the end.
    pub fn rest(self) -> Option<KeyRange> {
        self.range
    }

    /// Finds where a range whose beginning cannot be read can be read again.
    async fn beyond(&self, range: KeyRange) -> Result<(KeyRange, Option<KeyRange>), StoreError> {
        let begin = match &range.start {
            Bound::Included(key) | Bound::Excluded(key) => Number::of(key),
            Bound::Unbounded => Number::of(&[]),
        };
        let from = |number: &Number| KeyRange { start: Bound::Included(number.key()), ..range.clone() };
        let mut unreadable = begin.clone();
        let mut step = begin.first_step();
        let mut readable = loop {
            let Some(next) = begin.plus_power(step) else { return Ok((range, None)) };
            let rest = from(&next);
            if rest.is_empty() {
                return Ok((range, None));
            }
            if self.is_readable(rest).await? {
                break next;
            }
            unreadable = next;
            step += 1;
        };
        while let Some(middle) = unreadable.halfway(&readable) {
            if self.is_readable(from(&middle)).await? {
                readable = middle;
            } else {
                unreadable = middle;
            }
        }
        let lost = KeyRange { end: Bound::Excluded(readable.key()), ..range.clone() };
        Ok((lost, Some(from(&readable))))
    }

    async fn is_readable(&self, range: KeyRange) -> Result<bool, StoreError> {
        Ok(unless_damaged(self.store.scan_keys(range, 1, Direction::Ascending).await)?.is_ok())
    }
}

/// Reads the log.
pub struct LogSweep<'a> {
    store: &'a dyn Keyspace,
    after: Option<Position>,
    limit: usize,
}

impl<'a> LogSweep<'a> {
    pub fn new(store: &'a dyn Keyspace) -> Self {
        Self::after(store, 0)
    }

    /// From behind a position on.
    pub fn after(store: &'a dyn Keyspace, position: Position) -> Self {
        Self { store, after: Some(position), limit: PAGE_RECORDS }
    }

    /// The next part; `None` at the end. An error means that nothing more can be read at all.
    pub async fn next(&mut self) -> Result<Option<LogPart>, StoreError> {
        loop {
            let Some(after) = self.after.take() else { return Ok(None) };
            let why = match unless_damaged(self.store.log(after, self.limit).await)? {
                Ok(records) => {
                    let Some((last, _)) = records.last() else { return Ok(None) };
                    self.after = Some(*last);
                    self.limit = (self.limit * 4).min(PAGE_RECORDS);
                    return Ok(Some(LogPart::Records(records)));
                }
                Err(why) => why,
            };
            if self.limit > 1 {
                self.limit /= 4;
                self.after = Some(after);
                continue;
            }
            let until = self.beyond(after).await?;
            self.after = until;
            let place = (after, until.unwrap_or(MAX_POSITION));
            return Ok(Some(LogPart::Lost(Lost { place, why })));
        }
    }

    /// The position after which it would go on; `None` at the end.
    pub fn rest(self) -> Option<Position> {
        self.after
    }

    /// The position after which the log can be read again.
    async fn beyond(&self, after: Position) -> Result<Option<Position>, StoreError> {
        let mut unreadable = after;
        let mut readable = loop {
            let step = ((unreadable - after) * 2).max(1);
            let next = after.saturating_add(step);
            if next >= MAX_POSITION {
                return Ok(None);
            }
            if self.is_readable(next).await? {
                break next;
            }
            unreadable = next;
        };
        while readable - unreadable > 1 {
            let middle = unreadable + (readable - unreadable) / 2;
            if self.is_readable(middle).await? {
                readable = middle;
            } else {
                unreadable = middle;
            }
        }
        Ok(Some(readable))
    }

    async fn is_readable(&self, after: Position) -> Result<bool, StoreError> {
        Ok(unless_damaged(self.store.log(after, 1).await)?.is_ok())
    }
}

/// Why something could not be read: it is damaged, or the disk does not read it. Another error is about more than that.
pub fn unless_damaged<T>(read: Result<T, StoreError>) -> Result<Result<T, Arc<str>>, StoreError> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(StoreError::Corrupt(why) | StoreError::Unreadable(why)) => Ok(Err(why)),
        Err(error) => Err(error),
    }
}
