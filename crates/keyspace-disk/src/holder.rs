//! The lock file of a data directory, which says who has it open.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
    time::{Duration, Instant},
};

/// How often to retry a lock that is held.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// The lock of a data directory, held until dropped.
pub(crate) struct Holder {
    file: File,
}

/// Why the lock could not be taken.
pub(crate) enum Refused {
    Io(io::Error),
    /// Someone else holds it; the file's text about them.
    Held(String),
}

impl Holder {
    /// Takes the lock, retrying for `wait`, since a holder that is exiting may need a moment.
    pub(crate) fn take(path: &Path, wait: Duration) -> Result<Self, Refused> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Refused::Io)?;
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(Refused::Io(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(Refused::Held(read_text(&mut file)));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY_EVERY),
            }
        }
        let mut holder = Self { file };
        holder.announce(None).map_err(Refused::Io)?;
        Ok(holder)
    }

    /// Writes who holds the lock, for anyone who finds it taken.
    pub(crate) fn announce(&mut self, address: Option<&str>) -> io::Result<()> {
        let mut text = format!("pid {}\n", std::process::id());
        if let Some(address) = address {
            text.push_str(&format!("address {address}\n"));
        }
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

/// Reads at most a screenful; nothing on systems where a locked file cannot be read.
fn read_text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    match file.take(1024).read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// The value of one line of a holder's text.
pub(crate) fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
}
