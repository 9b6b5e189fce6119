//! Entry point of `lanectl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    controller::cli::main()
}
