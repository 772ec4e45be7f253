//! Pages of lists that are bounded in what they read.

use std::{fmt, str::FromStr};

use crate::domain::{Place, UnixMillis};

/// A page reads at most this many values per requested item.
pub const READS_PER_ITEM: usize = 4;
/// The largest content of a page in bytes, a little under the 3 MiB limit of an answer.
pub const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024 - 512 * 1024;
/// How many candidates are read at a time, to bound memory.
pub const CHUNK: usize = 64;

/// Where a list continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last place that was looked at.
    pub place: Place,
    /// The index of the filter term that leads the walk, so that the next page need not find the best one again.
    pub leader: usize,
    /// Conversations from this id on are listed by their heads, those below by their postings. Fixed on the first page, so that
    /// none is listed twice or skipped if it is indexed in between.
    pub posted_below: u64,
    /// Whether the walk has reached the postings.
    pub is_among_postings: bool,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, leader, posted_below, is_among_postings } = self;
        let phase = u8::from(*is_among_postings);
        write!(f, "{}.{}.{leader}.{posted_below}.{phase}", place.time.millis(), place.number)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let time = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        let place = Place { time: UnixMillis::clamped(time), number: number().ok_or(())? };
        // Tokens of an earlier version end here: heads work for every conversation.
        let leader = number().and_then(|leader| usize::try_from(leader).ok()).unwrap_or(0);
        let posted_below = number().unwrap_or(0);
        Ok(Self { place, leader, posted_below, is_among_postings: number() == Some(1) })
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The last place that was examined; `None` at the end of the list.
    pub next: Option<Place>,
    /// As in [`Cursor`].
    pub(super) leader: usize,
    pub(super) posted_below: u64,
    pub(super) is_among_postings: bool,
    /// About how large the items are.
    pub(super) bytes: usize,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None, leader: 0, posted_below: 0, is_among_postings: false, bytes: 0 }
    }
}

impl<T> Page<T> {
    /// A page that continues at a cursor, or the first one.
    pub(super) fn after(cursor: Option<Cursor>, posted_below: u64) -> Self {
        let Some(Cursor { place, leader, posted_below, is_among_postings }) = cursor else {
            return Self { posted_below, ..Self::default() };
        };
        Self { next: Some(place), leader, posted_below, is_among_postings, ..Self::default() }
    }

    /// The cursor after an item.
    pub fn cursor_at(&self, place: Place) -> Cursor {
        Cursor { is_among_postings: place.number < self.posted_below, ..self.cursor(place) }
    }

    /// The cursor of the next page; `None` at the end of the list.
    pub fn next_cursor(&self) -> Option<Cursor> {
        self.next.map(|place| self.cursor(place))
    }

    fn cursor(&self, place: Place) -> Cursor {
        let Self { leader, posted_below, is_among_postings, .. } = *self;
        Cursor { place, leader, posted_below, is_among_postings }
    }
}

/// Which term leads the walk next: the one that rejected the most candidates, or the current one if none were rejected.
pub fn next_leader(refusals: &[usize], leader: usize) -> usize {
    let most = refusals.iter().enumerate().max_by_key(|&(term, refused)| (refused, term == leader));
    most.map_or(leader, |(term, _)| term)
}
