//! A trial of one layer of neurons and its backward pass, and the comparison with a case.

use std::collections::BTreeMap;

use snn_core::neuron::{Link, Moment};
use snn_core::{Dual, Neuron};

use crate::tables::{self, NEURONS};
use crate::vectors::{Case, Deviations, filled};

/// What a case is here.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    /// The neuron.
    pub(crate) part: String,
    membrane: Membrane,
}

/// What a library reports as the membrane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Membrane {
    /// The charged one, which no spike has reset yet.
    Charged,
    /// What the reset leaves; here it has leaked by `leak` then, and is lower by `shift`.
    Reset { leak: f64, shift: f64 },
    /// The output of a neuron that does not fire.
    Output,
}

impl Meaning {
    pub(crate) fn of(case: &Case) -> Self {
        let (gradient, ..) = tables::neuron_constants(case);
        Self::with_gradient(case, &gradient)
    }

    pub(crate) fn with_gradient(case: &Case, gradient: &str) -> Self {
        let (_, membrane, mut constants) = tables::neuron_constants(case);
        constants.insert("gradient", gradient.to_owned());
        let model = case.text("model").unwrap();
        let learns = case.find("param.beta").is_some();
        let (.., part) = crate::row(NEURONS, case, |(name, is_learned, _)| *name == model && *is_learned == learns);
        Self { part: filled(part, &constants), membrane }
    }
}

/// A layer that was run on the input of a case.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    case: &'a Case,
    neuron: Neuron,
    membrane: Membrane,
    /// Values of the trainable constants.
    p: Vec<f64>,
    /// Recurrent weights `[n, n]`, or none.
    weights: Option<Vec<f64>>,
    steps: Vec<Step>,
}

/// A step `[n]`, with states `[S][n]`.
#[derive(Debug)]
struct Step {
    before: Vec<f64>,
    input: Vec<f64>,
    charged: Vec<f64>,
    output: Vec<f64>,
    after: Vec<f64>,
}

/// Gradients of a loss.
#[derive(Debug)]
pub(crate) struct Gradients {
    /// By the input `[T, n]`.
    pub(crate) input: Vec<f64>,
    p: Vec<f64>,
    weights: Vec<f64>,
}

/// Neurons of every case.
const N: usize = 5;

impl<'a> Trial<'a> {
    pub(crate) fn new(case: &'a Case, neuron: Neuron, meaning: &Meaning) -> Self {
        let param = |name: &str| case.find(&format!("param.{name}"));
        let p = match (param("w"), param("beta"), param("threshold")) {
            (Some(w), ..) => vec![Link::Sigmoid.value(-w[0])], // there the sigmoid gives 1 - leak
            (_, Some(beta), Some(threshold)) => vec![beta[0], threshold[0]],
            // A preset for which the case of a neuron that does not learn stands.
            _ => neuron.parameters().iter().map(|parameter| f64::from(parameter.initial)).collect(),
        };
        let weights = param("weight").or_else(|| param("recurrent_weights"));
        let bias = param("bias").unwrap_or(vec![0.0; N]);
        let drive =
            case.text("forward").map_or_else(|| case.tensor("input"), |other| case.sibling(other).tensor("input"));
        let mut steps: Vec<Step> = Vec::new();
        let mut state = neuron.rest(N);
        for drive in drive.chunks_exact(N) {
            let mut input: Vec<f64> = drive.iter().zip(&bias).map(|(x, bias)| x + bias).collect();
            if let (Some(weights), Some(last)) = (&weights, steps.last()) {
                for (input, row) in input.iter_mut().zip(weights.chunks_exact(N)) {
                    *input += row.iter().zip(&last.output).map(|(w, spike)| w * spike).sum::<f64>();
                }
            }
            let (before, mut charged, mut output) = (state.clone(), state.clone(), vec![0.0; N]);
            neuron.charge(&p, &mut charged, &input);
            neuron.step(&p, &mut state, &input, &mut output);
            steps.push(Step { before, input, charged, output, after: state.clone() });
        }
        Self { case, neuron, membrane: meaning.membrane, p, weights, steps }
    }

    /// Gradients of `sum(a * spikes) + membrane_weight * sum(b * membrane)`.
    pub(crate) fn backward(&self, membrane_weight: f64) -> Gradients {
        let (a, b) = (self.case.common("a"), self.case.common("b"));
        let Self { neuron, p, steps, .. } = self;
        let mut d_state = vec![0.0; N * neuron.state().len()];
        let mut gradients = Gradients { input: vec![0.0; a.len()], p: vec![0.0; p.len()], weights: vec![0.0; N * N] };
        let mut d_fed_back = vec![0.0; N];
        for (t, step) in steps.iter().enumerate().rev() {
            let d_membrane: Vec<f64> = b[t * N..][..N].iter().map(|b| membrane_weight * b).collect();
            let mut d_output: Vec<f64> = a[t * N..][..N].iter().zip(&d_fed_back).map(|(a, d)| a + d).collect();
            match self.membrane {
                Membrane::Charged => {}
                Membrane::Output => d_output.clone_from(&d_membrane),
                Membrane::Reset { leak, .. } => {
                    for i in 0..N {
                        d_state[i] += d_membrane[i] / leak;
                        if let Some(d_leak) = gradients.p.first_mut() {
                            *d_leak -= d_membrane[i] * step.after[i] / (leak * leak); // of the division by the leak
                        }
                    }
                }
            }
            let moment = Moment { p, before: &step.before, input: &step.input, output: &step.output, correction: &[] };
            let mut d_input = vec![0.0; N];
            neuron.adjoint(moment, &d_output, &mut d_state, &mut d_input, &mut gradients.p);
            if self.membrane == Membrane::Charged {
                let (mut d_charged, mut d_charged_input) = (vec![0.0; d_state.len()], vec![0.0; N]);
                d_charged[..N].copy_from_slice(&d_membrane);
                neuron.charge_adjoint(moment, &mut d_charged, &mut d_charged_input, &mut gradients.p);
                add(&mut d_state, &d_charged);
                add(&mut d_input, &d_charged_input);
            }
            if let (Some(weights), Some(last)) = (&self.weights, t.checked_sub(1)) {
                for (i, d) in d_input.iter().enumerate() {
                    let row = steps[last].output.iter().map(|spike| d * spike).collect::<Vec<_>>();
                    add(&mut gradients.weights[i * N..][..N], &row);
                }
                let column = |j: usize| d_input.iter().enumerate().map(|(i, d)| weights[i * N + j] * d).sum();
                d_fed_back = (0..N).map(column).collect();
            }
            gradients.input[t * N..][..N].copy_from_slice(&d_input);
        }
        gradients
    }

    /// Compares spikes exactly, membranes, other states, and the gradients of the losses named, each if the case has it.
    pub(crate) fn compare(&self, losses: &[&str], deviations: &mut Deviations) {
        let mut found = self.forward_tensors();
        for loss in losses {
            let gradients = self.backward(if *loss == "sm" { 1.0 } else { 0.0 });
            found
                .extend(self.gradient_tensors(gradients).map(|(name, values)| (format!("grad_{loss}.{name}"), values)));
        }
        for tensor in self.case.tensors().filter(|name| *name != "input" && !name.starts_with("param.")) {
            let expected = self.case.tensor(tensor);
            let found = found.get(tensor).unwrap_or_else(|| panic!("{} {tensor} is not compared", self.case));
            if tensor == "spikes" {
                assert_eq!(*found, expected, "{}", self.case);
            } else {
                deviations.add(self.case, tensor, found, &expected);
            }
        }
    }

    fn forward_tensors(&self) -> BTreeMap<String, Vec<f64>> {
        let collect = |of: &dyn Fn(&Step) -> Vec<f64>| self.steps.iter().flat_map(of).collect::<Vec<f64>>();
        let membrane = collect(&|step| match self.membrane {
            Membrane::Charged => step.charged[..N].to_vec(),
            Membrane::Reset { leak, shift } => step.after[..N].iter().map(|v| v / leak + shift).collect(),
            Membrane::Output => step.output.clone(),
        });
        let mut tensors = BTreeMap::from([
            ("spikes".to_owned(), collect(&|step| step.output.clone())),
            ("membrane".to_owned(), membrane),
        ]);
        for (k, name) in self.neuron.state().iter().enumerate().skip(1) {
            let row = k * N..(k + 1) * N;
            tensors.insert(format!("state.{name}"), collect(&|step| step.after[row.clone()].to_vec()));
            match *name {
                // snnTorch reports the synaptic current before it decays.
                "i" => _ = tensors.insert("state.syn".to_owned(), collect(&|step| step.charged[row.clone()].to_vec())),
                "a" => {
                    let number = |key| self.case.number(key).unwrap();
                    let threshold = |a: &f64| number("v_th") + number("beta") * a;
                    let b = collect(&|step| step.after[row.clone()].iter().map(threshold).collect());
                    tensors.insert("state.b".to_owned(), b);
                }
                _ => {}
            }
        }
        tensors
    }

    fn gradient_tensors(&self, gradients: Gradients) -> impl Iterator<Item = (String, Vec<f64>)> {
        let Gradients { input, p, weights } = gradients;
        let bias = (0..N).map(|i| input.iter().skip(i).step_by(N).sum()).collect();
        // Neurons of Norse do not feed themselves, and those weights have no gradient.
        let is_own = |i: usize| i / N == i % N;
        let others = weights.iter().enumerate().map(|(i, d)| if is_own(i) { 0.0 } else { *d }).collect();
        let mut tensors = vec![
            ("input".to_owned(), input),
            ("bias".to_owned(), bias),
            ("weight".to_owned(), weights),
            ("recurrent_weights".to_owned(), others),
        ];
        if let Some(w) = self.case.find("param.w") {
            let slope = Link::Sigmoid.value(Dual::variable(-w[0])).slope;
            tensors.push(("w".to_owned(), vec![-slope * p[0]]));
        }
        tensors.extend(std::iter::zip(["beta", "threshold"], p).map(|(name, d)| (name.to_owned(), vec![d])));
        tensors.into_iter()
    }
}

fn add(sum: &mut [f64], values: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}
