//! A disk that has lost its power: what was synced is there, and of the rest whatever may be.
//!
//! A sector holds what it held at some moment since its file was last synced, each another one; so does a file's length. The
//! names in a directory are those of some moment since it was last synced, or any of the changes since.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Component, Path},
};

use super::tape::Event;
use crate::crash::random::Random;

const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// The number of a file or directory.
type Node = usize;

#[derive(Default)]
pub struct Disk {
    nodes: Vec<Kind>,
    /// Files by their inodes, as long as they have a name.
    inodes: HashMap<u64, Node>,
    /// Syncs that have begun: the node, and how many events came before.
    syncs: HashMap<u64, (Node, usize)>,
    /// How many events there were.
    now: usize,
}

enum Kind {
    File(Contents),
    Directory(Names),
}

/// What is durable of a file, and the changes since, each with its moment.
#[derive(Default)]
struct Contents {
    durable: Pages,
    changes: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Written { at: u64, bytes: std::sync::Arc<[u8]> },
    Truncated(u64),
}

#[derive(Default)]
struct Names {
    durable: BTreeMap<String, Node>,
    changes: Vec<(usize, Vec<Naming>)>,
    now: BTreeMap<String, Node>,
}

#[derive(Clone)]
enum Naming {
    Is(String, Node),
    Gone(String),
}

/// Sparse contents: pages that are not there are zeros.
#[derive(Clone, Default)]
struct Pages {
    pages: BTreeMap<u64, Box<[u8; PAGE]>>,
    length: u64,
}

impl Pages {
    fn write(&mut self, mut at: u64, mut bytes: &[u8]) {
        self.length = self.length.max(at + bytes.len() as u64);
        while !bytes.is_empty() {
            let begin = (at % PAGE as u64) as usize;
            let count = bytes.len().min(PAGE - begin);
            let page = self.pages.entry(at / PAGE as u64).or_insert_with(|| Box::new([0; PAGE]));
            page[begin..begin + count].copy_from_slice(&bytes[..count]);
            (at, bytes) = (at + count as u64, &bytes[count..]);
        }
    }

    fn truncate(&mut self, length: u64) {
        self.length = length;
        self.pages.retain(|number, _| number * (PAGE as u64) < length);
        if let Some(page) = self.pages.get_mut(&(length / PAGE as u64)) {
            page[(length % PAGE as u64) as usize..].fill(0);
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Written { at, bytes } => self.write(*at, bytes),
            Change::Truncated(length) => self.truncate(*length),
        }
    }

    fn store(&self, path: &Path) {
        let file = File::create_new(path).expect("a new file");
        file.set_len(self.length).expect("there is room");
        for (number, page) in &self.pages {
            let at = number * PAGE as u64;
            let count = (self.length - at).min(PAGE as u64) as usize;
            if page.iter().any(|byte| *byte != 0) {
                file.write_all_at(&page[..count], at).expect("there is room");
            }
        }
    }
}

/// What happens to whatever was not synced.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    Everything,
    Nothing,
    /// All is as it was at some moment.
    Since(usize),
    /// Each unit of this many bytes is as it was at some moment of its own.
    Torn(usize),
    /// Each unit is as it is now, or as it was durable: out of order.
    Scattered(usize),
}

impl Disk {
    /// A disk with an empty folder.
    pub fn new() -> Self {
        Self { nodes: vec![Kind::Directory(Names::default())], ..Self::default() }
    }

    pub fn now(&self) -> usize {
        self.now
    }

    pub fn take(&mut self, event: &Event) {
        self.now += 1;
        match event {
            Event::Created { path, inode } => {
                let node = self.add(Kind::File(Contents::default()));
                self.inodes.insert(*inode, node);
                self.name(path, Some(node));
            }
            Event::DirectoryMade { path } => {
                let node = self.add(Kind::Directory(Names::default()));
                self.name(path, Some(node));
            }
            Event::Written { path, inode, at, bytes } => {
                let change = Change::Written { at: *at, bytes: bytes.as_slice().into() };
                self.change(path, *inode, change);
            }
            Event::Truncated { path, inode, length } => self.change(path, *inode, Change::Truncated(*length)),
            Event::Renamed { from, to } => self.rename(from, to),
            Event::Removed { path } => self.name(path, None),
            Event::Listed { path, names } => self.compare(path, names),
            Event::SyncBegun { path, inode, sync } => {
                let node = self.find(path).or_else(|| self.inodes.get(inode).copied());
                self.syncs.extend(node.map(|node| (*sync, (node, self.now))));
            }
            Event::SyncEnded { sync } => {
                if let Some((node, begun)) = self.syncs.remove(sync) {
                    self.make_durable(node, begun);
                }
            }
            Event::Marked { .. } => {}
        }
    }

    fn add(&mut self, kind: Kind) -> Node {
        self.nodes.push(kind);
        self.nodes.len() - 1
    }

    fn names(&mut self, node: Node) -> &mut Names {
        match &mut self.nodes[node] {
            Kind::Directory(names) => names,
            Kind::File(_) => panic!("a file has no names"),
        }
    }

    fn find(&self, path: &Path) -> Option<Node> {
        path.components().try_fold(0, |node, component| match (&self.nodes[node], component) {
            (Kind::Directory(names), Component::Normal(name)) => names.now.get(name.to_str()?).copied(),
            _ => None,
        })
    }

    fn split(&self, path: &Path) -> (Node, String) {
        let parent = self.find(path.parent().unwrap_or(Path::new("")));
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (parent.unwrap_or_else(|| panic!("{} is in no known directory", path.display())), name)
    }

    /// Gives a name, or takes it.
    fn name(&mut self, path: &Path, node: Option<Node>) {
        let (parent, name) = self.split(path);
        let naming = match node {
            Some(node) => Naming::Is(name, node),
            None => Naming::Gone(name),
        };
        self.rename_in(parent, vec![naming]);
    }

    fn rename_in(&mut self, parent: Node, namings: Vec<Naming>) {
        let now = self.now;
        let names = self.names(parent);
        for naming in &namings {
            naming.apply(&mut names.now);
        }
        names.changes.push((now, namings));
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let node = self.find(from).unwrap_or_else(|| panic!("{} is not known", from.display()));
        let ((parent, from), (other, to)) = (self.split(from), self.split(to));
        assert_eq!(parent, other, "a rename within one directory");
        self.rename_in(parent, vec![Naming::Gone(from), Naming::Is(to, node)]);
    }

    /// What changed unseen: by system calls that the program made itself.
    fn compare(&mut self, path: &Path, listed: &[(String, u64)]) {
        let Some(directory) = self.find(path) else { panic!("{} is not known", path.display()) };
        let known = self.names(directory).now.clone();
        let gone: Vec<&String> =
            known.keys().filter(|known| !listed.iter().any(|(name, _)| name == *known)).collect();
        for (name, inode) in listed {
            let node = self.inodes.get(inode).copied();
            let is_known = match (known.get(name), node) {
                (Some(known), Some(node)) => {
                    *known == node || matches!(self.nodes[*known], Kind::Directory(_))
                }
                (Some(known), None) => matches!(self.nodes[*known], Kind::Directory(_)),
                // The test's own files beside the data directory.
                (None, _) if path == Path::new("") => true,
                (None, _) => false,
            };
            if !is_known {
                let node = node.unwrap_or_else(|| panic!("{name} in {} came from nowhere", path.display()));
                let earlier = known.iter().find(|(_, known)| **known == node).map(|(name, _)| name.clone());
                let earlier = earlier.expect("it had another name in the same directory");
                self.rename_in(directory, vec![Naming::Gone(earlier), Naming::Is(name.clone(), node)]);
            }
        }
        for name in gone {
            if self.names(directory).now.contains_key(name) {
                self.rename_in(directory, vec![Naming::Gone(name.clone())]);
            }
        }
    }

    fn change(&mut self, path: &Path, inode: u64, change: Change) {
        // A file without a name can be written as well.
        if path.to_string_lossy().ends_with(" (deleted)") {
            return;
        }
        let node = self.inodes.get(&inode).copied().filter(|node| matches!(self.nodes[*node], Kind::File(_)));
        let node = node.unwrap_or_else(|| panic!("{} is not known", path.display()));
        if let Kind::File(contents) = &mut self.nodes[node] {
            contents.changes.push((self.now, change));
        }
    }

    fn make_durable(&mut self, node: Node, begun: usize) {
        match &mut self.nodes[node] {
            Kind::File(contents) => {
                let count = contents.changes.partition_point(|(at, _)| *at < begun);
                for (_, change) in contents.changes.drain(..count) {
                    contents.durable.apply(&change);
                }
            }
            Kind::Directory(names) => {
                let count = names.changes.partition_point(|(at, _)| *at < begun);
                for (_, namings) in names.changes.drain(..count) {
                    namings.iter().for_each(|naming| naming.apply(&mut names.durable));
                }
            }
        }
    }

    /// Stores what a power loss leaves in a new folder.
    pub fn leave(&self, folder: &Path, data: Loss, names: Loss, random: &mut Random) {
        self.leave_directory(0, folder, data, names, random);
    }

    fn leave_directory(&self, node: Node, folder: &Path, data: Loss, names: Loss, random: &mut Random) {
        let Kind::Directory(of) = &self.nodes[node] else { unreachable!("a directory") };
        let mut left = of.durable.clone();
        let until = names.moment(self.now, &of.changes, random);
        for (at, namings) in &of.changes {
            let is_kept = match names {
                Loss::Scattered(_) => random.one_in(2),
                _ => *at < until,
            };
            if is_kept {
                namings.iter().for_each(|naming| naming.apply(&mut left));
            }
        }
        for (name, node) in left {
            let path = folder.join(name);
            match &self.nodes[node] {
                Kind::File(contents) => contents.leave(data, self.now, random).store(&path),
                Kind::Directory(_) => {
                    fs::create_dir(&path).expect("a new directory");
                    self.leave_directory(node, &path, data, names, random);
                }
            }
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Is(name, node) => _ = names.insert(name.clone(), *node),
            Self::Gone(name) => _ = names.remove(name),
        }
    }
}

impl Loss {
    /// Any of them; `now` is how many events there were.
    pub fn any(now: usize, random: &mut Random) -> Self {
        let unit = if random.one_in(2) { SECTOR } else { PAGE };
        match random.below(8) {
            0 => Self::Everything,
            1 => Self::Nothing,
            2 | 3 => Self::Since(now.saturating_sub(random.below(40) as usize)),
            4 | 5 => Self::Torn(unit),
            _ => Self::Scattered(unit),
        }
    }

    /// Up to when changes are there: one of a few, chosen anew each time if it is torn.
    fn moment<T>(self, now: usize, changes: &[(usize, T)], random: &mut Random) -> usize {
        match self {
            Self::Everything => 0,
            Self::Nothing => now + 1,
            Self::Since(moment) => moment,
            Self::Torn(_) => {
                let count = random.below(changes.len() as u64 + 1) as usize;
                changes.get(count).map_or(now + 1, |(at, _)| *at)
            }
            Self::Scattered(_) => {
                if random.one_in(2) {
                    now + 1
                } else {
                    0
                }
            }
        }
    }
}

impl Contents {
    fn leave(&self, loss: Loss, now: usize, random: &mut Random) -> Pages {
        let mut left = self.durable.clone();
        if self.changes.is_empty() {
            return left;
        }
        let unit = match loss {
            Loss::Torn(unit) | Loss::Scattered(unit) => unit as u64,
            _ => {
                let until = loss.moment(now, &self.changes, random);
                self.changes.iter().filter(|(at, _)| *at < until).for_each(|(_, change)| left.apply(change));
                return left;
            }
        };
        // The moment of each unit that was written, and that of the length.
        let mut moments: HashMap<u64, usize> = HashMap::new();
        let until = loss.moment(now, &self.changes, random);
        let mut length = left.length;
        for (at, change) in &self.changes {
            match change {
                Change::Written { at: begin, bytes } => {
                    let end = begin + bytes.len() as u64;
                    let mut from = *begin;
                    while from < end {
                        let to = end.min((from / unit + 1) * unit);
                        let moment = *moments
                            .entry(from / unit)
                            .or_insert_with(|| loss.moment(now, &self.changes, random));
                        if *at < moment {
                            left.write(from, &bytes[(from - begin) as usize..(to - begin) as usize]);
                        }
                        from = to;
                    }
                    length = if *at < until { length.max(end) } else { length };
                }
                Change::Truncated(to) if *at < until => {
                    left.truncate(*to);
                    length = *to;
                }
                Change::Truncated(_) => {}
            }
        }
        left.truncate(length);
        left
    }
}
