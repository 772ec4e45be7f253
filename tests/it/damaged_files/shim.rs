//! Loaded into a program before the C library: reads of one file fail from an offset on, as of a disk with a bad sector.
//!
//! The test compiles this file separately; it is not a module of the tests.

use std::{
    ffi::{c_int, c_long, c_void},
    fs::read_link,
    sync::OnceLock,
};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
}

#[cfg(target_arch = "x86_64")]
const READ: c_long = 0;
#[cfg(target_arch = "x86_64")]
const PREAD: c_long = 17;
#[cfg(target_arch = "x86_64")]
const LSEEK: c_long = 8;
#[cfg(target_arch = "aarch64")]
const READ: c_long = 63;
#[cfg(target_arch = "aarch64")]
const PREAD: c_long = 67;
#[cfg(target_arch = "aarch64")]
const LSEEK: c_long = 62;

const SEEK_CUR: c_int = 1;
const EIO: c_int = 5;

#[unsafe(no_mangle)]
pub extern "C" fn read(descriptor: c_int, buffer: *mut c_void, count: usize) -> isize {
    // SAFETY: the system call takes any descriptor and touches none of our memory.
    let position = unsafe { syscall(LSEEK, descriptor, 0_i64, SEEK_CUR) } as i64;
    if fails(descriptor, position, count) {
        return refused();
    }
    // SAFETY: the arguments are those of the caller, who has to see to them.
    unsafe { syscall(READ, descriptor, buffer, count) as isize }
}

#[unsafe(no_mangle)]
pub extern "C" fn pread64(descriptor: c_int, buffer: *mut c_void, count: usize, offset: i64) -> isize {
    if fails(descriptor, offset, count) {
        return refused();
    }
    // SAFETY: the arguments are those of the caller, who has to see to them.
    unsafe { syscall(PREAD, descriptor, buffer, count, offset) as isize }
}

#[unsafe(no_mangle)]
pub extern "C" fn pread(descriptor: c_int, buffer: *mut c_void, count: usize, offset: i64) -> isize {
    pread64(descriptor, buffer, count, offset)
}

/// Whether this read meets the bad sector.
fn fails(descriptor: c_int, offset: i64, count: usize) -> bool {
    static WHERE: OnceLock<Option<(String, i64)>> = OnceLock::new();
    let place = WHERE.get_or_init(|| {
        let (file, from) = (std::env::var("EIO_FILE").ok()?, std::env::var("EIO_FROM").ok()?);
        Some((file, from.parse().ok()?))
    });
    let Some((file, from)) = place else { return false };
    // Pipes and sockets have no position.
    if offset < 0 || offset + count as i64 <= *from {
        return false;
    }
    read_link(format!("/proc/self/fd/{descriptor}")).is_ok_and(|path| path.to_string_lossy().ends_with(file.as_str()))
}

fn refused() -> isize {
    // SAFETY: the C library gives each thread its own.
    unsafe { *__errno_location() = EIO };
    -1
}
