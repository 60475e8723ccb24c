//! The gradient of spike-gated neurons: the factor from the error of a spike to the error of its neuron.

use std::collections::HashMap;
use std::sync::Arc;

use snn_core::neuron::{Correction, correction, exact_leak};
use snn_core::{Gradient, Neuron, Trace};

/// The spike-gated gradient of a population: `d(t) = C · g(t) / threshold` at the steps where a neuron spiked.
#[derive(Debug, Clone)]
pub(crate) struct SpikeGated {
    pub(crate) threshold: f32,
    pub(crate) correction: Option<LeakCorrection>,
}

impl SpikeGated {
    /// Builds the rule for each of `neurons` over `steps` steps; `None` for a neuron with another gradient.
    pub(crate) fn of_all<'a>(neurons: impl Iterator<Item = &'a Neuron>, steps: usize) -> Vec<Option<Self>> {
        let mut corrections: HashMap<u32, Arc<[f64]>> = HashMap::new(); // neurons of equal leak share one
        let mut leak_correction = |constants: Correction| {
            let decay =
                corrections.entry(constants.leak.to_bits()).or_insert_with(|| decay(constants.leak, steps)).clone();
            LeakCorrection { constants, decay }
        };
        let rule = |neuron: &Neuron| {
            let Gradient::SpikeGated { threshold, correction } = *neuron.gradient() else { return None };
            Some(Self { threshold, correction: correction.map(&mut leak_correction) })
        };
        neurons.map(rule).collect()
    }

    /// The factor from the error of a neuron's output to the neuron's own error, given the times at which it fired:
    /// `C · mask / threshold`.
    #[inline(always)]
    pub(crate) fn gain(&self, mask: f32, times: &[u16]) -> f32 {
        let factor = self.correction.as_ref().map_or(1.0, |leak_correction| leak_correction.correction(mask, times));
        factor * mask / self.threshold
    }
}

/// The inputs of the leak correction `C`.
#[derive(Debug, Clone)]
pub(crate) struct LeakCorrection {
    constants: Correction,
    /// `leak^(T-1-t)` for each step.
    decay: Arc<[f64]>,
}

/// `leak^(T-1-t)` for each of `steps` steps.
fn decay(leak: f32, steps: usize) -> Arc<[f64]> {
    let leak = exact_leak(leak);
    (0..steps).map(|t| leak.powi((steps - 1 - t) as i32)).collect()
}

impl LeakCorrection {
    /// The leak correction of a neuron that fired at `times`.
    #[inline(always)]
    pub(crate) fn correction(&self, mask: f32, times: &[u16]) -> f32 {
        let (trace, count) = self.trace(mask, times);
        correction(self.constants.leak, trace, count)
    }

    /// The leaky trace and the spike count of a neuron that fired at `times`.
    pub(crate) fn trace(&self, mask: f32, times: &[u16]) -> (f32, f32) {
        let unit = match self.constants.trace {
            Trace::AfterDropout => mask,
            Trace::BeforeDropout => 1.0,
        };
        // Four partial sums, so that the additions do not depend on each other.
        let mut sums = [0.0; 4];
        for times in times.chunks(4) {
            for (sum, &t) in sums.iter_mut().zip(times) {
                *sum += self.decay[usize::from(t)];
            }
        }
        let trace: f64 = sums.iter().sum();
        ((f64::from(unit) * trace) as f32, unit * times.len() as f32)
    }
}
