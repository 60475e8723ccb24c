//! Presets: the experiments that are shipped with the program.

use crate::{Diagnosis, ExperimentError, diagnosis::did_you_mean};

/// A shipped experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preset {
    /// Name of the preset.
    pub name: &'static str,
    /// Display name of its data set. Presets of one data set are adjacent in the list.
    pub data: &'static str,
    /// One-line description.
    pub summary: &'static str,
    /// Its RON text, with comments.
    pub text: &'static str,
}

impl Preset {
    /// Name of the file that holds its text.
    pub fn file_name(&self) -> String {
        format!("{}.ron", self.name)
    }
}

/// Creates a preset whose text is the file of the same name.
macro_rules! preset {
    ($name:literal, $data:literal, $summary:literal) => {
        Preset { name: $name, data: $data, summary: $summary, text: include_str!(concat!("../models/", $name, ".ron")) }
    };
}

const PRESETS: &[Preset] = &[
    preset!("mnist-lenet", "MNIST", "LeNet on handwritten digits, tuned to learn in half an hour on a laptop"),
    preset!("mnist-lenet-paper", "MNIST", "the same network with the settings of Lee et al. 2020"),
    preset!("mnist-lenet-direct", "MNIST", "the same layers by surrogate gradients, from the image itself"),
    preset!("mnist-lenet-ann", "MNIST", "the same layers without spikes, for snn convert to make a spiking network of"),
    preset!("nmnist-lenet", "N-MNIST", "LeNet on recordings of digits by an event camera, as the paper trains MNIST"),
    preset!("nmnist-lenet-fast", "N-MNIST", "half as wide, on a part of the data, by surrogate gradients"),
    preset!("svhn-vgg7", "SVHN", "a VGG on house numbers, as the paper trains VGG9"),
    preset!("svhn-vgg7-fast", "SVHN", "half as wide, on a part of the data, by surrogate gradients"),
    preset!("svhn-resnet7", "SVHN", "a residual network on house numbers, as the paper trains ResNet11"),
    preset!("svhn-resnet7-fast", "SVHN", "half as wide, on a part of the data, by surrogate gradients"),
    preset!("cifar10-vgg9", "CIFAR-10", "VGG9 on photographs with the settings of Lee et al. 2020"),
    preset!("cifar10-vgg9-fast", "CIFAR-10", "half as wide, by surrogate gradients"),
    preset!("cifar10-vgg9-half", "CIFAR-10", "half as wide, by the paper's rule, with what makes deep networks learn"),
    preset!("cifar10-resnet9", "CIFAR-10", "a smaller residual network, as the paper trains ResNet11"),
    preset!("cifar10-resnet9-fast", "CIFAR-10", "half as wide, on a part of the data, by surrogate gradients"),
    preset!("cifar10-resnet11", "CIFAR-10", "ResNet11 on photographs with the settings of Lee et al. 2020"),
    preset!("cifar10-resnet11-fast", "CIFAR-10", "half as wide, on a part of the data, by surrogate gradients"),
];

/// Returns all presets; the first one is the default.
pub fn all() -> &'static [Preset] {
    PRESETS
}

/// Returns the preset named `name`.
///
/// # Errors
/// [`ExperimentError::Preset`], which lists the known names.
pub fn find(name: &str) -> Result<&'static Preset, ExperimentError> {
    PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let mut notes: Vec<String> = did_you_mean(name, &known).into_iter().collect();
        notes.push(format!("known presets: {}", known.join(", ")));
        notes.push("an experiment of your own is a file whose name ends in .ron".to_owned());
        ExperimentError::Preset(Box::new(Diagnosis { title: format!("unknown preset \"{name}\""), place: None, notes }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_preset_lists_the_known_ones() {
        insta::assert_snapshot!(find("mnist-lent").unwrap_err(), @r#"
        unknown preset "mnist-lent"
         |
         = did you mean mnist-lenet?
         = known presets: mnist-lenet, mnist-lenet-paper, mnist-lenet-direct, mnist-lenet-ann, nmnist-lenet, nmnist-lenet-fast, svhn-vgg7, svhn-vgg7-fast, svhn-resnet7, svhn-resnet7-fast, cifar10-vgg9, cifar10-vgg9-fast, cifar10-vgg9-half, cifar10-resnet9, cifar10-resnet9-fast, cifar10-resnet11, cifar10-resnet11-fast
         = an experiment of your own is a file whose name ends in .ron
        "#);
    }
}
