//! Reading a dump: nothing in it is trusted until its checksum has been verified.

use std::io::{self, Read};

use bytes::Bytes;

use super::{
    Counts, DUMP_VERSION, DumpError, END, LOADING_KEY, MISSING, PAGE_BYTES, PAGE_VALUES, PAIR,
    PAST_DAMAGE_VERSION, RECORD, TITLE, is_half_loaded,
};
use crate::{
    Batch, Direction, Expect, Key, KeyRange, Keyspace, MAX_BATCH_BYTES, MAX_KEY_BYTES, Position, StoreError,
    Value,
};

/// The same input, once it has begun as a dump does: for whoever must not prepare a store for anything else.
/// `past_damage`: whether it may lack something.
pub fn known(mut input: Box<dyn Read + Send>, past_damage: bool) -> Result<Box<dyn Read + Send>, DumpError> {
    let head = read_at_most(&mut input, TITLE.len() + size_of_val(&DUMP_VERSION)).map_err(DumpError::Io)?;
    Input::begin(&mut head.as_slice(), past_damage)?;
    Ok(Box::new(io::Cursor::new(head).chain(input)))
}

/// Loads a dump into an empty store, durably, and reports to `progress` after each batch. Memory is bounded as in
/// [`dump`](super::dump).
///
/// After an error the store keeps [`LOADING_KEY`] and must be removed; a store that was not empty is left unchanged.
pub async fn load(
    store: &dyn Keyspace,
    input: &mut (dyn Read + Send),
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<Counts, DumpError> {
    let input = Input::begin(input, false)?;
    let (counts, _) = load_after(Held::mark(store).await?, store, input, progress).await?;
    Ok(counts)
}

/// The same with a dump that lacks what could not be read; answers what that is, in words.
pub async fn load_past_damage(
    store: &dyn Keyspace,
    input: &mut (dyn Read + Send),
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<(Counts, Vec<String>), DumpError> {
    let input = Input::begin(input, true)?;
    load_after(Held::mark(store).await?, store, input, progress).await
}

/// Goes on with a load of the same dump, however far it got: what the store holds already is read past. With another dump the
/// store ends up holding neither, so compare it with what it should hold.
pub async fn resume(
    store: &dyn Keyspace,
    input: &mut (dyn Read + Send),
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<Counts, DumpError> {
    let input = Input::begin(input, false)?;
    let (counts, _) = load_after(Held::by(store).await?, store, input, progress).await?;
    Ok(counts)
}

async fn load_after(
    held: Held,
    store: &dyn Keyspace,
    mut input: Input<'_>,
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<(Counts, Vec<String>), DumpError> {
    let mut missing = Vec::new();
    let mut page = Page { held, ..Page::default() };
    while let Some(item) = input.item()? {
        if let Item::Missing(what) = item {
            if !input.may_lack {
                return Err(input.damaged("it lacks something, which its version does not allow"));
            }
            missing.push(what);
            continue;
        }
        page.add(item, &input)?;
        if page.is_full() {
            page.write(store).await?;
            progress(input.counts);
        }
    }
    page.write(store).await?;
    input.end()?;
    let whole = Batch {
        expect: vec![(LOADING_KEY.to_vec(), Expect::Is(Bytes::new()))],
        delete: vec![LOADING_KEY.to_vec()],
        ..Batch::default()
    };
    store.commit(whole).await?;
    progress(input.counts);
    Ok((input.counts, missing))
}

/// How far a store has been loaded.
#[derive(Default)]
struct Held {
    key: Option<Key>,
    position: Position,
}

impl Held {
    /// Marks an empty store as one that is being loaded.
    async fn mark(store: &dyn Keyspace) -> Result<Self, DumpError> {
        if is_half_loaded(store).await? {
            return Err(DumpError::HalfLoaded);
        }
        let pairs = store.scan(KeyRange::all(), 1, Direction::Ascending).await?;
        if !pairs.is_empty() || store.stats().await?.last_position > 0 {
            return Err(DumpError::NotEmpty);
        }
        put_mark(store).await?;
        Ok(Self::default())
    }

    /// Batches are durable in the order of the dump, so all before the last key and the last position are there.
    async fn by(store: &dyn Keyspace) -> Result<Self, DumpError> {
        put_mark(store).await?;
        let last = store.scan_keys(KeyRange::all(), 1, Direction::Descending).await?;
        let key = last.into_iter().next().filter(|key| key != LOADING_KEY);
        Ok(Self { key, position: store.stats().await?.last_position })
    }
}

async fn put_mark(store: &dyn Keyspace) -> Result<(), StoreError> {
    let mark = Batch { put: vec![(LOADING_KEY.to_vec(), Bytes::new())], ..Batch::default() };
    store.commit(mark).await.map(drop)
}

/// The longest text of what is missing: it names two keys.
const MAX_MISSING_BYTES: usize = 8 * MAX_KEY_BYTES;

enum Item {
    Pair(Key, Value),
    Record(Position, Value),
    Missing(String),
}

/// The next batch for the store, and how far the ordered file has been read.
#[derive(Default)]
struct Page {
    held: Held,
    pairs: Vec<(Key, Value)>,
    records: Vec<(Position, Value)>,
    size_bytes: usize,
    last_key: Option<Key>,
    last_position: Position,
}

impl Page {
    /// Also checks the order: with a duplicate key the store would not match any dump.
    fn add(&mut self, item: Item, input: &Input) -> Result<(), DumpError> {
        match item {
            Item::Pair(key, value) => {
                let in_order = self.last_key.as_ref().is_none_or(|last| *last < key);
                if !in_order || self.last_position > 0 || key == LOADING_KEY {
                    return Err(input.damaged("a pair is out of order"));
                }
                self.last_key = Some(key.clone());
                if self.held.key.as_ref().is_some_and(|held| key <= *held) {
                    return Ok(());
                }
                self.size_bytes += key.len() + value.len();
                self.pairs.push((key, value));
            }
            Item::Record(position, value) => {
                if position <= self.last_position {
                    return Err(input.damaged("a log record is out of order"));
                }
                self.last_position = position;
                if position <= self.held.position {
                    return Ok(());
                }
                self.size_bytes += value.len();
                self.records.push((position, value));
            }
            Item::Missing(_) => {}
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.size_bytes >= PAGE_BYTES || self.pairs.len() + self.records.len() >= PAGE_VALUES
    }

    async fn write(&mut self, store: &dyn Keyspace) -> Result<(), DumpError> {
        self.size_bytes = 0;
        // One value may be as large as a batch, so several may exceed it.
        for put in in_batches(std::mem::take(&mut self.pairs), |(key, value)| key.len() + value.len()) {
            store.commit(Batch { put, ..Batch::default() }).await?;
        }
        for records in in_batches(std::mem::take(&mut self.records), |(_, value)| value.len()) {
            store.restore_log(records).await?;
        }
        Ok(())
    }
}

/// Splits items into runs that fit into one batch each.
pub(super) fn in_batches<T>(items: Vec<T>, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let size_bytes = size(&item);
        match batches.last_mut() {
            Some(batch) if size_bytes <= room => batch.push(item),
            _ => {
                batches.push(vec![item]);
                room = MAX_BATCH_BYTES;
            }
        }
        room = room.saturating_sub(size_bytes);
    }
    batches
}

/// Memory grows with the bytes present: a length in a damaged file proves nothing.
pub(super) fn read_at_most(input: &mut dyn Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file being read: hashed and counted, nothing in it trusted.
struct Input<'a> {
    input: &'a mut (dyn Read + Send),
    hasher: blake3::Hasher,
    counts: Counts,
    /// Whether it was written past damage.
    may_lack: bool,
}

impl<'a> Input<'a> {
    /// Reads the title. `past_damage`: whether the dump may lack something.
    fn begin(input: &'a mut (dyn Read + Send), past_damage: bool) -> Result<Self, DumpError> {
        let mut begun =
            Self { input, hasher: blake3::Hasher::new(), counts: Counts::default(), may_lack: false };
        begun.may_lack = begun.title()? == PAST_DAMAGE_VERSION;
        if begun.may_lack && !past_damage {
            return Err(DumpError::PastDamage);
        }
        Ok(begun)
    }

    /// The version.
    fn title(&mut self) -> Result<u32, DumpError> {
        let title = self.array::<{ TITLE.len() }>().map_err(|error| match error {
            DumpError::Damaged { .. } => DumpError::NotADump,
            error => error,
        })?;
        if title != TITLE {
            return Err(DumpError::NotADump);
        }
        match u32::from_be_bytes(self.array()?) {
            version @ (DUMP_VERSION | PAST_DAMAGE_VERSION) => Ok(version),
            0 => Err(DumpError::NotADump),
            newer => Err(DumpError::NewerVersion(newer)),
        }
    }

    /// The next pair or record; `None` at the end mark.
    fn item(&mut self) -> Result<Option<Item>, DumpError> {
        match self.array::<1>()?[0] {
            PAIR => {
                let key_length = self.length(MAX_KEY_BYTES)?;
                let value_length = self.length(MAX_BATCH_BYTES)?;
                let key = self.bytes(key_length)?;
                let value = self.bytes(value_length)?;
                self.counts.pairs += 1;
                Ok(Some(Item::Pair(key, value.into())))
            }
            RECORD => {
                let position = Position::from_be_bytes(self.array()?);
                let value_length = self.length(MAX_BATCH_BYTES)?;
                let value = self.bytes(value_length)?;
                self.counts.records += 1;
                Ok(Some(Item::Record(position, value.into())))
            }
            MISSING => {
                let length = self.length(MAX_MISSING_BYTES)?;
                let what = self.bytes(length)?;
                Ok(Some(Item::Missing(String::from_utf8_lossy(&what).into_owned())))
            }
            END => Ok(None),
            _ => Err(self.damaged("something that is neither a pair nor a log record")),
        }
    }

    /// Reads what follows the end mark: the counts, the hash, and nothing else.
    fn end(&mut self) -> Result<(), DumpError> {
        let pairs = u64::from_be_bytes(self.array()?);
        let records = u64::from_be_bytes(self.array()?);
        let expected = self.hasher.finalize();
        if self.array::<32>()? != *expected.as_bytes() {
            return Err(self.damaged("the checksum is wrong"));
        }
        if (pairs, records) != (self.counts.pairs, self.counts.records) {
            return Err(self.damaged("the counts are wrong"));
        }
        match self.input.read(&mut [0]).map_err(DumpError::Io)? {
            0 => Ok(()),
            _ => Err(self.damaged("there is more after the end")),
        }
    }

    fn length(&mut self, at_most: usize) -> Result<usize, DumpError> {
        let length = u32::from_be_bytes(self.array()?) as usize;
        if length <= at_most { Ok(length) } else { Err(self.damaged("a length is beyond every limit")) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DumpError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>, DumpError> {
        let bytes = read_at_most(self.input, length).map_err(DumpError::Io)?;
        if bytes.len() < length {
            return Err(self.damaged("it ends early"));
        }
        self.count(&bytes);
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), DumpError> {
        match self.input.read_exact(bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.damaged("it ends early"));
            }
            Err(error) => return Err(DumpError::Io(error)),
        }
        self.count(bytes);
        Ok(())
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.counts.size_bytes += bytes.len() as u64;
    }

    fn damaged(&self, why: &'static str) -> DumpError {
        DumpError::Damaged { at: self.counts.size_bytes, why }
    }
}
