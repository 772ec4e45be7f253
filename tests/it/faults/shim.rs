//! Loaded into a server before the C library: syncs of one file fail, or wait, and the clock is wrong, as a test says.
//!
//! The test compiles this file separately; it is not a module of the tests. Files in the folder `FAULTS` say what happens:
//! `eio` and `hold` name the end of a path whose syncs fail or wait until the file is gone, `held` comes with the first that
//! waits, and `back` is by how many seconds the clock is behind.

use std::{
    ffi::{c_char, c_int, c_void},
    fs,
    path::PathBuf,
    sync::OnceLock,
    time::Duration,
};

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
}

const EIO: c_int = 5;
const CLOCK_REALTIME: c_int = 0;

/// The function that this library stands before; in an unsafe block.
macro_rules! next {
    ($name:literal as $type:ty) => {{
        static FOUND: OnceLock<usize> = OnceLock::new();
        // `dlsym` takes RTLD_NEXT and a name; the C library's function has this type.
        let found = FOUND.get_or_init(|| dlsym(-1_isize as *mut c_void, $name.as_ptr()) as usize);
        std::mem::transmute::<usize, $type>(*found)
    }};
}

fn said(name: &str) -> Option<String> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| std::env::var_os("FAULTS").map(PathBuf::from));
    fs::read_to_string(folder.as_ref()?.join(name)).ok()
}

/// Whether what happens under this name concerns a descriptor.
fn concerns(name: &str, descriptor: c_int) -> bool {
    let path = || fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
    said(name).is_some_and(|end| path().ends_with(end))
}

fn synced(descriptor: c_int, sync: impl Fn() -> c_int) -> c_int {
    while concerns("hold", descriptor) {
        if said("held").is_none() {
            let folder = std::env::var_os("FAULTS").map(PathBuf::from).unwrap_or_default();
            // A test that waits for it in vain fails.
            let _ = fs::write(folder.join("held"), "");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if concerns("eio", descriptor) {
        // SAFETY: the C library gives each thread its own.
        unsafe { *__errno_location() = EIO };
        return -1;
    }
    sync()
}

type Sync = unsafe extern "C" fn(c_int) -> c_int;

#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: c_int) -> c_int {
    // SAFETY: the call takes any descriptor.
    synced(descriptor, || unsafe { next!(c"fsync" as Sync)(descriptor) })
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    // SAFETY: the call takes any descriptor.
    synced(descriptor, || unsafe { next!(c"fdatasync" as Sync)(descriptor) })
}

#[repr(C)]
pub struct Time {
    seconds: i64,
    nanos: i64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Time) -> c_int {
    type Gettime = unsafe extern "C" fn(c_int, *mut Time) -> c_int;
    // SAFETY: the arguments are the caller's.
    let done = unsafe { next!(c"clock_gettime" as Gettime)(clock, time) };
    if done == 0
        && clock == CLOCK_REALTIME
        && let Some(back) = said("back").and_then(|seconds| seconds.parse::<i64>().ok())
    {
        // SAFETY: the call has written it.
        unsafe { (*time).seconds -= back };
    }
    done
}
