//! Loaded into a server before the C library: records every change below one folder, and every sync, in one file.
//!
//! The test compiles this file separately; it is not a module of the tests. `tape.rs` reads what is written here. What a
//! program changes by system calls of its own is not seen, but found by the listing that comes before a directory's sync.

use std::{
    ffi::{CStr, CString, OsStr, c_char, c_int, c_void},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn kill(process: c_int, signal: c_int) -> c_int;
}

/// The function that this library stands before; in an unsafe block.
macro_rules! next {
    ($name:literal as $type:ty) => {{
        static FOUND: OnceLock<usize> = OnceLock::new();
        // `dlsym` takes RTLD_NEXT and a name; the C library's function has this type.
        let found = FOUND.get_or_init(|| dlsym(-1_isize as *mut c_void, $name.as_ptr()) as usize);
        std::mem::transmute::<usize, $type>(*found)
    }};
}

type Open = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;
type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
type Seek = unsafe extern "C" fn(c_int, i64, c_int) -> i64;

const O_WRONLY: c_int = 1;
const O_CREAT: c_int = 0o100;
const O_TRUNC: c_int = 0o1000;
const O_APPEND: c_int = 0o2000;
const O_CLOEXEC: c_int = 0o2_000_000;
const SEEK_CUR: c_int = 1;
const SIGKILL: c_int = 9;

struct Tape {
    root: PathBuf,
    descriptor: c_int,
    /// Once this file is there, the program ends before its next change, so that none is missing on the tape.
    stop: PathBuf,
}

/// `None` in a program that is not to be recorded.
fn tape() -> Option<&'static Tape> {
    static TAPE: OnceLock<Option<Tape>> = OnceLock::new();
    let tape = TAPE.get_or_init(|| {
        let root = PathBuf::from(std::env::var_os("TAPE_ROOT")?);
        let file = CString::new(std::env::var_os("TAPE")?.as_bytes()).ok()?;
        // SAFETY: the path ends with a zero.
        let descriptor = unsafe { next!(c"open64" as Open)(file.as_ptr(), O_WRONLY | O_APPEND | O_CLOEXEC, 0) };
        let stop = root.join("stop");
        (descriptor >= 0).then_some(Tape { root, descriptor, stop })
    });
    tape.as_ref()
}

/// Held from before a change until it is recorded, so that the tape has the order of the changes.
static ORDER: Mutex<()> = Mutex::new(());
static SYNCS: AtomicU64 = AtomicU64::new(1);

impl Tape {
    /// The file of a descriptor, if it is one to record: its path and its inode.
    fn file(&self, descriptor: c_int) -> Option<(PathBuf, u64)> {
        let link = format!("/proc/self/fd/{descriptor}");
        let path = std::fs::read_link(&link).ok()?;
        self.covers(&path).then_some(())?;
        Some((path, std::fs::metadata(link).ok()?.ino()))
    }

    /// The folder itself, and all of the data directory in it.
    fn covers(&self, path: &Path) -> bool {
        path == self.root || path.starts_with(self.root.join("data"))
    }

    /// One record by one write at the end of the tape.
    fn note(&self, kind: u8, inode: u64, number: u64, path: &Path, data: &[u8]) {
        let path = path.strip_prefix(&self.root).unwrap_or(path).as_os_str().as_bytes();
        let mut record = Vec::with_capacity(27 + path.len() + data.len());
        record.extend_from_slice(&((19 + path.len() + data.len()) as u32).to_le_bytes());
        record.push(kind);
        record.extend_from_slice(&inode.to_le_bytes());
        record.extend_from_slice(&number.to_le_bytes());
        record.extend_from_slice(&(path.len() as u16).to_le_bytes());
        record.extend_from_slice(path);
        record.extend_from_slice(data);
        // SAFETY: the bytes are there.
        let written = unsafe {
            next!(c"write" as Write)(self.descriptor, record.as_ptr().cast(), record.len())
        };
        if written != record.len() as isize {
            std::process::abort();
        }
    }

    /// What is in a directory now.
    fn list(&self, directory: &Path) {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            names.extend_from_slice(&found.ino().to_le_bytes());
            names.extend_from_slice(&(entry.file_name().len() as u16).to_le_bytes());
            names.extend_from_slice(entry.file_name().as_bytes());
        }
        self.note(b'L', 0, 0, directory, &names);
    }
}

impl Tape {
    fn ordered(&self) -> MutexGuard<'static, ()> {
        let ordered = ORDER.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.exists() {
            // SAFETY: the call touches no memory.
            unsafe { kill(std::process::id() as c_int, SIGKILL) };
        }
        ordered
    }
}

/// The path that a call names; relative ones do not occur below the folder.
///
/// # Safety
/// As the C library's functions: it ends with a zero.
unsafe fn named(path: *const c_char) -> PathBuf {
    // SAFETY: the caller's.
    let path = PathBuf::from(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    match path.is_absolute() {
        true => path,
        false => std::env::current_dir().unwrap_or_default().join(path),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: the arguments are the caller's.
    let open = || unsafe { next!(c"open64" as Open)(path, flags, mode) };
    let Some(tape) = tape().filter(|_| flags & (O_CREAT | O_TRUNC) != 0) else { return open() };
    // SAFETY: the arguments are the caller's.
    let name = unsafe { named(path) };
    if !tape.covers(&name) {
        return open();
    }
    let _ordered = tape.ordered();
    let was_there = name.exists();
    let descriptor = open();
    if descriptor >= 0
        && let Some((name, inode)) = tape.file(descriptor)
    {
        if !was_there {
            tape.note(b'C', inode, 0, &name, &[]);
        } else if flags & O_TRUNC != 0 {
            tape.note(b'T', inode, 0, &name, &[]);
        }
    }
    descriptor
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { open64(path, flags, mode) }
}

/// Does what changes a file, and records what it has changed.
fn written(descriptor: c_int, change: impl Fn() -> isize, at: Option<i64>, bytes: impl Fn(usize) -> Vec<u8>) -> isize {
    let Some((tape, (path, inode))) = tape().and_then(|tape| Some((tape, tape.file(descriptor)?))) else {
        return change();
    };
    let _ordered = tape.ordered();
    let count = change();
    if count > 0 {
        // SAFETY: the call takes any descriptor.
        let end = || unsafe { next!(c"lseek64" as Seek)(descriptor, 0, SEEK_CUR) };
        let at = at.unwrap_or_else(|| end() - count as i64);
        tape.note(b'W', inode, at as u64, &path, &bytes(count as usize));
    }
    count
}

/// # Safety
/// `count` bytes are there.
unsafe fn copied(bytes: *const c_void, count: usize) -> Vec<u8> {
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count) }.to_vec()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize {
    // SAFETY: the arguments are the caller's.
    unsafe { written(descriptor, || next!(c"write" as Write)(descriptor, bytes, count), None, |done| copied(bytes, done)) }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Part {
    bytes: *const c_void,
    count: usize,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(descriptor: c_int, parts: *const Part, count: c_int) -> isize {
    type Writev = unsafe extern "C" fn(c_int, *const Part, c_int) -> isize;
    let bytes = |done: usize| {
        // SAFETY: the arguments are the caller's.
        let parts = unsafe { std::slice::from_raw_parts(parts, count as usize) };
        // SAFETY: the same.
        let mut all: Vec<u8> = parts.iter().flat_map(|part| unsafe { copied(part.bytes, part.count) }).collect();
        all.truncate(done);
        all
    };
    // SAFETY: the arguments are the caller's.
    written(descriptor, || unsafe { next!(c"writev" as Writev)(descriptor, parts, count) }, None, bytes)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(descriptor: c_int, bytes: *const c_void, count: usize, at: i64) -> isize {
    type Pwrite = unsafe extern "C" fn(c_int, *const c_void, usize, i64) -> isize;
    let change = || {
        // SAFETY: the arguments are the caller's.
        unsafe { next!(c"pwrite64" as Pwrite)(descriptor, bytes, count, at) }
    };
    // SAFETY: the arguments are the caller's.
    written(descriptor, change, Some(at), |done| unsafe { copied(bytes, done) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(descriptor: c_int, bytes: *const c_void, count: usize, at: i64) -> isize {
    // SAFETY: the arguments are the caller's.
    unsafe { pwrite64(descriptor, bytes, count, at) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(descriptor: c_int, length: i64) -> c_int {
    type Truncate = unsafe extern "C" fn(c_int, i64) -> c_int;
    // SAFETY: the call takes any descriptor.
    let truncate = || unsafe { next!(c"ftruncate64" as Truncate)(descriptor, length) };
    let Some((tape, (path, inode))) = tape().and_then(|tape| Some((tape, tape.file(descriptor)?))) else {
        return truncate();
    };
    let _ordered = tape.ordered();
    let done = truncate();
    if done == 0 {
        tape.note(b'T', inode, length as u64, &path, &[]);
    }
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(descriptor: c_int, length: i64) -> c_int {
    // SAFETY: the call takes any descriptor.
    unsafe { ftruncate64(descriptor, length) }
}

/// Does what changes a name, and records it.
fn renamed(kind: u8, path: &Path, data: &[u8], change: impl Fn() -> c_int) -> c_int {
    let Some(tape) = tape().filter(|tape| tape.covers(path)) else { return change() };
    let _ordered = tape.ordered();
    let done = change();
    if done == 0 {
        let inode = std::fs::metadata(path).map_or(0, |found| found.ino());
        tape.note(kind, inode, 0, path, data);
    }
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    type Rename = unsafe extern "C" fn(*const c_char, *const c_char) -> c_int;
    // SAFETY: the arguments are the caller's.
    let (from_path, to_path) = unsafe { (named(from), named(to)) };
    let to_name = to_path.file_name().unwrap_or_default().as_bytes();
    // SAFETY: the arguments are the caller's.
    renamed(b'R', &from_path, to_name, || unsafe { next!(c"rename" as Rename)(from, to) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    type Unlink = unsafe extern "C" fn(*const c_char) -> c_int;
    // SAFETY: the arguments are the caller's.
    renamed(b'U', &unsafe { named(path) }, &[], || unsafe { next!(c"unlink" as Unlink)(path) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    type Rmdir = unsafe extern "C" fn(*const c_char) -> c_int;
    // SAFETY: the arguments are the caller's.
    renamed(b'U', &unsafe { named(path) }, &[], || unsafe { next!(c"rmdir" as Rmdir)(path) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: c_int) -> c_int {
    type Mkdir = unsafe extern "C" fn(*const c_char, c_int) -> c_int;
    // SAFETY: the arguments are the caller's.
    renamed(b'D', &unsafe { named(path) }, &[], || unsafe { next!(c"mkdir" as Mkdir)(path, mode) })
}

fn synced(descriptor: c_int, sync: impl Fn() -> c_int) -> c_int {
    let Some((tape, (path, inode))) = tape().and_then(|tape| Some((tape, tape.file(descriptor)?))) else {
        return sync();
    };
    let number = (u64::from(std::process::id()) << 32) + SYNCS.fetch_add(1, Ordering::Relaxed);
    {
        let _ordered = tape.ordered();
        if path.is_dir() {
            tape.list(&path);
        }
        tape.note(b'S', inode, number, &path, &[]);
    }
    // To show that a missing sync is noticed, those of one file are left out.
    if std::env::var_os("TAPE_LOSES").is_some_and(|lost| path.ends_with(lost)) {
        return 0;
    }
    let done = sync();
    if done == 0 {
        let _ordered = tape.ordered();
        tape.note(b'E', inode, number, &path, &[]);
    }
    done
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: c_int) -> c_int {
    type Sync = unsafe extern "C" fn(c_int) -> c_int;
    // SAFETY: the call takes any descriptor.
    synced(descriptor, || unsafe { next!(c"fsync" as Sync)(descriptor) })
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    type Sync = unsafe extern "C" fn(c_int) -> c_int;
    // SAFETY: the call takes any descriptor.
    synced(descriptor, || unsafe { next!(c"fdatasync" as Sync)(descriptor) })
}

