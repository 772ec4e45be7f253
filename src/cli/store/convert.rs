//! `plaudit store convert`: a store as another engine, in another directory.

use std::{
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use clap::builder::PossibleValuesParser;

use super::{OfStore, closed, options, progress, told};
use crate::{
    cli::{Failure, connect::require_store, output::say, settings::SettingFlags, signals::Signals},
    store::{
        Earlier, OnDisk, Target,
        dump::{self, Counts, DumpError},
    },
};

const AFTER_HELP: &str = "\
The server must be stopped; start it with the new directory when this is done. The data is read from the one directory and written to \
the other, which must be new or empty, and have room for it. Then the new store is read once more and compared; only after that a \
server opens it. Everything is kept: receipts, links, page tokens and event tokens stay valid. What is in --data stays as it is: keep \
it until you are content.

If it is interrupted, run the same command again: it goes on, provided that no server has used --data meanwhile.

Exit codes: 0 converted, 1 failed, 2 wrong usage or settings.

Examples:
  plaudit store convert --to fjall plaudit-fjall
  plaudit store convert --data /var/lib/plaudit --to fjall /var/lib/plaudit-fjall
  plaudit store convert --data /var/lib/plaudit-fjall --to sled /var/lib/plaudit-sled";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Convert {
    /// The engine of the new store
    #[arg(long, value_name = "ENGINE", value_parser = PossibleValuesParser::new(["sled", "fjall"]))]
    to: String,
    /// The directory of the new store: new or empty
    #[arg(value_name = "TARGET_DIR")]
    target: PathBuf,
    #[command(flatten)]
    settings: SettingFlags<OfStore>,
}

impl Convert {
    pub(super) fn run(self) -> Result<Counts, Failure> {
        let config = self.settings.config()?;
        let (data, target) = (&config.data, &self.target);
        // Opening would create a store where there is none.
        require_store(data)?;
        if is_same(data, target) {
            return Err(Failure::Usage(format!(
                "{} is the directory to convert; name another one",
                target.display()
            )));
        }
        let source = super::open(&config)?;
        let begun = Target::go_on(&self.to, target, options(&config)).map_err(Failure::failed)?;
        let earlier = format!("plaudit: an earlier conversion into {} did not finish", target.display());
        match begun.earlier {
            Earlier::None => {}
            Earlier::GoneOnWith => say(format_args!("{earlier}; going on with it")),
            Earlier::Removed => say(format_args!("{earlier}; beginning anew")),
        }
        let shown = target.display().to_string();
        Signals::end_process(1, move || {
            say(format_args!("plaudit: interrupted: {shown} is not whole; run the same command again"));
        })?;
        let read = copy(&source, &begun.store, data, target)?;
        verify(&begun.store, target, &read)?;
        let store = Arc::clone(&begun.store);
        run(async { store.close().await.map_err(Failure::failed) })?;
        run(closed(source, Ok(read.counts)))?;
        begun.finish().map_err(Failure::failed)?;
        Ok(read.counts)
    }
}

/// What was read from a store: a dump of it, of which the checksum is kept.
#[derive(PartialEq, Eq)]
struct Digest {
    counts: Counts,
    hash: blake3::Hash,
}

/// A dump of the one store is loaded into the other, which checks its counts and its checksum.
fn copy(
    source: &Arc<dyn OnDisk>,
    target: &Arc<dyn OnDisk>,
    data: &Path,
    target_dir: &Path,
) -> Result<Digest, Failure> {
    let (reader, writer) = io::pipe().map_err(Failure::failed)?;
    thread::scope(|scope| {
        let dumping =
            scope.spawn(|| digest(source, data, BufWriter::with_capacity(PIPE_BYTES, writer), |_| ()));
        let mut input = BufReader::with_capacity(PIPE_BYTES, reader);
        let loaded = run(async {
            let loaded = dump::resume(&**target, &mut input, &mut progress("copied: ")).await;
            told(loaded, target_dir, &**target)
        });
        // What cannot be loaded any more is not dumped either.
        drop(input);
        let dumped = dumping.join().map_err(|_| Failure::Failed("reading the store panicked".to_owned()))?;
        match (dumped, loaded) {
            // The load has only missed the end of the dump.
            (Err(Unread::Store(failure)), _) | (_, Err(failure)) => Err(failure),
            (Err(Unread::Output(failure)), Ok(_)) => Err(failure),
            (Ok(digest), Ok(_)) => Ok(digest),
        }
    })
}

const PIPE_BYTES: usize = 256 * 1024;

/// Reads all of the new store.
fn verify(store: &Arc<dyn OnDisk>, dir: &Path, expected: &Digest) -> Result<(), Failure> {
    let found = digest(store, dir, io::sink(), progress("compared: "));
    let found = found.map_err(|(Unread::Store(failure) | Unread::Output(failure))| failure)?;
    if found == *expected {
        return Ok(());
    }
    let dir = dir.display();
    Err(Failure::Failed(format!(
        "{dir} does not hold what was read: if the conversion was interrupted, the store has changed since, else the disk is to be \
         checked; remove {dir} and convert again"
    )))
}

/// Why a store was not read to its end.
enum Unread {
    Store(Failure),
    /// Whoever takes what is read has gone.
    Output(Failure),
}

fn digest(
    store: &Arc<dyn OnDisk>,
    dir: &Path,
    out: impl Write + Send,
    mut progress: impl FnMut(Counts) + Send,
) -> Result<Digest, Unread> {
    let mut out = Hashed { out, hasher: blake3::Hasher::new() };
    let counts = run(async {
        let dumped = dump::dump(&**store, &mut out, &mut progress).await;
        Ok(match dumped {
            Err(DumpError::Io(cause)) => Err(Unread::Output(Failure::failed(cause))),
            dumped => told(dumped, dir, &**store).map_err(Unread::Store),
        })
    });
    let counts = counts.map_err(Unread::Store)??;
    Ok(Digest { counts, hash: out.hasher.finalize() })
}

struct Hashed<W> {
    out: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// On this thread: each of the two stores has one that waits for it.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::failed)?.block_on(work)
}

pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
