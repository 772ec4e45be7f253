//! A store's identity: a random id and the storage format, kept both in a file and inside the database.
//!
//! A database whose id differs from the file's belongs to another store or has lost its data.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use super::disk::sync_dir;

/// The format that this version writes. It refuses to open newer ones.
pub const FORMAT: u32 = 1;

const TITLE: &str = "plaudit store";

/// The identity of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub format: u32,
    pub id: [u8; 16],
}

impl Identity {
    pub(super) fn random() -> io::Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        Ok(Self { format: FORMAT, id })
    }

    /// Writes the file atomically.
    pub(super) fn write(&self, dir: &Path, name: &str) -> io::Result<()> {
        let draft = dir.join(format!("{name}.new"));
        let mut file = File::create(&draft)?;
        file.write_all(self.to_string().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, dir.join(name))?;
        sync_dir(dir)
    }

    /// Parses an identity file; the error says what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not text".to_owned())?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(format!("it does not begin with the line \"{TITLE}\""));
        }
        let mut field = |name: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.ok_or_else(|| format!("it has no line \"{name}\" in its place"))
        };
        let format = field("format")?.parse().map_err(|_| "its format is not a number".to_owned())?;
        if format > FORMAT {
            // The lines of other formats may differ.
            return Ok(Self { format, id: [0; 16] });
        }
        let id = u128::from_str_radix(field("id")?, 16).map_err(|_| "its id is not a number".to_owned())?;
        let identity = Self { format, id: id.to_be_bytes() };
        if field("checksum")? != identity.checksum() {
            return Err("its checksum is wrong".to_owned());
        }
        Ok(identity)
    }

    fn checksum(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.format.to_be_bytes()).update(&self.id);
        hasher.finalize().to_hex().chars().take(16).collect()
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = u128::from_be_bytes(self.id);
        writeln!(f, "{TITLE}\nformat {}\nid {id:032x}\nchecksum {}", self.format, self.checksum())
    }
}
