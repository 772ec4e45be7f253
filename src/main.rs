//! The `plaudit` binary. Everything is in the library.

/// A call makes many small allocations, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    plaudit::cli::run()
}
