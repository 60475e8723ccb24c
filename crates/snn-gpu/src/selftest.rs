//! Checks a GPU against the reference engine: small networks with every registered neuron and surrogate, every map,
//! recurrence, dropout and encoders. This reveals drivers that compute wrong results.

mod case;
mod subjects;

use serde::Serialize;
use snn_core::agreement::{Agreement, BOUND};
use snn_core::registry::Registry;
use snn_core::{Engine, Error};

pub use subjects::{SelftestSubject, subjects};

use crate::{GpuEngine, GpuOptions, KernelChoice};

/// Seeds to try in turn, until with one of them no spike depends on rounding.
const SEEDS: [u64; 3] = [1, 2, 3];

/// The result of one check.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SelftestCheck {
    /// The kernels that were used.
    pub kernels: &'static str,
    /// The kind of thing that was checked, such as `neuron`.
    pub kind: &'static str,
    /// The name of the thing that was checked.
    pub name: String,
    /// Number of spikes that were compared.
    pub spikes: u64,
    /// Number of spikes that differed; by rounding only, unless the check failed.
    pub flips: u64,
    /// Largest difference of outputs relative to the largest magnitude, as in [`Agreement`]; `None` where nothing was
    /// compared.
    pub output: Option<f32>,
    /// Largest relative difference of states; `None` where nothing was compared.
    pub states: Option<f32>,
    /// Largest relative difference of errors; `None` where nothing was compared, and without a backward pass.
    pub errors: Option<f32>,
    /// Largest relative difference of gradients; `None` where nothing was compared, and without a backward pass.
    pub gradients: Option<f32>,
    /// What is wrong, if anything.
    pub failure: Option<String>,
}

impl SelftestCheck {
    /// Whether the check passed.
    pub fn is_passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// Returns the engine with each choice of kernels that the check covers, and the name of the choice.
pub fn variants(engine: &GpuEngine) -> Vec<(&'static str, GpuEngine)> {
    let with = |kernels| GpuEngine::new(GpuOptions { kernels, ..engine.options.clone() });
    [
        ("plain", KernelChoice::Plain),
        ("tiled", KernelChoice::Tiled),
        ("fused", KernelChoice::Fused),
        ("events", KernelChoice::Events),
    ]
    .map(|(name, kernels)| (name, with(kernels)))
    .into()
}

/// Runs all checks. `progress` is called with the name of each before it starts.
///
/// # Errors
/// [`Error::Device`] if there is no GPU. Wrong results are reported in the checks.
pub fn run(
    engine: &GpuEngine,
    registry: &Registry,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<SelftestCheck>, Error> {
    engine.opened()?;
    let subjects = subjects(registry)?;
    let mut checks = Vec::new();
    for (kernels, engine) in variants(engine) {
        for subject in subjects.iter().filter(|subject| subject.is_told_apart_by(kernels)) {
            progress(&format!("{} {}", subject.kind, subject.name));
            checks.push(subject.check(kernels, &engine));
        }
    }
    Ok(checks)
}

impl SelftestSubject {
    /// Whether these kernels treat the subject differently from the others. Surrogates occur only in the plain
    /// kernels, and tiled matrix products contain no neurons.
    fn is_told_apart_by(&self, kernels: &str) -> bool {
        match kernels {
            "tiled" => self.kind != "neuron" && self.kind != "surrogate",
            "fused" | "events" => self.kind != "surrogate",
            _ => true,
        }
    }

    /// Checks the subject with the kernels of `engine`, whose choice is named `kernels`.
    pub fn check(&self, kernels: &'static str, engine: &GpuEngine) -> SelftestCheck {
        let mut check = self.unchecked(kernels);
        let result = match self.group {
            Some(samples) => self.compare(&mut check, &engine.clone().in_groups_of(samples)),
            None => self.compare(&mut check, engine),
        };
        check.failure = result.unwrap_or_else(|error| Some(error.to_string()));
        check
    }

    fn unchecked(&self, kernels: &'static str) -> SelftestCheck {
        SelftestCheck {
            kernels,
            kind: self.kind,
            name: self.name.clone(),
            spikes: 0,
            flips: 0,
            output: None,
            states: None,
            errors: None,
            gradients: None,
            failure: None,
        }
    }

    /// Compares `engine` with the reference engine. Returns what is wrong, if anything.
    fn compare(&self, check: &mut SelftestCheck, engine: &dyn Engine) -> Result<Option<String>, Error> {
        for seed in SEEDS {
            let drawn = self.case.draw(seed)?;
            let (expected, scales) = drawn.reference()?;
            let agreement = Agreement::of(&drawn.outcome(engine)?, &expected, &scales);
            check.spikes += agreement.spikes;
            check.flips += agreement.flips;
            if agreement.flips > 0 {
                if drawn.excuses(&agreement.first, &expected)? {
                    continue;
                }
                return Ok(Some(format!("{} spikes differ by more than rounding", agreement.flips)));
            }
            check.output = Some(agreement.output);
            check.states = Some(agreement.states);
            check.errors = (!self.case.stream).then_some(agreement.errors);
            check.gradients = (!self.case.stream).then_some(agreement.gradients);
            let bound = BOUND.max(drawn.growth(&expected, &scales)?);
            return Ok(fault(&agreement, bound));
        }
        Ok(Some("rounding decided over spikes whatever the seed, so that nothing else could be compared".to_owned()))
    }
}

fn fault(agreement: &Agreement, bound: f32) -> Option<String> {
    let Agreement { counts, output, states, errors, gradients, statistics, .. } = *agreement;
    if !counts {
        return Some("the numbers of spikes differ".to_owned());
    }
    let all = [
        ("the output", output),
        ("states", states),
        ("errors", errors),
        ("gradients", gradients),
        ("means and variances of groups", statistics),
    ];
    let wrong: Vec<String> =
        all.iter().filter(|(_, x)| *x > bound).map(|(what, x)| format!("{what} by {x:.0e}")).collect();
    (!wrong.is_empty()).then(|| format!("off by more than rounding: {}", wrong.join(", ")))
}

#[cfg(test)]
mod tests {
    use snn_core::reference::Reference;
    use snn_core::{Activity, Errors, Memory, Network, Plan, Record, Session, Trial, Weights};

    use super::*;

    /// The reference engine with all weights multiplied by a factor.
    #[derive(Debug)]
    struct Off(f32);

    struct OffSession(f32, Box<dyn Session>);

    impl Engine for Off {
        fn name(&self) -> &'static str {
            "off"
        }

        fn describe(&self) -> String {
            format!("off by {}", self.0)
        }

        fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
            Ok(Box::new(OffSession(self.0, Reference.compile(network, plan)?)))
        }
    }

    impl Session for OffSession {
        fn memory(&self) -> Memory {
            self.1.memory()
        }

        fn load(&mut self, weights: &Weights) -> Result<(), Error> {
            self.1.load(&weights.iter().map(|weight| weight.iter().map(|w| self.0 * w).collect()).collect())
        }

        fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
            self.1.forward(trial)
        }

        fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
            self.1.backward(errors, gradients)
        }

        fn record(&self, population: usize) -> Result<Record, Error> {
            self.1.record(population)
        }
    }

    fn failure(name: &str, factor: f32) -> Option<String> {
        let subjects = subjects(&Registry::new().with(snn_core::plugin).unwrap()).unwrap();
        let subject = subjects.iter().find(|subject| subject.name == name).unwrap();
        subject.compare(&mut subject.unchecked("plain"), &Off(factor)).unwrap()
    }

    #[test]
    fn what_computes_something_else_is_found_out() {
        assert_eq!(failure("If", 1.0), None);
        assert_eq!(failure("If", 1.0 + 1e-7), None);
        assert!(failure("If", 1.1).unwrap().contains("spikes differ by more than rounding"));
        assert_eq!(failure("Relu", 1.0), None);
        let failure = failure("Relu", 1.001).unwrap();
        assert_eq!(
            failure,
            "off by more than rounding: the output by 2e-3, states by 2e-3, errors by 1e-3, gradients by 1e-3"
        );
    }
}
