//! Detection of settings whose values are far from usual.

use snn_models::Experiment;

/// A setting to check: the end of its path, its usual range, and a value that works for most networks.
struct Usual {
    path: &'static str,
    range: std::ops::RangeInclusive<f64>,
    value: &'static str,
}

const fn usual(path: &'static str, low: f64, high: f64, value: &'static str) -> Usual {
    Usual { path, range: low..=high, value }
}

/// The usual ranges. They are wide on purpose: a value outside is tested, and reported only if changing it measurably
/// helps.
const USUAL: [Usual; 10] = [
    usual("training.optimizer.weight_decay", 0.0, 0.5, "0.0005"),
    usual("training.optimizer.epsilon", 0.0, 1e-3, "1e-8"),
    usual("training.clip", 1e-3, f64::INFINITY, "1.0"),
    usual("rates.weight", 0.0, 1e3, "1.0"),
    usual("gradient.alpha", 0.05, 50.0, "2.0"),
    usual("gradient.slope", 0.05, 200.0, "25.0"),
    usual("input.scale", 0.05, 20.0, "1.0"),
    usual("network.kappa", 0.02, 50.0, "2.0"),
    usual("neuron.threshold", 0.02, 50.0, "1.0"),
    usual("pool.threshold", 0.02, 50.0, "0.75"),
];

/// A setting with an unusual value.
pub(super) struct Unusual {
    pub(super) path: String,
    /// Its value, in RON.
    pub(super) found: String,
    /// Whether the value is above the usual range; otherwise it is below.
    pub(super) is_large: bool,
    /// A usual value, in RON.
    pub(super) value: &'static str,
}

/// The settings of an experiment that are far from usual.
pub(super) fn unusual(experiment: &Experiment) -> Vec<Unusual> {
    let of = |usual: &'static Usual| {
        let name = usual.path.rsplit('.').next().unwrap_or_default();
        experiment.values(name).into_iter().filter_map(move |(path, found)| {
            let number = found.trim_start_matches("Some(").trim_end_matches(')').parse::<f64>().ok()?;
            let is_meant = path.ends_with(usual.path) && !usual.range.contains(&number);
            let is_large = number > *usual.range.end();
            is_meant.then_some(Unusual { path, found, is_large, value: usual.value })
        })
    };
    USUAL.iter().flat_map(of).collect()
}
