//! The experiments that are shipped.

use crate::{Diagnosis, ExperimentError, diagnosis::did_you_mean};

/// A shipped experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Name by which it is asked for.
    pub name: &'static str,
    /// One line on what it is for.
    pub summary: &'static str,
    /// Its RON text, with comments.
    pub text: &'static str,
}

impl Preset {
    /// The name of the file that holds its text.
    pub fn file_name(&self) -> String {
        format!("{}.ron", self.name)
    }
}

const PRESETS: &[Preset] = &[
    Preset {
        name: "mnist-lenet",
        summary: "LeNet on handwritten digits, tuned to learn in half an hour on a laptop",
        text: include_str!("../models/mnist-lenet.ron"),
    },
    Preset {
        name: "mnist-lenet-paper",
        summary: "the same network with the settings of Lee et al. 2020: 100 steps, 125 epochs",
        text: include_str!("../models/mnist-lenet-paper.ron"),
    },
    Preset {
        name: "mnist-lenet-direct",
        summary: "the same layers by surrogate gradients: 8 steps of direct input, 3 epochs",
        text: include_str!("../models/mnist-lenet-direct.ron"),
    },
];

/// Every preset; the first one is the default.
pub fn all() -> &'static [Preset] {
    PRESETS
}

/// The preset named `name`.
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
         = known presets: mnist-lenet, mnist-lenet-paper, mnist-lenet-direct
         = an experiment of your own is a file whose name ends in .ron
        "#);
    }
}
