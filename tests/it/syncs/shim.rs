//! Loaded into a server before the C library: records each completed sync with its file.
//!
//! The test compiles this file separately; it is not a module of the tests.

use std::{
    ffi::{c_int, c_long},
    fs::{File, read_link},
    io::Write as _,
};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

#[cfg(target_arch = "x86_64")]
const NUMBERS: [c_long; 2] = [74, 75];
#[cfg(target_arch = "aarch64")]
const NUMBERS: [c_long; 2] = [82, 83];

#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: c_int) -> c_int {
    noted("fsync", NUMBERS[0], descriptor)
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    noted("fdatasync", NUMBERS[1], descriptor)
}

fn noted(name: &str, number: c_long, descriptor: c_int) -> c_int {
    // SAFETY: both system calls take any descriptor and touch none of our memory.
    let done = unsafe { syscall(number, descriptor) } as c_int;
    if done == 0
        && let Some(log) = std::env::var_os("SYNC_LOG")
        && let Ok(file) = read_link(format!("/proc/self/fd/{descriptor}"))
        && let Ok(mut log) = File::options().append(true).create(true).open(log)
    {
        // A missing line fails the test.
        let _ = log.write_all(format!("{name} {}\n", file.display()).as_bytes());
    }
    done
}
