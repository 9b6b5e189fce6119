//! The binary `lane-controller`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    controller::cluster::main()
}
