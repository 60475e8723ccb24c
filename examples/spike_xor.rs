//! XOR in time: two patterns of spikes with a pause between them; are they the same? Only a layer that remembers can tell.
#![allow(clippy::print_stdout, reason = "it is a program: cargo run --release --example spike_xor")]
use snn::prelude::*;

const STEPS: usize = 20;
const INPUTS: usize = 30;

/// Sample `i`: each pattern is one half of the inputs, whose neurons fire now and then.
fn sample(i: u32) -> (SpikeTrain, usize) {
    let random = Stream::new(1, Purpose::Encoder);
    let bits = [0, 1].map(|which| random.word(0, i, 0, which) as usize & 1);
    let mut spikes = SpikeTrain::silent(STEPS, 1, Shape::features(INPUTS));
    for (bit, steps) in bits.into_iter().zip([0..7, 13..20]) {
        for (t, neuron) in steps.flat_map(|t| (0..INPUTS / 2).map(move |neuron| (t, neuron))) {
            if random.word(1, i, t as u32, neuron as u32).is_multiple_of(4) {
                spikes.set(t, 0, bit * INPUTS / 2 + neuron, 1);
            }
        }
    }
    (spikes, bits[0] ^ bits[1])
}

fn main() -> Result<(), Error> {
    let linear = |source, features| Projection::new(source, Map::Linear { features });
    let mut builder = Network::builder(Shape::features(INPUTS));
    let inputs = vec![linear(Source::Input, 64), linear(builder.recurrent_source(), 64)];
    let lif = Lif { leak: 0.9, ..Lif::default() }.surrogate(Atan::default());
    let hidden = builder.add("hidden", lif, inputs)?;
    builder.add("readout", LeakyIntegrator::default().neuron(), vec![linear(hidden, 2)])?;
    let (network, cpu) = (builder.build()?, Cpu::new(0));

    let recipe = Recipe { optimizer: Optimizer::adam(2e-3), ..Recipe::default() };
    let mut trainer = Trainer::new(&cpu, &network, Plan::new(STEPS, 32), recipe)?;
    for pass in 0..10 {
        let metrics = trainer.learn((0..1600).map(|i| sample(1600 * pass + i)))?;
        println!("pass {}: loss {:.3}, {:.1} % right", pass + 1, metrics.loss, 100.0 * metrics.accuracy());
    }
    let metrics = trainer.evaluate((0..1000).map(|i| sample(1_000_000 + i)))?;
    println!("new samples: {:.1} % right", 100.0 * metrics.accuracy());
    Ok(())
}
