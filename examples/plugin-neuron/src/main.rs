//! The program `snn` with the names of this crate: `cargo run -p plugin-neuron -- train examples/plugin-neuron/resonate.ron`.

use std::process::ExitCode;

fn main() -> ExitCode {
    snn::cli::main(snn::registry().and_then(|registry| registry.with(plugin_neuron::plugin)))
}
