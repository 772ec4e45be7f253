//! Checks which tables there are, before fjall opens them.
//!
//! fjall takes a keyspace without its file `current` for one that was never finished, and removes it with everything in it;
//! removes each table that the list of tables does not name; does not compare the checksum of that list; and panics where it
//! meets a name that it did not give.

use std::{
    fs::{self, DirEntry},
    path::Path,
};

use xxhash_rust::xxh3::xxh3_128;

use plaudit_keyspace_disk::{OpenError, open::at};

/// fjall's own keyspace, which names the others, and the one that it names.
const KEYSPACES: [&str; 2] = ["0", "1"];

/// Refuses a store whose lists of tables are not what was written. `path` is fjall's directory.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let keyspaces = path.join("keyspaces");
    // Files are let be.
    check_names(&keyspaces, |entry, name| KEYSPACES.contains(&name) || is_file(entry))?;
    for keyspace in KEYSPACES {
        let keyspace = keyspaces.join(keyspace);
        check_list(&keyspace)?;
        check_names(&keyspace.join("tables"), |entry, name| is_file(entry) && is_number(name))?;
    }
    Ok(())
}

/// The file `current` holds the number of the list that counts, and its checksum.
fn check_list(keyspace: &Path) -> Result<(), OpenError> {
    let current = keyspace.join("current");
    let read = |path: &Path| fs::read(path).map_err(at(path));
    let bytes = read(&current)?;
    let parts = bytes.split_first_chunk::<8>().and_then(|(id, rest)| {
        let (checksum, kind) = rest.split_first_chunk::<16>()?;
        (kind == [0]).then(|| (u64::from_le_bytes(*id), u128::from_le_bytes(*checksum)))
    });
    let Some((id, checksum)) = parts else {
        return Err(OpenError::Damaged { path: current, why: "it does not name a list of tables".into() });
    };
    let list = keyspace.join(format!("v{id}"));
    if !list.exists() {
        return Err(OpenError::Missing { path: list });
    }
    if xxh3_128(&read(&list)?) != checksum {
        return Err(OpenError::Damaged { path: list, why: "its checksum is wrong".into() });
    }
    Ok(())
}

fn check_names(dir: &Path, is_ours: impl Fn(&DirEntry, &str) -> bool) -> Result<(), OpenError> {
    if !dir.exists() {
        return Err(OpenError::Missing { path: dir.to_owned() });
    }
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let entry = entry.map_err(at(dir))?;
        if !entry.file_name().to_str().is_some_and(|name| is_ours(&entry, name)) {
            return Err(OpenError::Stray { path: entry.path() });
        }
    }
    Ok(())
}

fn is_file(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_file())
}

fn is_number(name: &str) -> bool {
    name.parse::<u64>().is_ok()
}
