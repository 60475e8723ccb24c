#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout, missing_docs)]
use snn_core::*;
use snn_gpu::*;
use std::time::Instant;
#[path = "../../../benches/networks.rs"]
mod networks;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (network, steps, batch) = match args[1].as_str() {
        "vgg" => (networks::vgg9(0.0), 4, 1),
        "sur" => (networks::lenet_surrogate(), 10, 8),
        _ => (networks::lenet(), 10, 8),
    };
    let steps = args.get(2).map_or(steps, |s| s.parse().unwrap());
    let batch = args.get(3).map_or(batch, |s| s.parse().unwrap());
    let weights = networks::initial_weights(&network, 1);
    let input = network.input();
    let pixels: Vec<f32> = (0..batch * input.len()).map(|i| ((i * 7919 % 1000) as f32 / 1000.0).powi(3)).collect();
    let samples: Vec<u32> = (0..batch as u32).collect();
    let draws = Draws { seed: 1, epoch: 0, samples: &samples };
    let encoder = Poisson::default();
    let trial = Trial {
        stimulus: Stimulus::Images { pixels: &pixels, shape: input, encoder: &encoder, draws },
        dropout: Dropout::Off,
    };
    let mut d = vec![0.0; steps * batch * network.classes()];
    for (i, x) in d[(steps - 1) * batch * network.classes()..].iter_mut().enumerate() {
        *x = i as f32 / 100.0 - 0.3;
    }
    let mut reference: Option<(Activity, Weights)> = None;
    for form in [Choice::Plain, Choice::Tiled, Choice::Fused, Choice::Events, Choice::Quickest, Choice::Measured] {
        let gpu = GpuEngine::new(Options { kernels: form, timed: true, ..Options::default() });
        let mut session = gpu.compile(&network, Plan::new(steps, batch).train()).unwrap();
        session.load(&weights).unwrap();
        let mut gradients = Weights::new();
        let start = Instant::now();
        let mut activity = session.forward(&trial).unwrap();
        session.backward(Errors::of_output(&d), &mut gradients).unwrap();
        println!("\n{form:?}: first {:?}", start.elapsed());
        session.timings();
        let start = Instant::now();
        activity = session.forward(&trial).unwrap();
        println!("forward {:?}", start.elapsed());
        let start = Instant::now();
        session.backward(Errors::of_output(&d), &mut gradients).unwrap();
        println!("backward {:?} spikes {:?}", start.elapsed(), activity.spikes);
        let mut times = session.timings();
        times.sort_by(|a, b| b.nanos.total_cmp(&a.nanos));
        for t in times.iter().take(12) {
            println!("  {:24} {:4} {:10.1} us", t.name, t.runs, t.nanos / 1e3);
        }
        match &reference {
            None => reference = Some((activity, gradients)),
            Some((a, g)) => {
                let same = gradients
                    .iter()
                    .flatten()
                    .zip(g.iter().flatten())
                    .all(|(a, b)| a.to_bits() == b.to_bits() || a == b);
                println!("  activity same {} gradients same bits {same}", *a == activity);
            }
        }
    }
}
