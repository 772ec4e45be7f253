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
    /// In a list of assessments by their conversations: the last assessment that was looked at, of the conversation at `place`;
    /// 0 if that conversation is done.
    pub within: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, leader, posted_below, is_among_postings, within } = self;
        let phase = u8::from(*is_among_postings);
        write!(f, "{}.{}.{leader}.{posted_below}.{phase}.{within}", place.time.millis(), place.number)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let time = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        let place = Place { time: UnixMillis::clamped(time), number: number().ok_or(())? };
        let leader = number().and_then(|leader| usize::try_from(leader).ok()).unwrap_or(0);
        let (posted_below, phase) = (number().unwrap_or(0), number());
        // Tokens of an earlier version end here. What it had posted is placed otherwise; heads work for every conversation.
        let Some(within) = number() else {
            return Ok(Self { place, leader, posted_below: 0, is_among_postings: false, within: 0 });
        };
        Ok(Self { place, leader, posted_below, is_among_postings: phase == Some(1), within })
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the list continues after each of them.
    pub cursors: Vec<Cursor>,
    /// The last place that was examined; `None` at the end of the list.
    pub next: Option<Place>,
    /// As in [`Cursor`].
    pub(super) leader: usize,
    pub(super) posted_below: u64,
    pub(super) is_among_postings: bool,
    pub(super) within: u64,
    /// About how large the items are.
    pub(super) bytes: usize,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            cursors: Vec::new(),
            next: None,
            leader: 0,
            posted_below: 0,
            is_among_postings: false,
            within: 0,
            bytes: 0,
        }
    }
}

impl<T> Page<T> {
    /// A page that continues at a cursor, or the first one.
    pub(super) fn after(cursor: Option<Cursor>, posted_below: u64) -> Self {
        let Some(Cursor { place, leader, posted_below, is_among_postings, within }) = cursor else {
            return Self { posted_below, ..Self::default() };
        };
        Self { next: Some(place), leader, posted_below, is_among_postings, within, ..Self::default() }
    }

    /// Has the list continue after a cursor; `None`: it is at its end.
    pub(super) fn go_to(&mut self, cursor: Option<Cursor>) {
        self.next = cursor.map(|cursor| cursor.place);
        if let Some(Cursor { leader, posted_below, is_among_postings, within, .. }) = cursor {
            (self.leader, self.posted_below) = (leader, posted_below);
            (self.is_among_postings, self.within) = (is_among_postings, within);
        }
    }

    /// Adds an item; `place` is where it stands in the list.
    pub(super) fn push(&mut self, item: T, place: Place, bytes: usize) {
        self.cursors.push(self.cursor(place));
        self.items.push(item);
        self.bytes += bytes;
    }

    /// The cursor of the next page; `None` at the end of the list.
    pub fn next_cursor(&self) -> Option<Cursor> {
        self.next.map(|place| self.cursor(place))
    }

    fn cursor(&self, place: Place) -> Cursor {
        let Self { leader, posted_below, is_among_postings, within, .. } = *self;
        Cursor { place, leader, posted_below, is_among_postings, within }
    }
}

/// Which term leads the walk next: the one that rejected the most candidates, or the current one if none were rejected.
pub fn next_leader(refusals: &[usize], leader: usize) -> usize {
    let most = refusals.iter().enumerate().max_by_key(|&(term, refused)| (refused, term == leader));
    most.map_or(leader, |(term, _)| term)
}
