//! Ranges of an experiment's values.

use snn_core::{Encoder, Neuron, Shape};

use crate::{
    Experiment, ExperimentError,
    experiment::{Augmentation, Data, Layer, NetworkSpec, Optimizer, Schedule, Training},
};

/// Most time steps of a trial, images of a batch, channels and features.
const LARGE: usize = 65_536;
/// Largest kernels, strides, paddings and pools.
const WINDOW: usize = 1024;

impl Data {
    /// Shape of one image.
    pub fn input(&self) -> Shape {
        match self {
            Self::Mnist => Shape::new(1, 28, 28),
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        match self {
            Self::Mnist => 10,
        }
    }

    /// Images of the training set, those held out for validation among them.
    pub fn training_images(&self) -> usize {
        match self {
            Self::Mnist => 60_000,
        }
    }

    /// The name of the data set, as the RON file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mnist => "Mnist",
        }
    }
}

impl Experiment {
    /// Checks that every value is in its range and that the network can be built and fits the data.
    ///
    /// # Errors
    /// [`ExperimentError::Range`] or [`ExperimentError::Network`], with the path of the first value at fault.
    pub fn check(&self) -> Result<(), ExperimentError> {
        let Encoder::Poisson { scale } = self.input;
        positive("input.scale", scale)?;
        count("steps", self.steps, LARGE)?;
        check_network(&self.network, self.data.classes(), self.data.name())?;
        check_training(&self.training, &self.data)?;
        self.network().map(drop)
    }
}

fn check_network(network: &NetworkSpec, n_classes: usize, data: &str) -> Result<(), ExperimentError> {
    let NetworkSpec::Sequence { neuron, pool, dropout, kappa, layers } = network;
    check_neuron("network.neuron", neuron)?;
    check_neuron("network.pool", pool)?;
    fraction("network.dropout", *dropout)?;
    positive("network.kappa", *kappa)?;
    for (index, layer) in layers.iter().enumerate() {
        let path = |field: &str| format!("network.layers[{index}].{field}");
        match layer {
            Layer::Conv { channels, kernel, stride, padding, neuron } => {
                count(&path("channels"), *channels, LARGE)?;
                count(&path("kernel"), *kernel, WINDOW)?;
                count(&path("stride"), *stride, WINDOW)?;
                require(*padding <= WINDOW, &path("padding"), format!("at most {WINDOW}"), padding)?;
                neuron.as_ref().map_or(Ok(()), |neuron| check_neuron(&path("neuron"), neuron))?;
            }
            Layer::AvgPool { size } => count(&path("size"), *size, WINDOW)?,
            Layer::Linear { features, neuron } => {
                count(&path("features"), *features, LARGE)?;
                neuron.as_ref().map_or(Ok(()), |neuron| check_neuron(&path("neuron"), neuron))?;
            }
            Layer::Readout { classes, leak } => {
                let expected = format!("{n_classes}, the number of classes of {data}");
                require(*classes == n_classes, &path("classes"), expected, classes)?;
                check_leak(&path("leak"), *leak)?;
            }
        }
        let is_last = index + 1 == layers.len();
        if matches!(layer, Layer::Readout { .. }) != is_last {
            let reason =
                if is_last { "the last layer must be a Readout" } else { "only the last layer can be a Readout" };
            return Err(ExperimentError::Network {
                path: format!("network.layers[{index}]"),
                reason: reason.to_owned(),
            });
        }
    }
    require(!layers.is_empty(), "network.layers", "a list that ends in a Readout", &"no layer")
}

fn check_neuron(path: &str, neuron: &Neuron) -> Result<(), ExperimentError> {
    require(neuron.fires(), path, "a neuron that fires, as all layers but the Readout need", &neuron.name())?;
    check_leak(&format!("{path}.leak"), neuron.leak())?;
    positive(&format!("{path}.threshold"), neuron.threshold())
}

fn check_leak(path: &str, leak: f32) -> Result<(), ExperimentError> {
    require(leak > 0.0 && leak <= 1.0, path, "greater than 0 and at most 1", &leak)
}

fn check_training(training: &Training, data: &Data) -> Result<(), ExperimentError> {
    count("training.epochs", training.epochs, 1_000_000)?;
    count("training.batch", training.batch, LARGE)?;
    check_optimizer(&training.optimizer)?;
    match &training.schedule {
        Schedule::Constant => {}
        Schedule::Steps { factor, .. } => positive("training.schedule.factor", *factor)?,
        Schedule::Cosine { floor, warmup } => {
            require((0.0..=1.0).contains(floor), "training.schedule.floor", "at least 0 and at most 1", floor)?;
            not_negative("training.schedule.warmup", *warmup)?;
        }
    }
    if let Some(clip) = training.clip {
        positive("training.clip", clip)?;
    }
    if let Augmentation::Shift { pixels } = training.augmentation {
        let largest = data.input().height.min(data.input().width) - 1;
        count("training.augmentation.pixels", pixels, largest)?;
    }
    if let Some(limit) = training.limit {
        count("training.limit", limit, data.training_images())?;
    }
    let images = training.limit.unwrap_or(data.training_images());
    let range = format!("less than the {images} training images of {}", data.name());
    require(training.validation < images, "training.validation", range, &training.validation)
}

fn check_optimizer(optimizer: &Optimizer) -> Result<(), ExperimentError> {
    let path = |field: &str| format!("training.optimizer.{field}");
    match *optimizer {
        Optimizer::Sgd { rate, momentum, weight_decay } => {
            positive(&path("rate"), rate)?;
            fraction(&path("momentum"), momentum)?;
            not_negative(&path("weight_decay"), weight_decay)
        }
        Optimizer::Adam { rate, betas, epsilon, weight_decay }
        | Optimizer::AdamW { rate, betas, epsilon, weight_decay } => {
            positive(&path("rate"), rate)?;
            fraction(&path("betas[0]"), betas.0)?;
            fraction(&path("betas[1]"), betas.1)?;
            positive(&path("epsilon"), epsilon)?;
            not_negative(&path("weight_decay"), weight_decay)
        }
    }
}

fn count(path: &str, found: usize, most: usize) -> Result<(), ExperimentError> {
    require(found > 0, path, "at least 1", &found)?;
    require(found <= most, path, format!("at most {most}"), &found)
}

fn positive(path: &str, found: f32) -> Result<(), ExperimentError> {
    require(found > 0.0 && found.is_finite(), path, "greater than 0", &found)
}

fn not_negative(path: &str, found: f32) -> Result<(), ExperimentError> {
    require(found >= 0.0 && found.is_finite(), path, "at least 0", &found)
}

fn fraction(path: &str, found: f32) -> Result<(), ExperimentError> {
    require((0.0..1.0).contains(&found), path, "at least 0 and less than 1", &found)
}

fn require(holds: bool, path: &str, range: impl Into<String>, found: &impl ToString) -> Result<(), ExperimentError> {
    if holds { Ok(()) } else { Err(ExperimentError::range(path, range, found)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    #[test]
    fn every_range_is_checked() {
        let wrong = [
            ("input.scale", "0"),
            ("input.scale", "inf"),
            ("steps", "0"),
            ("steps", "100000000000"),
            ("network.neuron.threshold", "-1"),
            ("network.neuron.leak", "NaN"),
            ("network.pool.threshold", "0"),
            ("network.pool", "Readout()"),
            ("network.dropout", "1"),
            ("network.kappa", "0"),
            ("network.layers", "[]"),
            ("network.layers", "[Linear(features: 10)]"),
            ("network.layers[0]", "Readout(classes: 10)"),
            ("network.layers[0].channels", "0"),
            ("network.layers[0].kernel", "1000000"),
            ("network.layers[0].padding", "99999"),
            ("network.layers[5].classes", "9"),
            ("training.epochs", "0"),
            ("training.optimizer.rate", "0"),
            ("training.optimizer.momentum", "1"),
            ("training.optimizer.weight_decay", "-1"),
            ("training.optimizer", "Adam(rate: 0.1, betas: (1.0, 0.9))"),
            ("training.schedule", "Steps(at: [], factor: 0)"),
            ("training.schedule", "Cosine(floor: 2)"),
            ("training.clip", "0"),
            ("training.augmentation", "Shift(pixels: 28)"),
            ("training.validation", "60000"),
        ];
        let errors = wrong.map(|setting| {
            let error = Experiment::from_ron(presets::all()[0].text, "", &[setting]).unwrap_err().to_string();
            error.lines().next().unwrap_or_default().to_owned()
        });
        insta::assert_snapshot!(errors.join("\n"), @"
        input.scale must be greater than 0, found 0
        input.scale must be greater than 0, found inf
        steps must be at least 1, found 0
        steps must be at most 65536, found 100000000000
        network.neuron.threshold must be greater than 0, found -1
        network.neuron.leak must be greater than 0 and at most 1, found NaN
        network.pool.threshold must be greater than 0, found 0
        network.pool must be a neuron that fires, as all layers but the Readout need, found Readout
        network.dropout must be at least 0 and less than 1, found 1
        network.kappa must be greater than 0, found 0
        network.layers must be a list that ends in a Readout, found no layer
        network.layers[0]: the last layer must be a Readout
        network.layers[0]: only the last layer can be a Readout
        network.layers[0].channels must be at least 1, found 0
        network.layers[0].kernel must be at most 1024, found 1000000
        network.layers[0].padding must be at most 1024, found 99999
        network.layers[5].classes must be 10, the number of classes of Mnist, found 9
        training.epochs must be at least 1, found 0
        training.optimizer.rate must be greater than 0, found 0
        training.optimizer.momentum must be at least 0 and less than 1, found 1
        training.optimizer.weight_decay must be at least 0, found -1
        training.optimizer.betas[0] must be at least 0 and less than 1, found 1
        training.schedule.factor must be greater than 0, found 0
        training.schedule.floor must be at least 0 and at most 1, found 2
        training.clip must be greater than 0, found 0
        training.augmentation.pixels must be at most 27, found 28
        training.validation must be less than the 60000 training images of Mnist, found 60000
        ");
    }
}
