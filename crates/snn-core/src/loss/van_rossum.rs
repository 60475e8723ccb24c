//! The van Rossum distance of spike trains.

use serde::{Deserialize, Serialize};

use super::Loss;
use crate::score::Score;

/// Squared distance of the output spike trains from target trains, each smoothed by an exponential of time constant `tau`
/// (van Rossum, *A novel spike distance*, Neural Computation 2001), summed over classes:
///
/// `L = 1/tau Σ_t Σ_k (f_k(t) - g_k(t))²` with `f(t) = e^(-1/tau) · f(t-1) + s(t)`, and `g` the same of the target.
///
/// In the target, the sample's class fires at steps `period - 1`, `2 · period - 1` and so on, the other classes never.
/// One extra or missing spike costs about 1/2 (less near the end of the trial, which cuts the exponential off); a spike
/// that is slightly late costs little. The score does not enter the loss; it only determines the predicted class.
///
/// Defaults: tau 5, period 2. No other library has this loss with such targets. `SpikeTime` of Lava-DL is similar, for
/// given target trains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VanRossum {
    /// Time constant in steps, greater than 0.
    pub tau: f32,
    /// Steps from one spike of the target to the next, at least 1.
    pub period: usize,
}

impl Default for VanRossum {
    fn default() -> Self {
        Self { tau: 5.0, period: 2 }
    }
}

impl Loss for VanRossum {
    fn evaluate(&self, output: &[f64], classes: usize, class: usize, _score: &dyn Score) -> (f64, Vec<f64>) {
        let tau = f64::from(self.tau);
        let decay = libm::exp(-1.0 / tau);
        // The filter is linear, so the difference of the two trains is smoothed.
        let mut smoothed: Vec<f64> = Vec::with_capacity(output.len());
        for (i, spike) in output.iter().enumerate() {
            let is_target = i % classes == class && (i / classes + 1).is_multiple_of(self.period);
            let before = if i < classes { 0.0 } else { smoothed[i - classes] };
            smoothed.push(decay * before + spike - f64::from(u8::from(is_target)));
        }
        let loss = smoothed.iter().map(|e| e * e).sum::<f64>() / tau;
        let mut d_output: Vec<f64> = smoothed.iter().map(|e| 2.0 * e / tau).collect();
        for i in (classes..d_output.len()).rev() {
            d_output[i - classes] += decay * d_output[i];
        }
        (loss, d_output)
    }

    fn reads_spikes(&self) -> bool {
        true
    }

    fn equation(&self) -> String {
        let Self { tau, period } = self;
        format!(
            "van Rossum: squared distance of spike trains smoothed with tau {tau}; the class fires every {period} steps"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Sum;

    /// A loss whose tau makes `e^(-1/tau)` equal to 1/2.
    fn half(period: usize) -> VanRossum {
        VanRossum { tau: std::f32::consts::LOG2_E, period }
    }

    #[test]
    fn the_target_itself_costs_nothing() {
        let (loss, d) = half(2).evaluate(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 2, 1, &Sum {});
        assert_eq!((loss, d), (0.0, vec![0.0; 8]));
    }

    #[test]
    fn a_spike_too_many_leaves_a_trace() {
        // The class, whose target is one spike at step 3 of 4, also fires at step 0: smoothed 1, 1/2, 1/4, 1/8.
        let (loss, d) = half(4).evaluate(&[1.0, 0.0, 0.0, 1.0], 1, 0, &Sum {});
        let tau = std::f64::consts::LOG2_E;
        assert!((loss * tau - (1.0 + 0.25 + 0.0625 + 0.015_625)).abs() < 1e-6, "{loss}");
        // Back through the filter: 1/8; 1/4 + 1/16; 1/2 + 5/32; 1 + 21/64
        for (d, expected) in d.iter().zip([1.328_125, 0.656_25, 0.3125, 0.125]) {
            assert!((d * tau / 2.0 - expected).abs() < 1e-6, "{d}");
        }
    }

    #[test]
    fn a_lone_spike_costs_about_a_half() {
        let mut output = vec![0.0; 200];
        output[20] = 1.0;
        let (loss, _) = VanRossum { tau: 10.0, period: 201 }.evaluate(&output, 1, 0, &Sum {});
        assert!((loss - 0.5).abs() < 0.06, "{loss}");
    }
}
