//! The `shoal` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    match shoal::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shoal: {error:#}");
            ExitCode::FAILURE
        }
    }
}
