//! The command-line program `snn`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
