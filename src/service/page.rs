//! Pages of lists that are bounded in what they read.

use std::{fmt, str::FromStr};

use crate::domain::{Place, UnixMillis};

/// A page reads at most so many values for every item that was asked for.
pub const READS_PER_ITEM: usize = 4;
/// How much content one page may hold, in bytes; a little under the 3 MiB of an answer.
pub const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024 - 512 * 1024;
/// How many candidates are read at once, so that large values do not pile up.
pub const CHUNK: usize = 64;

/// Where a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last place that was looked at.
    pub place: Place,
    /// Which term of the filter led there, by its place among them: what was found out about them is not found out again.
    pub leader: usize,
    /// Conversations from this number on are listed by their heads, those below by their postings. It stays what it was on
    /// the first page, so that none is listed twice or left out when it is posted meanwhile.
    pub posted_below: u64,
    /// Whether the place is one among postings, no more among heads.
    pub is_among_postings: bool,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, leader, posted_below, is_among_postings } = self;
        let phase = u8::from(*is_among_postings);
        write!(f, "{}.{}.{leader}.{posted_below}.{phase}", place.time.0, place.number)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let time = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        let place = Place { time: UnixMillis(time), number: number().ok_or(())? };
        // A token of an earlier version ends here: heads are right for every conversation.
        let leader = number().and_then(|leader| usize::try_from(leader).ok()).unwrap_or(0);
        let posted_below = number().unwrap_or(0);
        Ok(Self { place, leader, posted_below, is_among_postings: number() == Some(1) })
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The last place that was looked at, where the next page goes on; `None` at the list's end.
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
    /// One that goes on where another ended, or begins.
    pub(super) fn after(cursor: Option<Cursor>, posted_below: u64) -> Self {
        let Some(Cursor { place, leader, posted_below, is_among_postings }) = cursor else {
            return Self { posted_below, ..Self::default() };
        };
        Self { next: Some(place), leader, posted_below, is_among_postings, ..Self::default() }
    }

    /// Where the list goes on after an item.
    pub fn cursor_at(&self, place: Place) -> Cursor {
        Cursor { is_among_postings: place.number < self.posted_below, ..self.cursor(place) }
    }

    /// Where the next page goes on; `None` at the list's end.
    pub fn next_cursor(&self) -> Option<Cursor> {
        self.next.map(|place| self.cursor(place))
    }

    fn cursor(&self, place: Place) -> Cursor {
        let Self { leader, posted_below, is_among_postings, .. } = *self;
        Cursor { place, leader, posted_below, is_among_postings }
    }
}

/// Which term leads a walk from here on: the one that refused most of what was just looked at. Where none refused anything it
/// stays.
pub fn next_leader(refusals: &[usize], leader: usize) -> usize {
    let most = refusals.iter().enumerate().max_by_key(|&(term, refused)| (refused, term == leader));
    most.map_or(leader, |(term, _)| term)
}
