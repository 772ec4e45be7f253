//! The binary: the command line of the library.

/// Many small allocations on several threads are what a call is made of.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    plaudit::cli::run()
}
