//! Pages of lists that are bounded in what they read.

use crate::domain::Place;

/// A page reads at most so many values for every item that was asked for.
pub const READS_PER_ITEM: usize = 4;
/// How much content one page may hold, in bytes; a little under the 3 MiB of an answer.
pub const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024 - 512 * 1024;
/// How many candidates are read at once, so that large values do not pile up.
pub const CHUNK: usize = 64;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The last place that was looked at, where the next page goes on; `None` at the list's end.
    pub next: Option<Place>,
    /// About how large the items are.
    pub(super) bytes: usize,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None, bytes: 0 }
    }
}
