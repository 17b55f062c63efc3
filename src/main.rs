//! The `kafkarium` program.

fn main() -> std::process::ExitCode {
    kafkarium::cli::main()
}
