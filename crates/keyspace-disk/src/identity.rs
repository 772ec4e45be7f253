//! A store's identity: a random id, the storage format and the engine, kept both in a file and inside the database.
//!
//! A database whose id differs from the file's belongs to another store or has lost its data.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use super::dirs;

/// The newest format that this version knows. It refuses to open newer ones.
///
/// Format 1 has no line for the engine: it is sled. Stores on sled still have it, so that versions from before there was
/// another engine open them.
pub const FORMAT: u32 = 2;

/// The engine of format 1.
const FIRST_ENGINE: &str = "sled";

const TITLE: &str = "plaudit store";

/// The identity of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub format: u32,
    pub engine: String,
    pub id: [u8; 16],
}

impl Identity {
    pub(crate) fn random(engine: &str) -> io::Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let format = if engine == FIRST_ENGINE { 1 } else { FORMAT };
        Ok(Self { format, engine: engine.to_owned(), id })
    }

    /// Writes the file atomically.
    pub(crate) fn write(&self, dir: &Path, name: &str) -> io::Result<()> {
        let draft = dir.join(format!("{name}.new"));
        let mut file = File::create(&draft)?;
        file.write_all(self.to_string().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, dir.join(name))?;
        dirs::sync(dir)
    }

    /// Parses an identity file; the error says what is wrong with it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
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
            return Ok(Self { format, engine: String::new(), id: [0; 16] });
        }
        let engine = if format == 1 { FIRST_ENGINE } else { field("engine")? }.to_owned();
        let id = u128::from_str_radix(field("id")?, 16).map_err(|_| "its id is not a number".to_owned())?;
        let identity = Self { format, engine, id: id.to_be_bytes() };
        if field("checksum")? != identity.checksum() {
            return Err("its checksum is wrong".to_owned());
        }
        Ok(identity)
    }

    fn checksum(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.format.to_be_bytes()).update(&self.id);
        if self.format > 1 {
            hasher.update(self.engine.as_bytes());
        }
        hasher.finalize().to_hex().chars().take(16).collect()
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { format, engine, id } = self;
        writeln!(f, "{TITLE}\nformat {format}")?;
        if *format > 1 {
            writeln!(f, "engine {engine}")?;
        }
        writeln!(f, "id {:032x}\nchecksum {}", u128::from_be_bytes(*id), self.checksum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_on_sled_is_told_as_before() {
        let identity = Identity { format: 1, engine: "sled".to_owned(), id: [7; 16] };
        let text = identity.to_string();
        assert_eq!(
            text,
            "plaudit store\nformat 1\nid 07070707070707070707070707070707\nchecksum 9fc52b6cd07c0ae3\n"
        );
        assert_eq!(Identity::parse(text.as_bytes()), Ok(identity));
    }

    #[test]
    fn another_engine_is_named_and_part_of_the_checksum() {
        let identity = Identity::random("fjall").unwrap();
        let text = identity.to_string();
        assert!(text.starts_with("plaudit store\nformat 2\nengine fjall\nid "), "{text}");
        assert_eq!(Identity::parse(text.as_bytes()), Ok(identity));
        let other = text.replace("fjall", "flail");
        assert_eq!(Identity::parse(other.as_bytes()), Err("its checksum is wrong".to_owned()));
    }
}
