//! Checks the journals before fjall reads them.
//!
//! fjall ends a journal silently at the first entry that it cannot make sense of, so one bad sector would cost everything
//! behind it, and does not open at all if the last batch is whole but for its checksum, as a power loss may leave one that
//! nobody was told of. Here, what was torn while it was written is cut off, and everything else is refused: fjall begins a
//! batch only once the one before it is synced, and each of ours carries the next commit number, so a batch with another one
//! behind it, or up to the number in `synced`, was durable, and none may be missing in between.

pub(crate) mod batches;

use std::{
    fs::{self, File},
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

use self::batches::{Batches, Step};
use plaudit_keyspace_disk::{OpenError, open::at};

const EXTENSION: &str = ".jnl";

/// Refuses journals that have lost something, and cuts off what was never acknowledged. `path` is fjall's directory,
/// `synced` a commit that was durable.
pub(super) fn check(path: &Path, synced: u64) -> Result<(), OpenError> {
    let journals = journals(path)?;
    let mut last = Last::default();
    for (number, (_, journal)) in journals.iter().enumerate() {
        let Some(broken) = read(journal, &mut last)? else { continue };
        if number + 1 < journals.len() {
            return Err(damaged(
                journal,
                broken,
                "is not what was written there, and another journal follows",
            ));
        }
        refuse_damage(path, journal, broken, &last, synced)?;
        cut(journal, broken).map_err(at(journal))?;
    }
    match (last.number, journals.last()) {
        (Some(found), Some((_, journal))) if found < synced => Err(behind(path, journal, found, synced)),
        _ => Ok(()),
    }
}

/// The last batch that was whole.
#[derive(Clone, Copy, Default)]
struct Last {
    seqno: Option<u64>,
    /// Its commit number.
    number: Option<u64>,
}

/// The journals in the order in which they were written.
fn journals(path: &Path) -> Result<Vec<(u64, PathBuf)>, OpenError> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(path).map_err(at(path))? {
        let entry = entry.map_err(at(path))?;
        let stray = || OpenError::Stray { path: entry.path() };
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(stray)?;
        if !name.to_ascii_lowercase().ends_with(EXTENSION) {
            continue;
        }
        let number = name.strip_suffix(EXTENSION).and_then(|number| number.parse().ok()).ok_or_else(stray)?;
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            return Err(stray());
        }
        journals.push((number, entry.path()));
    }
    journals.sort_unstable();
    for (one, next) in journals.iter().zip(journals.iter().skip(1)) {
        if next.0 != one.0 + 1 {
            return Err(OpenError::Missing { path: path.join(format!("{}{EXTENSION}", one.0 + 1)) });
        }
    }
    match journals.is_empty() {
        true => Err(OpenError::Damaged { path: path.to_owned(), why: "it holds no journal".into() }),
        false => Ok(journals),
    }
}

/// Reads a journal to its end; the position of the first batch that is not whole, if there is one.
fn read(path: &Path, last: &mut Last) -> Result<Option<u64>, OpenError> {
    let file = File::open(path).map_err(at(path))?;
    let length = file.metadata().map_err(at(path))?.len();
    let mut batches = Batches::new(io::BufReader::with_capacity(256 * 1024, file), length);
    loop {
        let begin = batches.position();
        match batches.next().map_err(at(path))? {
            Step::End => return Ok(None),
            Step::Broken => return Ok(Some(begin)),
            Step::Batch(batch) => {
                if last.seqno.is_some_and(|seqno| batch.seqno <= seqno) {
                    return Err(damaged(path, begin, "is out of order"));
                }
                let follows = match (last.number, batch.number) {
                    (Some(last), Some(number)) => number == last + 1,
                    (None, Some(_)) => true,
                    (_, None) => false,
                };
                if !follows {
                    return Err(damaged(path, begin, "does not follow the batch before it"));
                }
                *last = Last { seqno: Some(batch.seqno), number: batch.number };
            }
        }
    }
}

/// A batch that is not whole was torn while it was written, unless it was durable.
fn refuse_damage(
    path: &Path,
    journal: &Path,
    broken: u64,
    last: &Last,
    synced: u64,
) -> Result<(), OpenError> {
    if let Some(number) = last.number.filter(|number| *number < synced) {
        return Err(behind(path, journal, number, synced));
    }
    let mut rest = Vec::new();
    let mut file = File::open(journal).map_err(at(journal))?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(broken)).map_err(at(journal))?;
    file.read_to_end(&mut rest).map_err(at(journal))?;
    if whole_batch_in(&rest, last.seqno) {
        return Err(damaged(journal, broken, "is not what was written there, and what follows is whole"));
    }
    Ok(())
}

/// Whether a whole batch begins anywhere but at the start.
fn whole_batch_in(bytes: &[u8], after: Option<u64>) -> bool {
    let starts = bytes.iter().enumerate().skip(1).filter(|(_, byte)| **byte == batches::START);
    starts.map(|(at, _)| bytes.get(at..).unwrap_or_default()).any(|rest| {
        let mut batches = Batches::new(Cursor::new(rest), rest.len() as u64);
        matches!(batches.next(), Ok(Step::Batch(batch)) if Some(batch.seqno) > after && batch.number.is_some())
    })
}

/// Cuts off what was torn, so that fjall ends there too.
fn cut(journal: &Path, broken: u64) -> io::Result<()> {
    tracing::warn!(journal = %journal.display(), at = broken, "the last write was cut short before it was acknowledged; removed it");
    let file = File::options().write(true).open(journal)?;
    file.set_len(broken)?;
    file.sync_all()
}

fn behind(path: &Path, journal: &Path, found: u64, synced: u64) -> OpenError {
    let sidecar = path.with_file_name(plaudit_keyspace_disk::open::SYNCED_FILE);
    OpenError::Behind { path: journal.to_owned(), sidecar, found, synced }
}

fn damaged(journal: &Path, position: u64, what: &str) -> OpenError {
    OpenError::Damaged { path: journal.to_owned(), why: format!("the batch at byte {position} {what}") }
}
