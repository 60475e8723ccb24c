//! A neuron of one's own, without a crate of its own: `cargo run --release --example own_neuron`. Its three functions of one
//! step are all that is written; derivatives follow from them, on every engine.
#![allow(clippy::print_stdout, reason = "it is a program")]
use snn::core::{NeuronModel, Real};
use snn::prelude::*;

/// A leaky integrate-and-fire neuron whose leak grows with its membrane potential: `V = v · (0.95 - 0.2 · v²)`, for `v` in [-1, 1].
#[derive(Debug)]
struct Soaked;

impl NeuronModel for Soaked {
    type State<F: Real> = [F; 1];

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [0.0.into()]
    }

    fn charge<F: Real>(&self, _: &[F], [v]: [F; 1], input: F) -> [F; 1] {
        [v + input]
    }

    fn margin<F: Real>(&self, _: &[F], [v]: [F; 1]) -> F {
        v - 1.0.into()
    }

    fn reset<F: Real>(&self, _: &[F], [v]: [F; 1], spike: F) -> [F; 1] {
        let bounded = v.clamp(-1.0, 1.0);
        [bounded * (F::from(0.95) - bounded * bounded * 0.2.into()) * (F::from(1.0) - spike)]
    }

    fn equations(&self) -> String {
        "charge v = V + I;  fire s = [v > 1];  leak V = v (0.95 - 0.2 v²);  reset V = 0 where s;  output s".to_owned()
    }
}

fn main() -> Result<(), Error> {
    let gradient = Gradient::surrogate(Atan::default());
    let mut builder = Network::builder(Shape::features(4));
    let linear = |source, features| vec![Projection::new(source, Map::Linear { features })];
    let hidden = builder.add("hidden", Neuron::new("Soaked", Soaked, gradient), linear(Source::Input, 32))?;
    builder.add("readout", LeakyIntegrator::default().neuron(), linear(hidden, 2))?;
    let (network, cpu) = (builder.build()?, Cpu::new(0));

    // Is the sum of the first two numbers larger than that of the others?
    let number = |i: u32, at: u32| Stream::new(1, Purpose::Encoder).word(0, i, 0, at) as f32 / u32::MAX as f32;
    let sample = |i: u32| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| number(i, at));
        (vec![a, b, c, d], usize::from(a + b > c + d))
    };
    let recipe = Recipe { optimizer: Optimizer::adam(0.01), ..Recipe::default() };
    let mut trainer = Trainer::new(&cpu, &network, Plan::new(10, 32), recipe)?;
    trainer.learn((0..6400).map(sample))?;
    println!("new samples: accuracy {:.1} %", 100.0 * trainer.evaluate((10_000..11_000).map(sample))?.accuracy());
    Ok(())
}
