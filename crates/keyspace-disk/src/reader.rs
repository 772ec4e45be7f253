//! Reads of the contract, on raw keys.

use std::ops::Bound;

use super::{
    chunks,
    engine::{Seen, Source, Touched, Unread, View},
    layout::{self, TRIMMED_KEY},
    trim::{self, Part},
};
use plaudit_keyspace::{Direction, Key, KeyRange, MAX_PAGE, Position, StoreError, Value};

/// Reads one store. `room` is the number of bytes of large values that a read may load.
pub struct Reader<S> {
    source: S,
}

type Bytes<S> = <<S as Source>::View as View>::Bytes;

/// A page, and whether it may end before the range does.
type Page<K, T> = (Vec<(K, T)>, bool);

impl<S: Source> Reader<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source }
    }

    pub(crate) fn is_applying(&self) -> bool {
        self.source.is_applying()
    }

    pub(crate) fn get(&self, keys: &[Key], mut room: usize) -> Result<Seen<Vec<Option<Value>>>, Unread> {
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| layout::pair_key(key)).collect();
        self.source.read(
            |view| keys.iter().map(|key| get_one(view, key, &mut room)).collect(),
            |_| Touched::Keys(keys.iter().map(|key| Bytes::<S>::from(key.clone())).collect()),
        )
    }

    pub(crate) fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
        mut room: usize,
    ) -> Result<Seen<Vec<(Key, Value)>>, Unread> {
        let mut bytes = 0_usize;
        self.page(range, limit, direction, |view, raw| {
            page_of(view.range(raw), limit, direction, |page_is_empty, (key, stored)| {
                bytes = bytes.saturating_add(chunks::length(stored.as_ref())?);
                if bytes > max_bytes && !page_is_empty {
                    return Ok(None);
                }
                take_room(&mut room, stored.as_ref())?;
                Ok(Some((key, chunks::read(view, stored)?)))
            })
        })
    }

    pub(crate) fn scan_keys(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Seen<Vec<Key>>, Unread> {
        let seen = self.page(range, limit, direction, |view, raw| {
            page_of(view.keys(raw), limit, direction, |_, key| Ok(Some((key, ()))))
        })?;
        Ok(seen.map(|pairs| pairs.into_iter().map(|(key, ())| key).collect()))
    }

    /// A page of the pairs area, with what it depended on.
    fn page<T>(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
        read: impl FnOnce(&S::View, &layout::RawRange) -> Result<Page<Bytes<S>, T>, Unread>,
    ) -> Result<Seen<Vec<(Key, T)>>, Unread> {
        if range.is_empty() || limit == 0 {
            return Ok(Seen::now(Vec::new()));
        }
        let raw = layout::pair_range(range.clone());
        let seen = self.source.read(
            |view| read(view, &raw),
            |(pairs, is_cut)| {
                // A page that was cut short depends on nothing beyond its last key.
                let last = pairs.last().filter(|_| *is_cut);
                let last = last.map(|(key, _)| Bound::Included(key.as_ref().to_vec()));
                let (start, end) = raw.clone();
                match direction {
                    Direction::Ascending => Touched::Range(start, last.unwrap_or(end)),
                    Direction::Descending => Touched::Range(last.unwrap_or(start), end),
                }
            },
        )?;
        let caller = |(key, value): (Bytes<S>, T)| (layout::caller_key(key.as_ref()), value);
        Ok(seen.map(|(pairs, _)| pairs.into_iter().map(caller).collect()))
    }

    pub(crate) fn log(
        &self,
        after: Position,
        limit: usize,
        mut room: usize,
    ) -> Result<Seen<Vec<(Position, Value)>>, Unread> {
        if limit == 0 {
            return Ok(Seen::now(Vec::new()));
        }
        let read = |view: &S::View| {
            // Not from before what was removed: an engine may have to step over every record of it.
            let trimmed = match trim::trimmed(view) {
                // Then it takes longer, and that is all.
                Err(StoreError::Corrupt(_)) => 0,
                trimmed => trimmed?,
            };
            let range = layout::log_range(after.max(trimmed));
            let found = page_of(view.range(&range), limit, Direction::Ascending, |_, (key, stored)| {
                take_room(&mut room, stored.as_ref())?;
                let position = layout::position_of(key.as_ref());
                let position = position.ok_or_else(|| chunks::corrupt("a log record has a malformed key"))?;
                Ok(Some((position, chunks::read(view, stored)?)))
            });
            Ok(found?.0)
        };
        let (start, end) = layout::log_range(after);
        self.source.read(read, |_| Touched::Range(start, end))
    }

    pub(crate) fn trimmed(&self) -> Result<Seen<Position>, Unread> {
        let touched = |_: &Position| Touched::Keys(vec![Bytes::<S>::from(TRIMMED_KEY.to_vec())]);
        self.source.read(|view| Ok(trim::trimmed(view)?), touched)
    }

    /// The next records to remove. Does not wait for the group in flight: groups are synced in order, so it is durable
    /// before the removal is.
    pub(crate) fn next_to_trim(&self, up_to: Position) -> Result<Seen<Option<Part<Bytes<S>>>>, Unread> {
        self.source.read(|view| Ok(trim::next_part(view, up_to)?), |_| Touched::Nothing)
    }
}

fn get_one<V: View>(view: &V, key: &[u8], room: &mut usize) -> Result<Option<Value>, Unread> {
    let Some(stored) = view.get(key)? else { return Ok(None) };
    take_room(room, stored.as_ref())?;
    Ok(Some(chunks::read(view, stored)?))
}

/// What `take` makes of what is found; it is told whether an entry is the first, and ends the page before one by `None`.
fn page_of<I, K, T>(
    mut found: impl DoubleEndedIterator<Item = Result<I, StoreError>>,
    limit: usize,
    direction: Direction,
    mut take: impl FnMut(bool, I) -> Result<Option<(K, T)>, Unread>,
) -> Result<Page<K, T>, Unread> {
    let mut page = Vec::new();
    while page.len() < limit.min(MAX_PAGE) {
        let next = match direction {
            Direction::Ascending => found.next(),
            Direction::Descending => found.next_back(),
        };
        let Some(next) = next else { return Ok((page, false)) };
        match take(page.is_empty(), next?)? {
            Some(taken) => page.push(taken),
            None => break,
        }
    }
    Ok((page, true))
}

/// Reserves room for a chunked value; inline values need none.
fn take_room(room: &mut usize, stored: &[u8]) -> Result<(), Unread> {
    let length = chunks::length(stored)?;
    if length > chunks::INLINE_BYTES {
        *room = room.checked_sub(length).ok_or(Unread::NoRoom)?;
    }
    Ok(())
}
