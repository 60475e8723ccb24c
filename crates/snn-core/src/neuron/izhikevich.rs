//! Izhikevich's neuron, in millivolts and milliseconds.

use serde::{Deserialize, Serialize};

use super::NeuronModel;
use crate::part::Part;
use crate::real::Real;

/// Izhikevich's neuron (*Simple Model of Spiking Neurons*, IEEE Trans. Neural Networks 2003, equations 1 to 3),
/// integrated by Euler steps of `dt` milliseconds.
///
/// 1. charge `v = V + dt · (0.04 · V² + 5 · V + 140 - u + I)`, then `u = u + dt · a · (b · V - u)`, both from the state
///    before the step
/// 2. fire `s = [v > threshold]`
/// 3. reset `V = (1 - s) · v + s · c`, `u = u + d · s`
///
/// `V` starts at `rest` and `u` at `b · rest`. An input of 10 to 20 makes it fire now and then. With `detach_reset` no
/// error is backpropagated through `u` to the spikes either.
///
/// Defaults: a 0.02, b 0.2, c -65, d 6 (tonic spiking), threshold 30, rest -70 (the fixed point of these values), dt
/// 0.25, gradient `Gaussian(sigma: 10.0)`, which is wide because the margin is in millivolts.
///
/// # Equals
/// `IzhikevichCell` of Norse with `dt · tau_inv` as `dt`; its `tonic_spiking` has these defaults, with the gradient
/// `FastSigmoid(slope: 1.0)`. `IzhikevichNode` of SpikingJelly has potentials around 1 and computes its adaptation from
/// the charged membrane potential: it is an [`super::AdaptiveQif`] here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Izhikevich {
    /// Rate at which `u` recovers, per millisecond.
    pub a: f32,
    /// Sensitivity of `u` to the membrane.
    pub b: f32,
    /// Membrane potential after a spike, in millivolts, below the threshold.
    pub c: f32,
    /// What a spike adds to `u`.
    pub d: f32,
    /// Membrane potential above which the neuron fires, in millivolts.
    pub threshold: f32,
    /// Membrane potential before the first step, in millivolts.
    pub rest: f32,
    /// Length of a step in milliseconds, in `(0, 1]`.
    pub dt: f32,
    /// Whether reset and recovery are detached: no error is backpropagated through them to the spike that caused them.
    pub detach_reset: bool,
    /// A surrogate such as `Gaussian(sigma: 10.0)`, of a margin in millivolts.
    pub gradient: Part,
}

impl Default for Izhikevich {
    fn default() -> Self {
        Self {
            a: 0.02,
            b: 0.2,
            c: -65.0,
            d: 6.0,
            threshold: 30.0,
            rest: -70.0,
            dt: 0.25,
            detach_reset: false,
            gradient: Part { name: "Gaussian".to_owned(), fields: "(sigma: 10.0)".to_owned() },
        }
    }
}

impl NeuronModel for Izhikevich {
    type State<F: Real> = [F; 2];

    fn state(&self) -> &'static [&'static str] {
        &["v", "u"]
    }

    fn rest<F: Real>(&self) -> [F; 2] {
        let rest = F::from(self.rest);
        [rest, rest * self.b.into()]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v, u]: [F; 2], input: F) -> [F; 2] {
        let drift = v * v / 25.0.into() + v * 5.0.into() + 140.0.into() - u + input; // 1/25 = 0.04, without rounding
        let recovery = (v * self.b.into() - u) * self.a.into();
        [v + drift * self.dt.into(), u + recovery * self.dt.into()]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v, _]: [F; 2]) -> F {
        v - self.threshold.into()
    }

    #[inline(always)]
    fn reset<F: Real>(&self, _p: &[F], [v, u]: [F; 2], spike: F) -> [F; 2] {
        [(F::from(1.0) - spike) * v + spike * self.c.into(), u + spike * self.d.into()]
    }

    fn equations(&self) -> String {
        let Self { a, b, c, d, threshold, dt, .. } = self;
        format!(
            "charge v = V + {dt} (0.04 V² + 5 V + 140 - u + I), u = u + {dt} * {a} ({b} V - u);  \
             fire s = [v > {threshold}];  reset v = {c} where s, u = u + {d} s;  V = v;  output s"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::super::{Gradient, Neuron};
    use super::*;
    use crate::surrogate::Gaussian;

    fn neuron(izhikevich: Izhikevich) -> Neuron {
        Neuron::new("Izhikevich", izhikevich, Gradient::surrogate(Gaussian { sigma: 10.0 }))
    }

    #[test]
    fn it_rests_where_it_starts() {
        // 0.04 · 70² - 5 · 70 + 140 - (-14) = 0 and 0.2 · (-70) - (-14) = 0
        let rows = run(&neuron(Izhikevich::default()), &[], &[0.0; 3]);
        assert!(rows.iter().all(|row: &[f64; 3]| row[0] == 0.0 && (row[1] + 70.0).abs() < 1e-5), "{rows:?}");
    }

    #[test]
    fn membrane_and_recovery_step_from_the_same_state() {
        // b 0.25, so u starts at -17.5: drift 196 - 350 + 140 + 17.5 = 3.5.
        // v = -70 + 0.25 · (3.5 + 396.5) = 30, which is not above the threshold; u = -17.5 + 0.25 · 0.5 · 0.
        // Then drift 36 + 150 + 140 + 17.5 = 343.5: v > 30; u = -17.5 + 0.25 · 0.5 · (7.5 + 17.5) + 6 = -8.375.
        // Then from -65: drift 169 - 325 + 140 + 8.375 = -7.625; u = -8.375 + 0.125 · (-16.25 + 8.375).
        let izhikevich = Izhikevich { a: 0.5, b: 0.25, ..Izhikevich::default() };
        let rows = run(&neuron(izhikevich), &[], &[396.5, 0.0, 0.0]);
        assert_eq!(rows, [[0.0, 30.0, -17.5], [1.0, -65.0, -8.375], [0.0, -66.906_25, -9.359_375]]);
    }
}
