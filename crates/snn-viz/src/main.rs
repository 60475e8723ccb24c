//! The program `snn-viz`.

use std::process::ExitCode;

fn main() -> ExitCode {
    snn_viz::main(snn_viz::registry())
}
