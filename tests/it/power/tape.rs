//! One file in which stands, in one order, what a server did to its disk and what its callers were told.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The callers' end of it. The server's end is `shim.rs`.
pub struct Tape {
    file: File,
    marks: AtomicU64,
}

impl Tape {
    pub fn create(path: &Path) -> Self {
        let file = File::options().append(true).create_new(true).open(path).expect("a new file");
        Self { file, marks: AtomicU64::new(0) }
    }

    /// Marks this moment: all that the callers know is on the tape before it, and all that they do now comes after.
    pub fn mark(&self) -> u64 {
        let number = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        let mut record = 19_u32.to_le_bytes().to_vec();
        record.push(b'A');
        record.extend_from_slice(&0_u64.to_le_bytes());
        record.extend_from_slice(&number.to_le_bytes());
        record.extend_from_slice(&0_u16.to_le_bytes());
        (&self.file).write_all(&record).expect("the tape has room");
        number
    }
}

/// What happened, in the order in which it did. Paths are below the recorded folder.
#[derive(Debug)]
pub enum Event {
    Created {
        path: PathBuf,
        inode: u64,
    },
    DirectoryMade {
        path: PathBuf,
    },
    Written {
        path: PathBuf,
        inode: u64,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncated {
        path: PathBuf,
        inode: u64,
        length: u64,
    },
    Renamed {
        from: PathBuf,
        to: PathBuf,
    },
    Removed {
        path: PathBuf,
    },
    /// The names in a directory and their inodes.
    Listed {
        path: PathBuf,
        names: Vec<(String, u64)>,
    },
    SyncBegun {
        path: PathBuf,
        inode: u64,
        sync: u64,
    },
    SyncEnded {
        sync: u64,
    },
    Marked {
        mark: u64,
    },
}

/// Reads a tape from its beginning to its end.
pub fn read(path: &Path) -> Vec<Event> {
    let bytes = std::fs::read(path).expect("the tape");
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(take(&mut rest, 4).try_into().unwrap()) as usize;
        events.push(event(take(&mut rest, length)));
    }
    events
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    rest.split_off(..count).expect("the tape ends with a whole record")
}

fn number(rest: &mut &[u8]) -> u64 {
    u64::from_le_bytes(take(rest, 8).try_into().unwrap())
}

fn text(rest: &mut &[u8]) -> String {
    let length = u16::from_le_bytes(take(rest, 2).try_into().unwrap());
    String::from_utf8(take(rest, length.into()).to_vec()).expect("names are text")
}

fn event(mut record: &[u8]) -> Event {
    let rest = &mut record;
    let kind = take(rest, 1)[0];
    let (inode, count) = (number(rest), number(rest));
    let path = PathBuf::from(text(rest));
    match kind {
        b'A' => Event::Marked { mark: count },
        b'C' => Event::Created { path, inode },
        b'D' => Event::DirectoryMade { path },
        b'E' => Event::SyncEnded { sync: count },
        b'L' => {
            let mut names = Vec::new();
            while !rest.is_empty() {
                let inode = number(rest);
                names.push((text(rest), inode));
            }
            Event::Listed { path, names }
        }
        b'R' => {
            let name = String::from_utf8(rest.to_vec()).expect("names are text");
            Event::Renamed { to: path.with_file_name(name), from: path }
        }
        b'S' => Event::SyncBegun { path, inode, sync: count },
        b'T' => Event::Truncated { path, inode, length: count },
        b'U' => Event::Removed { path },
        b'W' => Event::Written { path, inode, at: count, bytes: rest.to_vec() },
        other => panic!("an unknown record {other}"),
    }
}
