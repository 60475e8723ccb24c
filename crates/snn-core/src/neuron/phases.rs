//! The phases of a neuron and their backward passes as formulas, for engines that do not run Rust code, such as GPU
//! shaders.

use super::lifted::{NONE, dot, lift, lift_parameters};
use super::{Link, Neuron, NeuronModel, NeuronOutput};
use crate::formula::{Formula, Symbol};
use crate::real::Dual;

/// The forward and backward equations of a neuron for one time step, as [`Formula`]s.
///
/// `S` is the number of state variables and `P` that of trainable parameters. The arguments of each formula are in the
/// order in which they are listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {
    /// Initial state `[S]`.
    pub rest: Vec<f32>,
    /// Charge phase. Arguments: parameters `[P]`, state `[S]`, input. Results: the charged state `[S]`.
    pub charge: Formula,
    /// Fire phase. Arguments: parameters, charged state. Result: the margin, which is the output of a neuron that does
    /// not fire.
    pub margin: Formula,
    /// Reset phase. Arguments: parameters, charged state, spike. Results: the state after the step `[S]`. For a neuron
    /// that does not fire, this is the charged state.
    pub reset: Formula,
    /// Backward pass of the charge phase. Arguments: parameters, state before the step, input, error of the charged
    /// state `[S]`. Results: the errors of the state before `[S]` and of the input, and what to add to the errors of
    /// the parameters `[P]`.
    pub charge_adjoint: Formula,
    /// Backward pass of the fire phase. Arguments: parameters, charged state, error of the margin. Results: what to add
    /// to the errors of the charged state `[S]` and of the parameters `[P]`.
    pub margin_adjoint: Formula,
    /// Backward pass of the reset phase. Arguments: parameters, charged state, spike, error of the state after the step
    /// `[S]`. Results: the errors of the charged state `[S]` and of the spike, and what to add to the errors of the
    /// parameters `[P]`.
    pub reset_adjoint: Formula,
    /// For each trainable parameter `[P]`, two formulas of its trained number: its value, and the derivative of that
    /// value.
    pub links: Vec<[Formula; 2]>,
}

impl Neuron {
    /// Returns the phases of this neuron and their backward passes as formulas.
    pub fn phases(&self) -> Phases {
        self.dynamics.phases()
    }
}

/// Records the phases of `model` and their backward passes as formulas.
pub(super) fn of<M: NeuronModel>(model: &M) -> Phases {
    let rest = model.rest::<f32>().as_ref().to_vec();
    let (s, p) = (rest.len(), NeuronModel::parameters(model).len());
    let charge = Formula::of(p + s + 1, |x| model.charge(&x[..p], state(model, &x[p..]), x[p + s]).as_ref().to_vec());
    let margin = Formula::of(p + s, |x| vec![model.margin(&x[..p], state(model, &x[p..]))]);
    let reset = Formula::of(p + s + 1, |x| {
        let charged = state(model, &x[p..]);
        let after = if M::OUTPUT == NeuronOutput::Spikes { model.reset(&x[..p], charged, x[p + s]) } else { charged };
        after.as_ref().to_vec()
    });
    let charge_adjoint = Formula::of(p + 2 * s + 1, |x| {
        transpose(model, M::charge, &x[..p], &state(model, &x[p..]), x[p + s], &state(model, &x[p + s + 1..]))
    });
    let margin_adjoint = Formula::of(p + s + 1, |x| {
        let (charged, d_margin) = (state(model, &x[p..]), x[p + s]);
        let slope = |constant: usize, entry: usize| {
            let constants = &lift_parameters(&x[..p], constant)[..p];
            d_margin * model.margin(constants, lift(model, &charged, entry)).slope
        };
        let entries = (0..s).map(|entry| slope(NONE, entry));
        entries.chain((0..p).map(|constant| slope(constant, NONE))).collect()
    });
    let reset_adjoint = Formula::of(p + 2 * s + 1, |x| {
        let (charged, spike, d) = (state(model, &x[p..]), x[p + s], state(model, &x[p + s + 1..]));
        if M::OUTPUT == NeuronOutput::Spikes {
            transpose(model, M::reset, &x[..p], &charged, spike, &d)
        } else {
            let zeros = vec![Symbol::from(0.0); 1 + p];
            d.as_ref().iter().copied().chain(zeros).collect()
        }
    });
    let links = NeuronModel::parameters(model).iter().map(|parameter| link(parameter.link)).collect();
    Phases { rest, charge, margin, reset, charge_adjoint, margin_adjoint, reset_adjoint, links }
}

fn link(link: Link) -> [Formula; 2] {
    let slope = |x: &[Symbol]| vec![link.value(Dual::variable(x[0])).slope];
    [Formula::of(1, |x| vec![link.value(x[0])]), Formula::of(1, slope)]
}

/// Takes the state from the first symbols of `x`.
fn state<M: NeuronModel>(model: &M, x: &[Symbol]) -> M::State<Symbol> {
    let mut state = model.rest::<Symbol>();
    for (entry, symbol) in state.as_mut().iter_mut().zip(x) {
        *entry = *symbol;
    }
    state
}

/// Backward pass of a phase that computes a state from a state and an input. From the error `d` of the result, returns
/// the errors of the state, of the input and of the parameters.
fn transpose<M: NeuronModel>(
    model: &M,
    phase: impl Fn(&M, &[Dual<Symbol>], M::State<Dual<Symbol>>, Dual<Symbol>) -> M::State<Dual<Symbol>>,
    p: &[Symbol],
    before: &M::State<Symbol>,
    input: Symbol,
    d: &M::State<Symbol>,
) -> Vec<Symbol> {
    let run = |constant: usize, entry: usize, input: Dual<Symbol>| {
        let constants = &lift_parameters(p, constant)[..p.len()];
        dot(d, &phase(model, constants, lift(model, before, entry), input))
    };
    let entries = (0..before.as_ref().len()).map(|entry| run(NONE, entry, Dual::fixed(input)));
    let input_error = std::iter::once_with(|| run(NONE, NONE, Dual::variable(input)));
    let constants = (0..p.len()).map(|constant| run(constant, NONE, Dual::fixed(input)));
    entries.chain(input_error).chain(constants).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::neuron::Moment;
    use crate::part::Part;
    use crate::registry::Registry;

    /// Every neuron of the registry with default fields, and some with other fields.
    fn neurons() -> Vec<Neuron> {
        let registry = Registry::new().with(crate::builtin::plugin).unwrap();
        let texts = registry.neurons.names().map(str::to_owned);
        let others = [
            "Lif(reset: SoftAfterLeak, gradient: Atan)",
            "Lif(decay_input: true, reset: Hard(to: -0.5), gradient: Atan)",
            "Plif(learn_threshold: true, reset: Soft)",
            "Alif(learn_threshold: true, reset: Soft)",
            "Alif(delay: true, synapse_leak: 0.5)",
        ];
        texts
            .chain(others.map(str::to_owned))
            .map(|text| {
                let mut part = Part::parse(&text).unwrap();
                registry.neurons.make(&mut part, &registry).unwrap()
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn formulas_step_as_the_neuron_does(values in proptest::collection::vec(-1.5_f32..1.5, 24)) {
            for neuron in neurons() {
                let phases = neuron.phases();
                let (s, p) = (phases.rest.len(), phases.links.len());
                prop_assert_eq!(&phases.rest, &neuron.rest::<f32>(1));
                let constants: Vec<f32> = values[..p].iter().map(|x| 0.5 + x / 4.0).collect();
                let (before, input) = (&values[4..4 + s], values[12]);
                let (mut state, mut output) = (before.to_vec(), [0.0]);
                neuron.step(&constants, &mut state, &[input], &mut output);

                let charged = phases.charge.evaluate(&[&constants, before, &[input]].concat());
                let margin = phases.margin.evaluate(&[&constants[..], &charged].concat())[0];
                let (after, passed) = if neuron.fires() {
                    let spike = if margin > 0.0 { 1.0 } else { 0.0 };
                    (phases.reset.evaluate(&[&constants[..], &charged, &[spike]].concat()), spike)
                } else {
                    (charged.clone(), margin)
                };
                prop_assert_eq!(&after, &state, "{}", neuron.name());
                prop_assert_eq!(passed, output[0]);
            }
        }

        #[test]
        fn formulas_pass_error_as_the_neuron_does(values in proptest::collection::vec(-1.5_f32..1.5, 24)) {
            for neuron in neurons() {
                let phases = neuron.phases();
                let (s, p) = (phases.rest.len(), phases.links.len());
                let constants: Vec<f32> = values[..p].iter().map(|x| 0.5 + x / 4.0).collect();
                let (before, input, d) = (&values[4..4 + s], values[12], &values[13..13 + s]);
                let moment = Moment { p: &constants, before, input: &[input], output: &[0.0], correction: &[] };
                let (mut d_state, mut d_input, mut d_p) = (d.to_vec(), [0.0], vec![0.0; p]);
                neuron.charge_adjoint(moment, &mut d_state, &mut d_input, &mut d_p);
                let found = phases.charge_adjoint.evaluate(&[&constants, before, &[input], d].concat());
                let expected = d_state.iter().copied().chain(d_input).chain(d_p.iter().map(|d| *d as f32));
                for (found, expected) in found.iter().zip(expected) {
                    let close = (found - expected).abs() <= 1e-6 * (1.0 + expected.abs());
                    prop_assert!(close, "{}: {found} instead of {expected}", neuron.name());
                }
            }
        }
    }
}
