//! The built-in names that this crate registers.

mod neurons;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::encoder::{Delta, Direct, Frames, Input, Latency, Poisson, PopulationCode, Slices};
use crate::engine::Engine;
use crate::loss::{CountMse, CrossEntropy, Loss, MembraneMse, PerStep, SquaredError, VanRossum};
use crate::part::range;
use crate::reference::Reference;
use crate::registry::{Registry, RegistryError};
use crate::score::{Final, Max, Mean, Score, Sum};
use crate::surrogate::Surrogate;
use crate::surrogate::{
    Atan, Boxcar, FastSigmoid, Gate, Gaussian, PiecewiseExponential, Sigmoid, StraightThrough, Triangular,
};

/// Registers the neurons, surrogates, encoders, scores, losses and the reference engine of this crate.
///
/// # Errors
/// [`RegistryError`] if one of the names is already registered.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    neurons::add(registry)?;
    surrogates(registry)?;
    encoders(registry)?;
    scores(registry)?;
    losses(registry)?;
    registry.engines.add("reference", |_: &mut NoFields, _| Ok(Arc::new(Reference) as Arc<dyn Engine>))
}

/// The fields of the reference engine: none.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NoFields {}

fn surrogates(registry: &mut Registry) -> Result<(), RegistryError> {
    let surrogates = &mut registry.surrogates;
    macro_rules! add {
        ($($name:ident $($field:ident)?),*) => {$(
            surrogates.add(stringify!($name), |surrogate: &mut $name, _| {
                $(range::positive(stringify!($field), surrogate.$field)?;)?
                Ok(Surrogate::new(*surrogate))
            })?;
        )*};
    }
    add!(
        Atan alpha,
        FastSigmoid slope,
        Sigmoid alpha,
        Triangular width,
        Boxcar width,
        Gaussian sigma,
        PiecewiseExponential alpha,
        StraightThrough,
        Gate slope
    );
    Ok(())
}

/// Maximum number of receptive fields of a population code.
const MOST_FIELDS: usize = 1024;

/// Maximum period of a target spike train, in steps.
const LONGEST_PERIOD: usize = 1 << 20;

fn encoders(registry: &mut Registry) -> Result<(), RegistryError> {
    let encoders = &mut registry.encoders;
    encoders.add("Poisson", |poisson: &mut Poisson, _| {
        range::positive("scale", poisson.scale)?;
        Ok(Input::images(*poisson))
    })?;
    encoders.add("Direct", |direct: &mut Direct, _| {
        range::positive("scale", direct.scale)?;
        Ok(Input::images(*direct))
    })?;
    encoders.add("Latency", |latency: &mut Latency, _| {
        range::open_fraction("threshold", latency.threshold)?;
        range::positive("tau", latency.tau.unwrap_or(1.0))?;
        Ok(Input::images(*latency))
    })?;
    encoders.add("Delta", |delta: &mut Delta, _| {
        range::positive("threshold", delta.threshold)?;
        Ok(Input::images(*delta))
    })?;
    encoders.add("Population", |code: &mut PopulationCode, _| {
        range::require((2..=MOST_FIELDS).contains(&code.neurons), "neurons", "2 to 1024", &code.neurons)?;
        range::finite("low", code.low)?;
        let high = format!("above low, which is {}", code.low);
        range::require(code.high.is_finite() && code.high > code.low, "high", high, &code.high)?;
        range::positive("width", code.width.unwrap_or(1.0))?;
        Ok(Input::images(*code))
    })?;
    encoders.add("Frames", |frames: &mut Frames, _| {
        if let Slices::Window { micros } = frames.by {
            range::require(micros > 0, "by.micros", "at least 1", &micros)?;
        }
        Ok(Input::Recordings(*frames))
    })
}

fn scores(registry: &mut Registry) -> Result<(), RegistryError> {
    let scores = &mut registry.scores;
    scores.add("Final", |last: &mut Final, _| Ok(Arc::new(*last) as Arc<dyn Score>))?;
    scores.add("Mean", |mean: &mut Mean, _| Ok(Arc::new(*mean) as Arc<dyn Score>))?;
    scores.add("Sum", |sum: &mut Sum, _| Ok(Arc::new(*sum) as Arc<dyn Score>))?;
    scores.add("Max", |max: &mut Max, _| Ok(Arc::new(*max) as Arc<dyn Score>))
}

fn losses(registry: &mut Registry) -> Result<(), RegistryError> {
    let losses = &mut registry.losses;
    losses.add("SquaredError", |loss: &mut SquaredError, _| Ok(Arc::new(*loss) as Arc<dyn Loss>))?;
    losses.add("CrossEntropy", |loss: &mut CrossEntropy, _| {
        range::positive("scale", loss.scale)?;
        Ok(Arc::new(*loss) as Arc<dyn Loss>)
    })?;
    losses.add("PerStep", |loss: &mut PerStep, _| {
        range::require((0.0..=1.0).contains(&loss.lambda), "lambda", "at least 0 and at most 1", &loss.lambda)?;
        range::finite("target", loss.target)?;
        Ok(Arc::new(*loss) as Arc<dyn Loss>)
    })?;
    losses.add("CountMse", |loss: &mut CountMse, _| {
        for (path, rate) in [("correct", loss.correct), ("incorrect", loss.incorrect)] {
            let range = "at least 0 and at most 1, as a neuron spikes at most once a step";
            range::require((0.0..=1.0).contains(&rate), path, range, &rate)?;
        }
        Ok(Arc::new(*loss) as Arc<dyn Loss>)
    })?;
    losses.add("MembraneMse", |loss: &mut MembraneMse, _| {
        range::finite("correct", loss.correct)?;
        range::finite("incorrect", loss.incorrect)?;
        Ok(Arc::new(*loss) as Arc<dyn Loss>)
    })?;
    losses.add("VanRossum", |loss: &mut VanRossum, _| {
        range::positive("tau", loss.tau)?;
        range::count("period", loss.period, LONGEST_PERIOD)?;
        Ok(Arc::new(*loss) as Arc<dyn Loss>)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::{Part, PartError};

    /// Creates the component that `text` names in one of the catalogs. Returns its part with all fields filled in, or
    /// the error.
    fn make(text: &str) -> Result<String, PartError> {
        let registry = Registry::new().with(plugin).unwrap();
        let mut part = Part::parse(text).unwrap();
        if registry.neurons.names().any(|name| name == part.name) {
            registry.neurons.make(&mut part, &registry)?;
        } else if registry.encoders.names().any(|name| name == part.name) {
            registry.encoders.make(&mut part, &registry)?;
        } else {
            registry.losses.make(&mut part, &registry)?;
        }
        Ok(part.to_string())
    }

    #[test]
    fn every_name_can_be_made_without_fields_and_again_from_what_that_wrote() {
        let registry = Registry::new().with(plugin).unwrap();
        let names = registry.neurons.names().chain(registry.encoders.names()).chain(registry.losses.names());
        for name in names {
            let full = make(name).unwrap();
            assert_eq!(make(&full).unwrap(), full);
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (text, message) in [
            ("Lif(reset: Hard(to: 1.0))", "reset.to: must be less than the threshold of 1, found 1"),
            ("Plif(leak: 1.0)", "leak: must be greater than 0 and less than 1, found 1"),
            ("CubaLif(synapse_leak: 1.0)", "synapse_leak: must be at least 0 and less than 1, found 1"),
            ("Alif(adaptation: -0.5)", "adaptation: must be at least 0, found -0.5"),
            ("Qif(tau: 0.5)", "tau: must be at least 1, found 0.5"),
            ("Qif(rest: 0.9)", "rest: must be at most the critical potential of 0.8, found 0.9"),
            ("AdaptiveQif(critical: -0.2)", "rest: must be at most the critical potential of -0.2, found -0.1"),
            ("Eif(rest: 2.0)", "rest: must be at most the rheobase of 0.8, found 2"),
            (
                "Lif(leak: 1.0, decay_input: true)",
                "decay_input: must be false where the leak is 1, as the input is weighted with 1 - leak, found true",
            ),
            (
                "CubaIntegrator(leak: 1.0, decay_input: true)",
                "decay_input: must be false where the leak is 1, as the input is weighted with 1 - leak, found true",
            ),
            ("AdaptiveQif(tau_w: 0.0)", "tau_w: must be at least 1, found 0"),
            ("Eif(sharpness: 0.0)", "sharpness: must be greater than 0, found 0"),
            ("Izhikevich(c: 40.0)", "c: must be less than the threshold of 30, found 40"),
            ("Latency(threshold: 1.0)", "threshold: must be greater than 0 and less than 1, found 1"),
            ("Latency(tau: 0.0)", "tau: must be greater than 0, found 0"),
            ("Population(neurons: 1)", "neurons: must be 2 to 1024, found 1"),
            ("Population(low: 1.0)", "high: must be above low, which is 1, found 1"),
            (
                "CountMse(correct: 5.0)",
                "correct: must be at least 0 and at most 1, as a neuron spikes at most once a step, found 5",
            ),
            (
                "CountMse(incorrect: -0.1)",
                "incorrect: must be at least 0 and at most 1, as a neuron spikes at most once a step, found -0.1",
            ),
            ("PerStep(lambda: 1.5)", "lambda: must be at least 0 and at most 1, found 1.5"),
            ("VanRossum(period: 0)", "period: must be at least 1, found 0"),
        ] {
            assert_eq!(make(text).unwrap_err().to_string(), message);
        }
    }
}
