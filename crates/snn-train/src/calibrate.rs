//! Calibration of initial weights so that every population fires. Weights are scaled population by population, on real
//! training images, until firing rates meet their targets. A population that is silent at the start passes no error to
//! earlier populations, and stays silent.
//!
//! The idea is that of LSUV (Mishkin and Matas, "All you need is a good init", ICLR 2016), with firing rates in place
//! of variances. Rossbroich et al., "Fluctuation-driven initialization for spiking neural network training",
//! Neuromorph. Comput. Eng. 2:044016, 2022, motivate such targets.

use serde::{Deserialize, Serialize};
use snn_core::{Draws, Dropout, Engine, Network, Population, Session, Trial, Weights};
use snn_data::{Dataset, Loader};
use snn_models::experiment::Start;
use snn_models::{Built, Experiment};

use crate::{EncodedBatch, Event, Observer, TrainError};

/// Exponent grid: scales are `2^(k * GRID)` for integer `k`. This is fine enough to set a rate, and coarse enough that
/// all engines choose the same scale.
const GRID: f64 = 0.125;

/// Largest exponent: weights are scaled by at most 2 to this power, up or down.
const FARTHEST: i32 = 10;

/// Doubling the weights must multiply the rate by at least this. Otherwise something else limits the rate.
const DIFFERENCE: f32 = 1.5;

/// Result of the calibration of one population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibrated {
    /// Name of the population.
    pub population: String,
    /// Firing rate (spikes per neuron and time step) with the drawn weights, after earlier populations were calibrated.
    pub before: f32,
    /// Target firing rate; `None` for a population without weights.
    pub target: Option<f32>,
    /// Firing rate with the scaled weights.
    pub after: f32,
    /// Factor applied to its weights.
    pub scale: f32,
}

/// Scales `weights` so that each population that fires and has weights meets the target of the experiment's [`Start`],
/// on the first batches of the first training epoch on `train`. For some populations, weights do not determine the
/// rate: few of their neurons see any input, or other currents reach them too. Their weights are scaled only as long as
/// this changes the rate.
///
/// Returns one row per population that fires, and no rows if the experiment asks for no calibration. The observer is
/// notified after each batch of images; if it stops the calibration, the result is `None` and `weights` are unchanged.
///
/// # Errors
/// [`TrainError::Setup`] if a population does not fire at any scale, or none ever does; [`TrainError::Core`].
pub fn calibrate(
    engine: &dyn Engine,
    built: &Built,
    train: &Dataset,
    weights: &mut Weights,
    observer: &mut dyn Observer,
) -> Result<Option<Vec<Calibrated>>, TrainError> {
    let Start::Calibrated { images, .. } = built.experiment.start else { return Ok(Some(Vec::new())) };
    let training = &built.experiment.training;
    let [learned, _] = training.validation.split(train.labels());
    let batch = training.batch.min(learned.len()).max(1);
    let loader = Loader::shuffled(train, learned, batch, training.seed, training.augmentation);
    let batches = images.div_ceil(batch).min(loader.batches());
    let mut probe = Probe { engine, built, loader, batches, weights: weights.clone() };
    if batches == 0 {
        return Err(TrainError::setup("calibration", "there are no training images to show".to_owned()));
    }
    if built.network.norm_group().is_some() {
        let reason = "a network that normalises its currents needs no calibration, which they would undo";
        return Err(TrainError::setup("calibration", reason.to_owned()));
    }
    let populations = built.network.populations();
    let depths = populations.iter().filter(|population| is_calibrated(population)).count();
    if depths == 0 {
        let reason = "no population with weights fires, so there is nothing to calibrate; leave start out";
        return Err(TrainError::setup("start", reason.to_owned()));
    }
    let mut rows: Vec<Calibrated> = Vec::new();
    let mut depth = 0;
    for (index, population) in populations.iter().enumerate().filter(|(_, population)| population.neuron.fires()) {
        let target =
            built.experiment.start.target(built.experiment.steps, depth, depths).filter(|_| is_calibrated(population));
        let mut go_on =
            || observer.on_event(&Event::Calibrating { done: index, populations: populations.len() }).is_continue();
        let Some(row) = probe.settle(index, population, target, &mut go_on)? else { return Ok(None) };
        if target.is_some() && row.after == 0.0 {
            let before = rows.last().map_or_else(String::new, |row| {
                format!(", where {} fires at a rate of {:.1e}", row.population, row.after)
            });
            let reason = format!(
                "it fires on none of the images, whatever its weights, as next to nothing reaches it; look at the input \
                 and at the populations before it{before}"
            );
            return Err(TrainError::setup(&format!("calibration of {}", population.name), reason));
        }
        rows.push(row);
        depth += usize::from(target.is_some());
    }
    *weights = probe.weights;
    Ok(Some(rows))
}

/// Whether a population fires, and has weights that can be scaled.
fn is_calibrated(population: &Population) -> bool {
    population.neuron.fires() && population.inputs.iter().any(|projection| projection.weight.is_some())
}

/// A network, its weights and the calibration images.
struct Probe<'a> {
    engine: &'a dyn Engine,
    built: &'a Built,
    loader: Loader<'a>,
    batches: usize,
    weights: Weights,
}

impl Probe<'_> {
    /// Scales the weights of the population at `index` so that its rate meets `target`. Returns `None` if `go_on`,
    /// which is called for each batch, returns false.
    fn settle(
        &mut self,
        index: usize,
        population: &Population,
        target: Option<f32>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Calibrated>, TrainError> {
        let network = self.built.network.up_to(index, &population.neuron)?;
        let mut session = self.engine.compile(
            &network,
            self.built.input.plan(self.built.experiment.steps, self.built.experiment.training.batch),
        )?;
        let own: Vec<usize> = population.inputs.iter().filter_map(|projection| projection.weight).collect();
        let drawn: Vec<Vec<f32>> = own.iter().map(|&weight| self.weights[weight].clone()).collect();
        let scale_to = |weights: &mut Weights, power: i32| {
            for (&weight, drawn) in own.iter().zip(&drawn) {
                weights[weight] = drawn.iter().map(|w| scale(power) * w).collect();
            }
        };
        let mut rate = |power: i32| {
            scale_to(&mut self.weights, power);
            self.rate(&network, session.as_mut(), go_on)
        };
        let Some(before) = rate(0)? else { return Ok(None) };
        let found = match target {
            Some(target) => nearest(target, before, &mut rate)?,
            None => Some((0, before)),
        };
        let Some((power, after)) = found else { return Ok(None) };
        scale_to(&mut self.weights, power);
        Ok(Some(Calibrated { population: population.name.clone(), before, target, after, scale: scale(power) }))
    }

    /// Firing rate (spikes per neuron and time step) of the last population of `network`; `None` if `go_on` returns
    /// false.
    fn rate(
        &mut self,
        network: &Network,
        session: &mut dyn Session,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<f32>, TrainError> {
        let Experiment { steps, ref training, .. } = self.built.experiment;
        session.load(&self.weights[..network.tensors().len()].to_vec())?;
        let (mut spikes, mut samples) = (0, 0);
        for index in 0..self.batches {
            let Some(batch) = self.loader.batch(0, index) else { break };
            let draws = Draws { seed: training.seed, epoch: 0, samples: &batch.samples };
            let shown = EncodedBatch::new(self.built, steps, batch);
            let activity = session.forward(&Trial { stimulus: shown.stimulus(draws), dropout: Dropout::Off })?;
            spikes += activity.spikes.last().copied().unwrap_or(0);
            samples += batch.samples.len();
            if !go_on() {
                return Ok(None);
            }
        }
        Ok(Some((spikes as f64 / (network.classes() * steps * samples).max(1) as f64) as f32))
    }
}

/// The scale `2^(power * GRID)`.
fn scale(power: i32) -> f32 {
    (f64::from(power) * GRID).exp2() as f32
}

/// Finds the power whose rate is nearest to `target`, and returns it with that rate. `before` is the rate at power 0.
/// The rate must grow with the power.
///
/// Stops where the weights no longer determine the rate. Downwards: the power is 0 if another current alone makes the
/// neurons fire more often than the target. Upwards: at the power from which doubling the weights makes little
/// difference, for example because few neurons see any input. Returns `None` if `rate` does.
fn nearest(
    target: f32,
    before: f32,
    rate: &mut dyn FnMut(i32) -> Result<Option<f32>, TrainError>,
) -> Result<Option<(i32, f32)>, TrainError> {
    let octave = (1.0 / GRID) as i32;
    let farthest = FARTHEST * octave;
    // Two powers whose rates bracket the target.
    let (mut low, mut high) = ((0, before), (0, before));
    if before >= target {
        match rate(-farthest)? {
            None => return Ok(None),
            Some(least) if least >= target => return Ok(Some((0, before))),
            Some(_) => {}
        }
    }
    while low.1 >= target && low.0 > -farthest {
        let Some(found) = rate(low.0 - octave)? else { return Ok(None) };
        (low, high) = ((low.0 - octave, found), low);
    }
    while high.1 < target && high.0 < farthest {
        let Some(found) = rate(high.0 + octave)? else { return Ok(None) };
        if high.1 > 0.0 && found < DIFFERENCE * high.1 {
            return Ok(Some(high));
        }
        (low, high) = (high, (high.0 + octave, found));
    }
    while high.0 - low.0 > 1 {
        let middle = low.0 + (high.0 - low.0) / 2;
        let Some(found) = rate(middle)? else { return Ok(None) };
        if found < target { low = (middle, found) } else { high = (middle, found) }
    }
    let distance = |rate: f32| (rate / target).ln().abs();
    Ok(Some(if distance(low.1) < distance(high.1) { low } else { high }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_power_is_found_from_either_side() {
        // A rate that doubles with each doubling of the weights, up to 1.
        for (before, target) in [(7.0, 0.1), (0.1, 0.1), (0.001, 0.1), (0.9, 0.02), (0.1, 0.104), (0.0004, 0.3)] {
            let mut tried = 0;
            let mut rate = |power: i32| {
                tried += 1;
                Ok(Some((before * scale(power)).min(1.0)))
            };
            let (power, found) = nearest(target, f32::min(before, 1.0), &mut rate).unwrap().unwrap();
            assert!((found / target).log2().abs() <= 0.5 * GRID as f32 + 1e-5, "{target}: {found} at {power}");
            assert!(tried < 16, "{tried}");
        }
    }

    #[test]
    fn what_cannot_be_met_is_left_where_weights_stop_to_matter() {
        assert_eq!(nearest(0.1, 0.0, &mut |_| Ok(Some(0.0))).unwrap().unwrap().1, 0.0, "nothing arrives");
        assert_eq!(nearest(0.1, 0.5, &mut |_| Ok(Some(0.5))).unwrap(), Some((0, 0.5)), "another current");
        let few = |power: i32| Ok(Some(f32::min(0.01 * scale(power), 0.05)));
        assert_eq!(nearest(0.1, 0.01, &mut { few }).unwrap(), Some((16, 0.04)), "few neurons see any input");
    }
}
