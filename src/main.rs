//! The command-line program `snn`.

use std::process::ExitCode;

fn main() -> ExitCode {
    snn::cli::main(snn::registry())
}
