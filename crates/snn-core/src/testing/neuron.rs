//! Checks of a neuron's adjoint against finite differences.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ProofCase, compare, parts, provable, run, scale};
use crate::neuron::{Gradient, Moment, Neuron};
use crate::registry::Registry;

/// One neuron over a few steps. The loss is `Σ d_output(t) · output(t) + Σ d_state · state(T)`.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronCase {
    /// The neuron, such as `Lif(leak: 0.9)`.
    pub neuron: String,
    /// Input at each step, in units of the input that makes the neuron fire.
    pub input: Vec<f64>,
    /// Error of the output at each step.
    pub d_output: Vec<f64>,
    /// Error of each entry of the final state; missing entries have an error of 0.
    pub d_state: Vec<f64>,
}

/// Checks every neuron of `registry`, including those among `variants`.
///
/// # Errors
/// The failed case, as code to paste into a unit test.
pub fn neurons(registry: &Registry, variants: &[&str]) -> Result<(), String> {
    for neuron in parts(registry.neurons.names(), variants) {
        let steps = (1..8_usize).prop_flat_map(|t| (vec(-0.5..1.5, t), vec(-1.0..1.0, t), vec(-1.0..1.0, 0..3)));
        let strategy = steps.prop_map(move |(input, d_output, d_state)| NeuronCase {
            neuron: neuron.clone(),
            input,
            d_output,
            d_state,
        });
        run(registry, 256, strategy)?;
    }
    Ok(())
}

/// States and outputs of one run of the neuron.
struct NeuronTrial {
    before: Vec<Vec<f64>>,
    output: Vec<Vec<f64>>,
    state: Vec<f64>,
}

impl NeuronCase {
    /// Compares the adjoint of the neuron's steps with finite differences, with respect to each input, each entry of
    /// the initial state and each trainable constant.
    ///
    /// # Errors
    /// The value that differs.
    pub fn check(&self, registry: &Registry) -> Result<(), String> {
        let neuron = provable(&self.neuron, registry)?;
        let p: Vec<f64> = neuron.parameters().iter().map(|parameter| f64::from(parameter.initial)).collect();
        let unit = scale(&neuron, &p);
        let input: Vec<f64> = self.input.iter().map(|x| x * unit).collect();
        let rest = neuron.rest::<f64>(1);
        if neuron.state().len() != rest.len() {
            return Err(format!("a state of {} numbers has the names {:?}", rest.len(), neuron.state()));
        }
        let base = trial(&neuron, &p, &rest, &input, None);
        if !base.state.iter().chain(base.before.iter().flatten()).all(|v| v.abs() < 1e4 * unit) {
            return Ok(()); // the neuron ran away: there is nothing to differentiate
        }
        let mut d_state = vec![0.0; rest.len()];
        for (d, given) in d_state.iter_mut().zip(&self.d_state) {
            *d = given / unit;
        }
        let loss = |trial: &NeuronTrial| -> f64 {
            let output: f64 = std::iter::zip(trial.output.iter().flatten(), &self.d_output).map(|(o, d)| o * d).sum();
            let state: f64 = trial.state.iter().zip(&self.d_state).map(|(v, d)| v * d / unit).sum();
            output + state
        };
        let (mut d_input, mut d_p) = (vec![0.0; input.len()], vec![0.0; p.len()]);
        for t in (0..input.len()).rev() {
            let (before, input, output) = (&base.before[t], &input[t..=t], &base.output[t]);
            let moment = Moment { p: &p, before, input, output, correction: &[] };
            neuron.adjoint(moment, &self.d_output[t..=t], &mut d_state, &mut d_input[t..=t], &mut d_p);
        }

        let what = |of: String| format!("{}: by {of}", self.neuron);
        for t in 0..input.len() {
            let moved = |h: f64| {
                let mut input = input.clone();
                input[t] += h;
                loss(&trial(&neuron, &p, &rest, &input, Some(&base)))
            };
            compare(&what(format!("the input of step {t}")), d_input[t], unit, moved)?;
        }
        for (k, name) in neuron.state().iter().enumerate() {
            let moved = |h: f64| {
                let mut rest = rest.clone();
                rest[k] += h;
                loss(&trial(&neuron, &p, &rest, &input, Some(&base)))
            };
            compare(&what(format!("{name} at the start")), d_state[k], unit, moved)?;
        }
        for (k, parameter) in neuron.parameters().iter().enumerate() {
            let moved = |h: f64| {
                let mut p = p.clone();
                p[k] += h;
                loss(&trial(&neuron, &p, &rest, &input, Some(&base)))
            };
            compare(&what(format!("its constant {}", parameter.name)), d_p[k], 1.0, moved)?;
        }
        Ok(())
    }
}

/// Runs the neuron with smooth spikes. If its gradient is detached from the reset, the reset uses the spikes of `base`,
/// because a value that is not differentiated must stay constant.
fn trial(neuron: &Neuron, p: &[f64], rest: &[f64], input: &[f64], base: Option<&NeuronTrial>) -> NeuronTrial {
    let mut trial = NeuronTrial { before: Vec::new(), output: Vec::new(), state: rest.to_vec() };
    for (t, input) in input.iter().enumerate() {
        let mut output = vec![0.0];
        trial.before.push(trial.state.clone());
        if let Gradient::Surrogate { surrogate, detach_reset } = neuron.gradient() {
            let reset_by = base.filter(|_| *detach_reset).map(|base| &*base.output[t]);
            let primitive = |x| surrogate.primitive(x);
            neuron.step_with(p, &mut trial.state, &[*input], &mut output, primitive, reset_by);
        } else {
            neuron.step(p, &mut trial.state, &[*input], &mut output);
        }
        trial.output.push(output);
    }
    trial
}

impl ProofCase for NeuronCase {
    fn check(&self, registry: &Registry) -> Result<(), String> {
        self.check(registry)
    }
}

impl fmt::Display for NeuronCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { neuron, input, d_output, d_state } = self;
        writeln!(f, "let case = NeuronCase {{")?;
        writeln!(f, "    neuron: {neuron:?}.to_owned(),")?;
        writeln!(f, "    input: vec!{input:?},")?;
        writeln!(f, "    d_output: vec!{d_output:?},")?;
        writeln!(f, "    d_state: vec!{d_state:?},")?;
        writeln!(f, "}};")?;
        write!(f, "case.check(&registry).unwrap();")
    }
}
