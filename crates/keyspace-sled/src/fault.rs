//! What a sled error means: the operating system refused something, or the data on disk is damaged.

use std::{fmt, io, path::Path};

use plaudit_keyspace_disk::{
    Engine as _, OpenError,
    fault::{senseless, system_error},
};

/// Why a sled operation failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Someone holds sled's own lock; it does not say who.
    Locked,
    /// The operating system refused; there is no sign of damage.
    Refused(io::Error),
    /// The data on disk is not what sled wrote.
    Damaged(String),
}

impl Fault {
    /// The text of a panic is for sled's authors: it goes to the log, at level debug.
    pub(super) fn from_panic(text: &str) -> Self {
        match system_error(text) {
            Some(refused) => Self::Refused(refused),
            None => Self::Damaged(senseless(super::Sled::NAME)),
        }
    }

    /// Converts the fault into an [`OpenError`] about the given file.
    pub(super) fn at(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Refused(source) => OpenError::Io { path, source },
            Self::Locked => OpenError::Held { dir: path, pid: None, address: None },
            Self::Damaged(why) => OpenError::Damaged { path, why },
        }
    }
}

impl From<::sled::Error> for Fault {
    fn from(error: ::sled::Error) -> Self {
        // Its text contains a code of the system as well.
        if error.to_string().contains("could not acquire lock") {
            return Self::Locked;
        }
        // Every form of an error in sled contains the debug text of the code, including copies and panics.
        if let Some(refused) = system_error(&format!("{error:?}")) {
            return Self::Refused(refused);
        }
        Self::Damaged(match &error {
            ::sled::Error::Corruption { at, .. } => match first_number(&format!("{at:?}")) {
                Some(offset) => format!("what it holds at byte {offset} is not what was written there"),
                None => "it does not hold what was written".to_owned(),
            },
            ::sled::Error::ReportableBug(_) => "what it holds contradicts itself".to_owned(),
            _ => error.to_string(),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("sled's lock is held"),
            Self::Refused(source) => source.fmt(f),
            Self::Damaged(why) => f.write_str(why),
        }
    }
}

fn first_number(text: &str) -> Option<&str> {
    text.split(|character: char| !character.is_ascii_digit()).find(|part| !part.is_empty())
}
