//! Range checks of values that are not parts, and checks that parts fit together.

use snn_core::part::{PartError, range};
use snn_core::{Augmentation, DataSource, Input, Limit, Loss, Network, Optimizer, RatePenalty};

use crate::Experiment;
use crate::experiment::{Schedule, Start};

/// Maximum number of time steps of a trial, images of a batch, channels and features.
pub(crate) const LARGE: usize = 65_536;

impl Experiment {
    /// Checks the values that are not parts. Some limits depend on the data set.
    pub(crate) fn check(&self, data: &dyn DataSource) -> Result<(), PartError> {
        range::count("steps", self.steps, LARGE)?;
        if let Some(RatePenalty { target, weight, epochs }) = self.rates {
            let range = "at least 0 and at most 1";
            range::require((0.0..=1.0).contains(&target), "rates.target", range, &target)?;
            range::positive("rates.weight", weight)?;
            range::require(epochs != Some(0), "rates.epochs", "at least 1", &epochs.unwrap_or(1))?;
        }
        if let Start::From { checkpoint } = &self.start {
            range::require(!checkpoint.is_empty(), "start.checkpoint", "a file, a run folder or zoo:NAME", &"nothing")?;
        }
        if let Start::Calibrated { first, last, images } = self.start {
            let range = "greater than 0 and less than 1";
            for (name, rate) in [("start.first", first), ("start.last", last)] {
                let rate = rate.unwrap_or(0.5);
                range::require(rate > 0.0 && rate < 1.0, name, range, &rate)?;
            }
            range::count("start.images", images, LARGE)?;
        }
        self.check_training(data).map_err(|error| error.within("training"))
    }

    /// Checks that the trial is long enough for the encoder, and that the output suits the loss, such as spikes for a
    /// loss that counts spikes.
    pub(crate) fn check_together(&self, input: &Input, network: &Network, loss: &dyn Loss) -> Result<(), PartError> {
        input.check(self.steps).map_err(|error| error.within("input"))?;
        if let Some(group) = network.norm_group() {
            let range = format!("a multiple of {group}, as currents are normalised over groups of {group} samples");
            range::require(self.training.batch.is_multiple_of(group), "training.batch", range, &self.training.batch)?;
            if matches!(self.start, Start::Calibrated { .. }) {
                let reason =
                    "a network that normalises its currents needs no calibration, which they would undo; leave it out";
                return Err(PartError::other("start", reason.to_owned()));
            }
        }
        let name = &self.loss.name;
        match network.populations().last() {
            Some(last) if loss.reads_spikes() && !last.neuron.fires() => Err(PartError::other(
                "loss",
                format!(
                    "{name} counts spikes, but the neuron {} of the last layer never fires; give the Readout a neuron \
                     that fires, such as neuron: Lif, or take MembraneMse or CrossEntropy",
                    last.neuron.name()
                ),
            )),
            _ => Ok(()),
        }
    }

    fn check_training(&self, data: &dyn DataSource) -> Result<(), PartError> {
        let training = &self.training;
        range::count("epochs", training.epochs, 1_000_000)?;
        range::count("batch", training.batch, LARGE)?;
        if let Some(chunk) = training.chunk {
            range::count("chunk", chunk, LARGE)?;
        }
        check_optimizer(&training.optimizer).map_err(|error| error.within("optimizer"))?;
        match &training.schedule {
            Schedule::Constant => {}
            Schedule::Steps { at, factor } => {
                range::positive("schedule.factor", *factor)?;
                let found = format!("{at:?}");
                range::require(at.is_sorted_by(|a, b| a < b), "schedule.at", "epochs in rising order", &found)?;
            }
            Schedule::Cosine { floor, warmup } => {
                let range = "at least 0 and at most 1";
                range::require((0.0..=1.0).contains(floor), "schedule.floor", range, floor)?;
                range::not_negative("schedule.warmup", *warmup)?;
                let range = format!("less than the {} epochs of the run", training.epochs);
                range::require(f64::from(*warmup) < training.epochs as f64, "schedule.warmup", range, warmup)?;
            }
            Schedule::OneCycle { rise, start, end, anneal: _ } => {
                range::require(*rise > 0.0 && *rise < 1.0, "schedule.rise", "greater than 0 and less than 1", rise)?;
                for (name, factor) in [("schedule.start", start), ("schedule.end", end)] {
                    range::require((0.0..=1.0).contains(factor), name, "at least 0 and at most 1", factor)?;
                }
            }
        }
        if let Some(average) = training.average {
            range::require(average > 0.0 && average < 1.0, "average", "greater than 0 and less than 1", &average)?;
        }
        let range = format!("less than the {} epochs of the run", training.epochs);
        range::require(training.dropout_from < training.epochs.max(1), "dropout_from", range, &training.dropout_from)?;
        if let Some(clip) = training.clip {
            range::positive("clip", clip)?;
        }
        if let Augmentation::Shift { pixels, .. } = training.augmentation {
            let largest = data.shape().height.min(data.shape().width) - 1;
            range::require(pixels <= largest, "augmentation.pixels", format!("at most {largest}"), &pixels)?;
        }
        if let Some(limit) = training.limit {
            range::count("limit", limit.count(), data.training_images())?;
        }
        let images = training.limit.map_or(data.training_images(), Limit::count);
        let range = format!("less than the {images} training images of {}", self.data.name);
        range::require(training.validation.count() < images, "validation", range, &training.validation)
    }
}

fn check_optimizer(optimizer: &Optimizer) -> Result<(), PartError> {
    match *optimizer {
        Optimizer::Sgd { lr, momentum, weight_decay, nesterov } => {
            range::positive("lr", lr)?;
            range::fraction("momentum", momentum)?;
            range::require(!nesterov || momentum > 0.0, "nesterov", "false without momentum", &nesterov)?;
            range::not_negative("weight_decay", weight_decay)
        }
        Optimizer::Adam { lr, betas, epsilon, weight_decay }
        | Optimizer::AdamW { lr, betas, epsilon, weight_decay } => {
            range::positive("lr", lr)?;
            range::fraction("betas[0]", betas.0)?;
            range::fraction("betas[1]", betas.1)?;
            range::positive("epsilon", epsilon)?;
            range::not_negative("weight_decay", weight_decay)
        }
    }
}
