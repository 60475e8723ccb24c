//! How weights follow their gradients.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::finite::check_finite;
use crate::network::{Network, Weights};

/// Update rules. `w` is a weight, `g` its gradient, of a batch. Weight decay does not apply to
/// trainable constants of neurons, such as a leak.
///
/// What a rule remembers from one update to the next are its [memories](Self::memories), values in the form of the
/// weights that start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Optimizer")]
pub enum UpdateRule {
    /// `g' = g + weight_decay · w`; `m = momentum · m + g'`; `w -= rate · m`, or with `nesterov`
    /// `w -= rate · (g' + momentum · m)`.
    Sgd {
        /// Learning rate.
        rate: f32,
        /// Share of the last update that is kept, in `[0, 1)`.
        #[serde(default)]
        momentum: f32,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
        /// Whether the momentum looks one update ahead (Nesterov; PyTorch's form); it needs one.
        #[serde(default)]
        nesterov: bool,
    },
    /// Kingma and Ba, 2015, with bias correction; the L2 penalty is added to the gradient.
    Adam {
        /// Learning rate.
        rate: f32,
        /// Decay of the first and second moments.
        #[serde(default = "default_betas")]
        betas: (f32, f32),
        /// Added to the root of the second moment.
        #[serde(default = "default_epsilon")]
        epsilon: f32,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
    },
    /// Loshchilov and Hutter, 2019: as Adam, but weights shrink by `rate · weight_decay · w` apart from the moments.
    AdamW {
        /// Learning rate.
        rate: f32,
        /// Decay of the first and second moments.
        #[serde(default = "default_betas")]
        betas: (f32, f32),
        /// Added to the root of the second moment.
        #[serde(default = "default_epsilon")]
        epsilon: f32,
        /// Decoupled weight decay.
        #[serde(default)]
        weight_decay: f32,
    },
}

impl UpdateRule {
    /// Plain gradient descent.
    pub fn sgd(rate: f32) -> Self {
        Self::Sgd { rate, momentum: 0.0, weight_decay: 0.0, nesterov: false }
    }

    /// Adam with the usual constants: betas 0.9 and 0.999, epsilon 1e-8, no penalty.
    pub fn adam(rate: f32) -> Self {
        Self::Adam { rate, betas: default_betas(), epsilon: default_epsilon(), weight_decay: 0.0 }
    }

    /// `AdamW` with the usual constants, and this decoupled weight decay.
    pub fn adam_w(rate: f32, weight_decay: f32) -> Self {
        Self::AdamW { rate, betas: default_betas(), epsilon: default_epsilon(), weight_decay }
    }

    /// Learning rate before any schedule.
    pub fn rate(&self) -> f32 {
        match *self {
            Self::Sgd { rate, .. } | Self::Adam { rate, .. } | Self::AdamW { rate, .. } => rate,
        }
    }

    /// Kinds of memory that the rule keeps, in their order. Without momentum, `Sgd` keeps none.
    pub fn memories(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum: 0.0, .. } => &[],
            Self::Sgd { .. } => &["momentum"],
            Self::Adam { .. } | Self::AdamW { .. } => &["first_moment", "second_moment"],
        }
    }

    /// Checks that there is one of `memories` for each kind, in the form of the weights of `network`, with values that are
    /// finite.
    ///
    /// # Errors
    /// [`Error::Size`]; [`Error::NotFinite`].
    pub fn check_memories(&self, network: &Network, memories: &[Weights]) -> Result<(), Error> {
        let kinds = self.memories();
        if memories.len() != kinds.len() {
            return Err(Error::size("memories of the update rule", kinds.len(), memories.len()));
        }
        memories.iter().try_for_each(|memory| network.check_form(memory))?;
        let mut tensors = kinds.iter().zip(memories).flat_map(|(kind, memory)| {
            network.tensors().iter().zip(memory).map(move |(weight, values)| (kind, &weight.name, values))
        });
        tensors.try_for_each(|(kind, name, values)| {
            check_finite(|| format!("{kind} of weight \"{name}\""), values, f32::MAX)
        })
    }
}

fn default_betas() -> (f32, f32) {
    (0.9, 0.999)
}

fn default_epsilon() -> f32 {
    1e-8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::network::{Projection, Source};
    use crate::neuron::Neuron;
    use crate::shape::Shape;

    fn read(text: &str) -> UpdateRule {
        ron::from_str(text).unwrap()
    }

    #[test]
    fn rules_are_read_with_their_defaults() {
        assert_eq!(
            read("Sgd(rate: 0.5)"),
            UpdateRule::Sgd { rate: 0.5, momentum: 0.0, weight_decay: 0.0, nesterov: false }
        );
        let adam = UpdateRule::Adam { rate: 0.5, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.0 };
        assert_eq!(read("Adam(rate: 0.5)"), adam);
        assert_eq!(read("AdamW(rate: 0.5)").rate(), 0.5);
    }

    #[test]
    fn memories_must_be_those_of_the_rule() {
        let mut builder = Network::builder(Shape::features(2));
        let map = Map::Linear { features: 1 };
        builder.add("readout", Neuron::readout(), vec![Projection::new(Source::Input, map)]).unwrap();
        let network = builder.build().unwrap();
        for (rule, kinds) in [
            ("Sgd(rate: 0.1)", &[][..]),
            ("Sgd(rate: 0.1, momentum: 0.9)", &["momentum"]),
            ("Adam(rate: 0.1)", &["first_moment", "second_moment"]),
            ("AdamW(rate: 0.1)", &["first_moment", "second_moment"]),
        ] {
            let rule = read(rule);
            assert_eq!(rule.memories(), kinds);
            rule.check_memories(&network, &vec![network.zeros(); kinds.len()]).unwrap();
            let error = rule.check_memories(&network, &vec![network.zeros(); kinds.len() + 1]).unwrap_err();
            let expected = format!("memories of the update rule: expected {}, found {}", kinds.len(), kinds.len() + 1);
            assert_eq!(error.to_string(), expected);
        }
        let short = read("Sgd(rate: 0.1, momentum: 0.9)").check_memories(&network, &[vec![vec![0.0]]]).unwrap_err();
        assert_eq!(short.to_string(), "weight \"readout\": expected [1, 2] = 2 values, found 1");
    }
}
