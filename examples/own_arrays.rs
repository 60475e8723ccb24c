//! Trains on arrays of one's own: `cargo run --release --example own_arrays`. Any iterator of inputs and classes will do.
#![allow(clippy::print_stdout, reason = "it is a program")]
use snn::core::neuron::Plif;
use snn::prelude::*;

const SIDE: usize = 12;
const STEPS: usize = 6;

/// Image `i` of a made-up data set: a bar on noise. Its class says whether the bar lies or stands.
fn image(i: u32) -> (Vec<f32>, usize) {
    let random = Stream::new(1, Purpose::Encoder);
    let word = |at: usize| random.word(0, i, 0, at as u32);
    let (class, place) = (word(0) as usize % 2, word(1) as usize % SIDE);
    let pixel = |at: usize| {
        let is_bar = [at / SIDE, at % SIDE][class] == place;
        0.3 * word(2 + at) as f32 / u32::MAX as f32 + if is_bar { 0.7 } else { 0.0 }
    };
    ((0..SIDE * SIDE).map(pixel).collect(), class)
}

fn main() -> Result<(), Error> {
    // [C, H, W] of one image. The same numbers are the input at each of the steps.
    let mut builder = Network::builder(Shape::new(1, SIDE, SIDE));
    let plif = Plif::default().surrogate(Atan::default());
    let conv =
        Projection::new(Source::Input, Map::conv(8, [3, 3], 1, 1)).with_norm(Norm::new(32)).with_pool(Pool::max(2));
    let conv = builder.add("conv1", plif, vec![conv])?;
    let linear = Projection::new(conv, Map::Linear { features: 2 }).with_bias();
    builder.add("readout", LeakyIntegrator::default().neuron(), vec![linear])?;
    let (network, cpu) = (builder.build()?, Cpu::new(0));

    let mut trainer = Trainer::new(&cpu, &network, Plan::new(STEPS, 32), Recipe::default())?;
    for epoch in 0..5 {
        let metrics = trainer.learn((0..640).map(|i| image(640 * epoch + i)))?;
        println!("epoch {}: loss {:.3}, accuracy {:.1} %", epoch + 1, metrics.loss, 100.0 * metrics.accuracy());
    }
    let metrics = trainer.evaluate((0..500).map(|i| image(1_000_000 + i)))?;
    println!("new images: accuracy {:.1} %", 100.0 * metrics.accuracy());
    Ok(())
}
