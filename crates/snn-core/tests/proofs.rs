//! The gradient proofs, run for every name that this crate registers and for variants of them; and the sense in which
//! the paper's rule, which is not the derivative of anything smooth, is exact.

use proptest::prelude::*;
use snn_core::neuron::{If, Moment, Reset, correction};
use snn_core::registry::Registry;
use snn_core::{Neuron, testing};

/// Parts whose fields differ from their defaults.
const VARIANTS: &[&str] = &[
    "Lif(leak: 0.7, reset: Soft, gradient: Sigmoid)",
    "Lif(leak: 0.7, reset: None, decay_input: true, gradient: Gaussian)",
    "Lif(leak: 0.7, threshold: 0.6, reset: Hard(to: -0.3), gradient: Triangular)",
    "Lif(leak: 0.7, reset: Soft, detach_reset: true, gradient: FastSigmoid(slope: 3.0))",
    "If(reset: Soft, gradient: PiecewiseExponential)",
    "Lif(leak: 0.7, reset: SoftAfterLeak, decay_input: true, gradient: Atan)",
    "Plif(leak: 0.7, learn_threshold: true, reset: Soft, decay_input: true)",
    "Plif(leak: 0.7, learn_threshold: true, per: Channel, decay_input: true)",
    "Lif(leak: 0.7, learn_threshold: true, per: Neuron, reset: Soft, gradient: Sigmoid)",
    "Alif(leak: 0.7, learn_threshold: true, adaptation: 0.4, reset: SoftAfterLeak)",
    "CubaLif(leak: 0.7, synapse_leak: 0.6, reset: SoftAfterLeak, decay_input: true, detach_reset: true)",
    "Alif(leak: 0.7, adaptation: 0.4, synapse_leak: 0.6, delay: true, reset: Soft, decay_input: true)",
    "Alif(leak: 0.7, adaptation: 0.4, adaptation_leak: 0.8, detach_reset: true)",
    "AdaptiveQif(reset: Soft, coupling: 0.4, detach_reset: true)",
    "CubaIntegrator(leak: 0.6, divisor: 2.0, decay_input: true)",
    "LeakyIntegrator(leak: 0.6, divisor: 2.0, decay_input: true)",
    "Atan(alpha: 5.0)",
    "FastSigmoid(slope: 1.5)",
    "CrossEntropy(scale: 3.0)",
    "PerStep(lambda: 0.3, target: 0.5)",
    "CountMse(correct: 0.8, incorrect: 0.1)",
    "VanRossum(tau: 1.5, period: 1)",
];

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).expect("built-in names differ")
}

fn pass(proof: Result<(), String>) {
    if let Err(failure) = proof {
        panic!("{failure}");
    }
}

#[test]
fn every_surrogate_is_the_slope_of_its_primitive() {
    pass(testing::surrogates(&registry(), VARIANTS));
}

#[test]
fn every_neuron_passes_error_back_exactly() {
    pass(testing::neurons(&registry(), VARIANTS));
}

#[test]
fn every_loss_and_score_has_the_gradient_it_says() {
    pass(testing::losses(&registry(), VARIANTS));
}

#[test]
fn whole_networks_have_the_gradients_of_finite_differences() {
    pass(testing::networks(&registry(), VARIANTS));
}

/// Initial membranes, spread evenly over `[0, threshold)`.
const STARTS: usize = 1024;

/// An integrate-and-fire neuron that keeps what exceeds its threshold, and the paper's gradient.
fn integrate_and_fire(threshold: f32) -> Neuron {
    let neuron = If { threshold, reset: Reset::Soft, ..If::default() };
    Neuron::new("If", neuron.as_lif(), neuron.as_lif().leak_corrected().gradient().clone())
}

/// Membranes, spikes and inputs of all starts at each step.
fn run(neuron: &Neuron, threshold: f32, input: &[f32]) -> Vec<[Vec<f32>; 3]> {
    let mut state: Vec<f32> = (0..STARTS).map(|i| threshold * (i as f32 + 0.5) / STARTS as f32).collect();
    let step = |input: &f32| {
        let (before, input, mut spikes) = (state.clone(), vec![*input; STARTS], vec![0.0; STARTS]);
        neuron.step(&[], &mut state, &input, &mut spikes);
        [before, input, spikes]
    };
    input.iter().map(step).collect()
}

fn mean_count(steps: &[[Vec<f32>; 3]]) -> f32 {
    steps.iter().flat_map(|[_, _, spikes]| spikes).sum::<f32>() / STARTS as f32
}

proptest! {
    /// Over evenly drawn initial membranes the mean spike count rises by `1 / threshold` with the input of any step, and
    /// so says the paper's rule, as long as a spike is still to come. All numbers are multiples of `threshold / 1024`, so
    /// that nothing is rounded and the two are equal.
    #[test]
    fn the_paper_s_rule_is_the_slope_of_the_mean_spike_count(
        threshold in prop_oneof![Just(0.25_f32), Just(0.5), Just(1.0), Just(4.0)],
        input in proptest::collection::vec(300..800_u16, 6..12),
        moved in 0..6_usize,
        by in 1..200_u16,
    ) {
        let neuron = integrate_and_fire(threshold);
        let current = |input: &[u16]| -> Vec<f32> {
            input.iter().map(|i| threshold * f32::from(*i) / STARTS as f32).collect()
        };
        let steps = run(&neuron, threshold, &current(&input));
        let mut more = input.clone();
        more[moved] += by;
        let rise = mean_count(&run(&neuron, threshold, &current(&more))) - mean_count(&steps);
        let slope = rise / (threshold * f32::from(by) / STARTS as f32);
        prop_assert_eq!(slope, 1.0 / threshold);

        let count = |i: usize| steps.iter().map(|[_, _, spikes]| spikes[i]).sum::<f32>();
        let factor: Vec<f32> = (0..STARTS).map(|i| correction(1.0, count(i), count(i))).collect();
        let (mut d_state, mut d) = (vec![0.0; STARTS], vec![vec![0.0; STARTS]; steps.len()]);
        for (t, [before, input, output]) in steps.iter().enumerate().rev() {
            let moment = Moment { p: &[], before, input, output, correction: &factor };
            neuron.adjoint(moment, &[1.0; STARTS], &mut d_state, &mut d[t], &mut []);
        }
        for (t, d) in d.iter().enumerate() {
            if input[t..].iter().sum::<u16>() >= STARTS as u16 {
                prop_assert!(d.iter().all(|d| *d == 1.0 / threshold), "step {}", t);
            }
        }
    }
}
