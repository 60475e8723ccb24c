//! Problems with how a network fires, and the settings that may cause them.

use snn_core::{Gradient, Network, Neuron, Source};
use snn_models::Experiment;
use snn_models::experiment::Start;

use super::unusual::unusual;
use super::vitals::{Fired, Rates};
use super::{SettingChange, share};
use crate::health::{is_saturated, is_silent};

/// Below this many spikes per neuron and trial, a population passes on almost nothing.
const FEW_SPIKES: f32 = 0.05;

/// Below this many spikes per neuron and time step, an input carries almost no information.
const FAINT_INPUT: f32 = 0.002;

/// The input counts as clipped if more than this fraction of its darker pixels fires at nearly every time step.
const CLIPPED: f32 = 0.5;

/// Above this fraction of neurons that fire at nearly every time step, a population counts as saturated.
const MOST_SATURATED: f32 = 0.25;

/// Below this leak (fraction of the membrane kept per time step), a neuron hardly integrates spikes.
const SHORT_LEAK: f32 = 0.8;

/// The leak of the paper's neurons.
const GOOD_LEAK: &str = "0.99";

/// The paper's thresholds: for neurons with weights, and for pools.
const GOOD_THRESHOLD: (f32, &str) = (1.0, "1.0");
const POOL_THRESHOLD: (f32, &str) = (0.75, "0.75");

/// Below this many time steps per population, spikes may not reach the end of the network.
const FEW_STEPS: usize = 2;

/// Numbers of time steps to try.
const STEPS: [usize; 3] = [10, 25, 50];

/// A problem with how a network fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FiringFault {
    FaintInput,
    ClippedInput,
    Silent(usize),
    Saturated(usize),
}

/// Whether a population fires too little. With spike-gated gradients, a population learns from its own spikes, so it
/// needs some. With a surrogate gradient, error also reaches neurons that do not fire, so few spikes are enough.
fn is_faint(neuron: &Neuron, fired: Fired) -> bool {
    let needs_spikes = matches!(neuron.gradient(), Gradient::SpikeGated { .. });
    is_silent(fired.rate) || fired.silent == 1.0 || needs_spikes && fired.spikes < FEW_SPIKES
}

fn is_full(fired: Fired) -> bool {
    is_saturated(fired.rate) || fired.saturated > MOST_SATURATED
}

/// Whether any source of the population at `index` passes on spikes or numbers.
fn hears(network: &Network, index: usize, rates: &Rates) -> bool {
    network.graph().connections(index).iter().any(|connection| match connection.source {
        Source::Input => rates.input.is_none_or(|rate| rate > 0.0),
        Source::Population(_) if connection.is_recurrent => false,
        Source::Population(source) => {
            let neuron = &network.populations()[source].neuron;
            !neuron.fires() || !is_faint(neuron, rates.populations[source])
        }
    })
}

impl FiringFault {
    /// The first problem from the input to the output, except for populations in `hopeless`. A population without
    /// active sources is not at fault.
    pub(super) fn first(network: &Network, rates: &Rates, hopeless: &[usize]) -> Option<Self> {
        let is_hopeless = |doubt: &Self| hopeless.contains(&doubt.index());
        let input = [
            rates.input.is_some_and(|rate| rate < FAINT_INPUT).then_some(Self::FaintInput),
            rates.clipped.is_some_and(|share| share > CLIPPED).then_some(Self::ClippedInput),
        ];
        let populations = network.populations().iter().zip(&rates.populations).enumerate();
        let of_population = populations.filter(|(_, (p, _))| p.neuron.fires()).filter_map(|(index, (p, fired))| {
            if is_faint(&p.neuron, *fired) {
                hears(network, index, rates).then_some(Self::Silent(index))
            } else {
                is_full(*fired).then_some(Self::Saturated(index))
            }
        });
        input.into_iter().flatten().chain(of_population).find(|doubt| !is_hopeless(doubt))
    }

    /// A unique number for each population and each input problem.
    pub(super) fn index(self) -> usize {
        match self {
            Self::FaintInput => usize::MAX,
            Self::ClippedInput => usize::MAX - 1,
            Self::Silent(index) | Self::Saturated(index) => index,
        }
    }

    pub(super) fn population(self, network: &Network) -> Option<String> {
        let population = network.populations().get(self.index())?;
        Some(population.name.clone())
    }

    /// Whether the problem persists in a network like `network`.
    pub(super) fn holds(self, network: &Network, rates: &Rates) -> bool {
        match self {
            Self::FaintInput => rates.input.is_some_and(|rate| rate < FAINT_INPUT),
            Self::ClippedInput => rates.clipped.is_some_and(|share| share > CLIPPED),
            Self::Silent(index) | Self::Saturated(index) => {
                let (neuron, fired) = (&network.populations()[index].neuron, rates.populations[index]);
                is_faint(neuron, fired) || is_full(fired)
            }
        }
    }

    /// Whether changing the setting at `path`, which turned `before` into `after`, can affect the problem.
    pub(super) fn is_touched_by(self, path: &str, before: &Network, after: &Network) -> bool {
        let (Some(before), Some(after)) =
            (before.populations().get(self.index()), after.populations().get(self.index()))
        else {
            return true;
        };
        // Constants belong to the neurons of some populations. All other settings affect all populations.
        let is_constant = path.ends_with("leak") || path.ends_with("threshold");
        !is_constant || format!("{:?}", before.neuron) != format!("{:?}", after.neuron)
    }

    /// Describes the problem. Names the value of the setting at `path` as its cause, if changing it fixes the problem.
    pub(super) fn problem(self, network: &Network, rates: &Rates, experiment: &Experiment, path: &str) -> String {
        let name = path.rsplit('.').next().unwrap_or_default();
        let values = experiment.values(name);
        let value = values.iter().find(|(other, _)| other == path).map_or("", |(_, value)| value.as_str());
        match self {
            Self::FaintInput | Self::ClippedInput => {
                let rate = rates.input.unwrap_or_default();
                let what = if self == Self::FaintInput {
                    format!("its neurons fire at {} of the steps, so that next to nothing is seen", share(rate))
                } else {
                    format!(
                        "{} of the pixels below half of the largest value fire at nearly every step, so that shades are lost",
                        share(rates.clipped.unwrap_or_default())
                    )
                };
                let with = if value.is_empty() { String::new() } else { format!(" by a {name} of {value}") };
                format!("the input is scaled wrong{with}: {what}")
            }
            Self::Silent(index) => {
                let population = &network.populations()[index];
                let Fired { spikes, silent, .. } = rates.populations[index];
                let is_branch = feeds_a_live_one(network, rates, index);
                let who = if is_branch {
                    format!("the branch through {} never gets through", population.name)
                } else {
                    population.name.clone()
                };
                let fires = if spikes == 0.0 {
                    "never fires".to_owned()
                } else {
                    format!(
                        "hardly fires ({spikes:.1e} spikes a neuron and image, {} of its neurons none)",
                        share(silent)
                    )
                };
                let who = if is_branch { format!("{who}: it {fires}") } else { format!("{who} {fires}") };
                let cause = match name {
                    "leak" => format!("its membranes forget too fast, as a leak of {value} keeps that share a step"),
                    "threshold" => format!("its threshold of {value} is too high"),
                    "scale" => format!("the input is scaled by {value}, so that next to nothing reaches it"),
                    "kappa" => format!("its weights are far too small, being drawn with a kappa of {value}"),
                    "steps" => format!("time steps are too few to get this deep into the network ({value})"),
                    "start" if population.inputs.iter().all(|input| input.weight.is_none()) => {
                        "too little reaches it, as the weights before it are too small".to_owned()
                    }
                    "start" => "its weights are too small for what reaches it".to_owned(),
                    "rate" | "" => "no setting was found that wakes it by itself".to_owned(),
                    _ => format!("{name} is {value}"),
                };
                let after = if is_branch {
                    "what it feeds hears its other inputs alone"
                } else {
                    "what it feeds learns nothing"
                };
                format!("{who}: {cause}; {after}")
            }
            Self::Saturated(index) => {
                let population = &network.populations()[index];
                let Fired { rate, .. } = rates.populations[index];
                let cause = match name {
                    "threshold" => format!("its threshold of {value} is too low"),
                    "start" => "its weights are too large for what reaches it".to_owned(),
                    _ => "no setting was found that calms it by itself".to_owned(),
                };
                format!("{} fires at {} of the steps, so its spikes say little: {cause}", population.name, share(rate))
            }
        }
    }

    /// Describes the measured effect of a change.
    pub(super) fn outcome(self, network: &Network, before: &Rates, after: &Rates) -> String {
        let words = |name: &str, before: f32, after: f32| {
            format!("tried: the firing rate of {name} goes from {} to {}", share(before), share(after))
        };
        match self {
            Self::FaintInput => words("the input", before.input.unwrap_or_default(), after.input.unwrap_or_default()),
            Self::ClippedInput => format!(
                "tried: the share of such pixels goes from {} to {}",
                share(before.clipped.unwrap_or_default()),
                share(after.clipped.unwrap_or_default())
            ),
            Self::Silent(index) | Self::Saturated(index) => {
                words(&network.populations()[index].name, before.populations[index].rate, after.populations[index].rate)
            }
        }
    }

    /// The advice if no change helps. A trained network that fell silent does not recover by more training, since no
    /// error reaches it. It must be trained from new initial weights.
    pub(super) fn last_resort(self, is_trained: bool, experiment: &Experiment) -> Option<SettingChange> {
        let helps =
            is_trained && experiment.start == Start::Drawn && matches!(self, Self::Silent(_) | Self::Saturated(_));
        let value = "Calibrated()";
        helps.then(|| SettingChange {
            path: "start".to_owned(),
            value: value.to_owned(),
            ron: format!("start: {value}"),
        })
    }
}

/// Whether a population feeds another that fires and has further sources, so is not needed for it to fire.
fn feeds_a_live_one(network: &Network, rates: &Rates, index: usize) -> bool {
    let readers = network.graph().readers(index).iter().map(|reader| reader.population);
    let mut others = readers.filter(|other| *other != index);
    others.any(|other| {
        let connections = network.graph().connections(other).iter();
        let has_more = connections.filter(|connection| connection.source != Source::Population(index)).count() > 0;
        let neuron = &network.populations()[other].neuron;
        has_more && neuron.fires() && !is_faint(neuron, rates.populations[other])
    })
}

/// Path and value of the changes that may fix the problem, most likely first.
pub(super) fn candidates(
    doubt: FiringFault,
    network: &Network,
    experiment: &Experiment,
    is_trained: bool,
) -> Vec<(String, String)> {
    let setting = |path: &str, value: &str| (path.to_owned(), value.to_owned());
    let number = |value: &str| value.parse::<f32>().ok();
    let constants = |name: &str, change: &dyn Fn(f32) -> Option<&'static str>| {
        let values = experiment.values(name).into_iter();
        let found = values.filter_map(|(path, value)| Some((path, change(number(&value)?)?.to_owned())));
        found.filter(|(path, _)| path.starts_with("network")).collect::<Vec<_>>()
    };
    let calibrated = (experiment.start == Start::Drawn && !is_trained).then(|| setting("start", "Calibrated()"));
    match doubt {
        FiringFault::FaintInput | FiringFault::ClippedInput => {
            let scales = experiment.values("scale").into_iter().filter(|(path, _)| path == "input.scale");
            let is_off = |value: f32| if doubt == FiringFault::FaintInput { value < 1.0 } else { value > 1.0 };
            scales
                .filter(|(_, value)| number(value).is_some_and(is_off))
                .map(|(path, _)| (path, "1.0".to_owned()))
                .collect()
        }
        FiringFault::Silent(index) => {
            let unusual = |path: &str| {
                let found = unusual(experiment).into_iter().filter(|found| found.path == path && !found.is_large);
                found.map(|found| (found.path, found.value.to_owned())).collect::<Vec<_>>()
            };
            let mut all = unusual("input.scale");
            all.extend(constants("leak", &|leak| (leak < SHORT_LEAK).then_some(GOOD_LEAK)));
            let has_weights = network.populations()[index].inputs.iter().any(|input| input.weight.is_some());
            let (good, text) = if has_weights { GOOD_THRESHOLD } else { POOL_THRESHOLD };
            all.extend(constants("threshold", &|threshold| (threshold > good).then_some(text)));
            let is_short = experiment.steps < FEW_STEPS * network.populations().len();
            let steps = STEPS.into_iter().filter(|&more| is_short && more > experiment.steps);
            all.extend(steps.map(|steps| setting("steps", &steps.to_string())));
            all.extend(calibrated);
            all.extend(unusual("network.kappa"));
            all
        }
        FiringFault::Saturated(_) => {
            let mut all = constants("threshold", &|threshold| (threshold < 0.5).then_some("1.0"));
            all.extend(calibrated);
            all
        }
    }
}
