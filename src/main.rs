fn main() -> std::process::ExitCode {
    plaudit::cli::run()
}
