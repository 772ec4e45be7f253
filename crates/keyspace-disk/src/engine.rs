//! What an engine does: it reads raw keys in one consistent state, and writes a group of them as one.

use std::{collections::HashMap, hash::Hash, io, ops::Bound, path::Path, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    committer::Fatal, layout::RawRange, open::OpenError, queue::GroupLimits, sidecar::Synced, store::Options,
};
use plaudit_keyspace::{StoreError, Value};

/// Raw keys and stored values as an engine keeps them, cheap to clone.
pub trait RawBytes: AsRef<[u8]> + From<Vec<u8>> + Clone + Eq + Ord + Hash + Send + Sync + 'static {}

impl<T: AsRef<[u8]> + From<Vec<u8>> + Clone + Eq + Ord + Hash + Send + Sync + 'static> RawBytes for T {}

/// The raw bytes of an engine.
pub type BytesOf<E> = <ViewOf<E> as View>::Bytes;
pub(crate) type ViewOf<E> = <<E as Engine>::Source as Source>::View;

/// Raw keys with their new values, `None` if deleted. Unordered, to save the committer the sorting.
pub type Writes<B> = HashMap<B, Option<B>>;

/// The files of an engine, owned by the committer.
pub trait Engine: Sized + Send + 'static {
    /// What the engine is called, in settings, in `identity`, and as the directory of its files.
    const NAME: &'static str;
    /// What an error is about if it concerns the engine's data as a whole, below the data directory.
    const DATA: &'static str;
    /// Files without which there is no data, below the data directory.
    const PARTS: &'static [&'static str];
    const GROUP: GroupLimits;
    /// How often an idle engine is looked after ([`Engine::watch`]).
    const WATCH_EVERY: Option<Duration> = None;

    type Source: Source;

    /// Checks the files of a store as they lie, before the engine opens them. May remove what was never acknowledged.
    fn check(dir: &Path, synced: &Synced) -> Result<(), OpenError>;

    /// Opens the engine's files in a data directory, creating them if there are none.
    fn open(dir: &Path, options: &Options) -> Result<Self, OpenError>;

    /// Checks a store that was opened: `files_bytes` is [`Engine::data_bytes`] from before.
    fn check_opened(&self, _dir: &Path, _files_bytes: u64, _synced: &Synced) -> Result<(), OpenError> {
        Ok(())
    }

    fn source(&self) -> Self::Source;

    /// Makes a group durable, and visible as one, in whichever order no reader can return what could be lost. After an
    /// error, how much of it is durable is unknown.
    fn write(&mut self, writes: Writes<BytesOf<Self>>) -> Result<(), Fatal>;

    /// Notices a failure that did not meet a write.
    fn watch(&mut self) -> Result<(), Fatal> {
        Ok(())
    }

    /// Tells readers that wait that what they wait for may be lost.
    fn fail(&mut self, _cause: &Fatal) {}

    /// The length of the data file, for the file of synced commits; 0 if the engine has none whose length says anything.
    fn data_bytes(dir: &Path) -> io::Result<u64>;

    /// Closes the files. Everything that was written is durable already.
    fn close(self);
}

/// Where an engine is read, by several threads.
pub trait Source: Clone + Send + Sync + 'static {
    type View: View;

    /// Reads one consistent state. What was read may be returned once it is durable: [`Seen`]. `touched` tells what it
    /// depended on, and is asked only if something is not durable yet.
    fn read<T>(
        &self,
        read: impl FnOnce(&Self::View) -> Result<T, Unread>,
        touched: impl FnOnce(&T) -> Touched<<Self::View as View>::Bytes>,
    ) -> Result<Seen<T>, Unread>;

    /// What the committer decides by: the state after the last group.
    fn view(&self) -> Self::View;

    /// Whether a read would have to wait for the committer now.
    fn is_applying(&self) -> bool;
}

/// A consistent state of an engine's raw keys.
pub trait View {
    type Bytes: RawBytes;

    fn get(&self, key: &[u8]) -> Result<Option<Self::Bytes>, StoreError>;

    fn range(
        &self,
        range: &RawRange,
    ) -> impl DoubleEndedIterator<Item = Result<(Self::Bytes, Self::Bytes), StoreError>>;

    /// The keys alone; does not read values that are stored elsewhere.
    fn keys(&self, range: &RawRange) -> impl DoubleEndedIterator<Item = Result<Self::Bytes, StoreError>>;

    /// Stored bytes from a position on, for a caller.
    fn value(stored: Self::Bytes, from: usize) -> Value;
}

/// What a read depended on.
pub enum Touched<B> {
    Nothing,
    Keys(Vec<B>),
    Range(Bound<Vec<u8>>, Bound<Vec<u8>>),
}

/// Ready once what was read is durable, or lost.
pub type Settled = BoxFuture<'static, Result<(), StoreError>>;

/// What was read, and what must happen before it may be returned.
pub struct Seen<T> {
    pub value: T,
    pub wait_for: Option<Settled>,
}

impl<T> Seen<T> {
    /// What is durable already.
    pub fn now(value: T) -> Self {
        Self { value, wait_for: None }
    }

    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        Seen { value: change(self.value), wait_for: self.wait_for }
    }

    /// Returns the value once it is durable.
    pub(crate) async fn durable(self) -> Result<T, StoreError> {
        if let Some(settled) = self.wait_for {
            settled.await?;
        }
        Ok(self.value)
    }
}

/// Why something was not read.
pub enum Unread {
    /// Its large values exceeded the available room.
    NoRoom,
    Store(StoreError),
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
