//! Optimizers: the rules that update weights from their gradients.

mod state;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::finite::check_finite;
use crate::network::{Network, Weights};

pub use state::{OptimizerState, clip, clip_factor, each, norm, scale};

/// An optimizer with its hyperparameters. `w` is a weight and `g` its gradient over a batch. Weight decay applies only
/// to weights, not to biases, scales or trained constants of neurons such as a leak.
///
/// The optimizer state consists of one value per weight for each of [`Optimizer::state_kinds`], 0 before the first
/// update. [`OptimizerState`] holds it and performs the updates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Optimizer {
    /// `g' = g + weight_decay · w`; `m = momentum · m + g'`; `w -= lr · m`, or with `nesterov`
    /// `w -= lr · (g' + momentum · m)`.
    Sgd {
        /// Learning rate.
        lr: f32,
        /// Momentum factor: fraction of the previous update that is kept, in `[0, 1)`.
        #[serde(default)]
        momentum: f32,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
        /// Whether to use Nesterov momentum, in PyTorch's form; requires a momentum above 0.
        #[serde(default)]
        nesterov: bool,
    },
    /// Adam (Kingma and Ba, 2015) with bias correction; the L2 penalty is added to the gradient.
    Adam {
        /// Learning rate.
        lr: f32,
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
    /// `AdamW` (Loshchilov and Hutter, 2019): as Adam, but with decoupled weight decay: weights shrink by
    /// `lr · weight_decay · w`, without passing through the moments.
    AdamW {
        /// Learning rate.
        lr: f32,
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

impl Optimizer {
    /// Plain gradient descent.
    pub fn sgd(lr: f32) -> Self {
        Self::Sgd { lr, momentum: 0.0, weight_decay: 0.0, nesterov: false }
    }

    /// Adam with the usual constants: betas 0.9 and 0.999, epsilon 1e-8, no penalty.
    pub fn adam(lr: f32) -> Self {
        Self::Adam { lr, betas: default_betas(), epsilon: default_epsilon(), weight_decay: 0.0 }
    }

    /// `AdamW` with the usual constants and the given decoupled weight decay.
    pub fn adam_w(lr: f32, weight_decay: f32) -> Self {
        Self::AdamW { lr, betas: default_betas(), epsilon: default_epsilon(), weight_decay }
    }

    /// Learning rate before any schedule.
    pub fn learning_rate(&self) -> f32 {
        match *self {
            Self::Sgd { lr, .. } | Self::Adam { lr, .. } | Self::AdamW { lr, .. } => lr,
        }
    }

    /// The update as text, with its constants, such as `Sgd: m = 0.9 m + g;  w -= 0.003 m`. `w` is a weight, `g` its
    /// gradient.
    pub fn equation(&self) -> String {
        let decay = |weight_decay: f32| if weight_decay > 0.0 { format!(" + {weight_decay} w") } else { String::new() };
        let adam = |name: &str, lr, (first, second): (f32, f32), epsilon, gradient: String, shrink: String| {
            format!(
                "{name}: m = {first} m + {:.4} {gradient};  q = {second} q + {:.4} {gradient}^2;  w -= {lr} m' / (sqrt q' + {epsilon:e}){shrink}",
                1.0 - first,
                1.0 - second
            )
        };
        match *self {
            Self::Sgd { lr, momentum: 0.0, weight_decay, .. } if weight_decay > 0.0 => {
                format!("Sgd: w -= {lr} (g{})", decay(weight_decay))
            }
            Self::Sgd { lr, momentum: 0.0, .. } => format!("Sgd: w -= {lr} g"),
            Self::Sgd { lr, momentum, weight_decay, nesterov: true } => {
                format!("Sgd: h = g{};  m = {momentum} m + h;  w -= {lr} (h + {momentum} m)", decay(weight_decay))
            }
            Self::Sgd { lr, momentum, weight_decay, .. } => {
                format!("Sgd: m = {momentum} m + g{};  w -= {lr} m", decay(weight_decay))
            }
            Self::Adam { lr, betas, epsilon, weight_decay } => {
                let gradient = if weight_decay > 0.0 { format!("(g{})", decay(weight_decay)) } else { "g".to_owned() };
                adam("Adam", lr, betas, epsilon, gradient, String::new())
            }
            Self::AdamW { lr, betas, epsilon, weight_decay } => {
                adam("AdamW", lr, betas, epsilon, "g".to_owned(), format!(" + {} w", lr * weight_decay))
            }
        }
    }

    /// Names of the values that the state holds for each weight, in order. `Sgd` without momentum has none.
    pub fn state_kinds(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum: 0.0, .. } => &[],
            Self::Sgd { .. } => &["momentum"],
            Self::Adam { .. } | Self::AdamW { .. } => &["first_moment", "second_moment"],
        }
    }

    /// Checks that `state` has one element in the form of the weights of `network` for each of the
    /// [`state_kinds`](Self::state_kinds), and that all values are finite.
    ///
    /// # Errors
    /// [`Error::Size`]; [`Error::NotFinite`].
    pub fn check_state(&self, network: &Network, state: &[Weights]) -> Result<(), Error> {
        let kinds = self.state_kinds();
        if state.len() != kinds.len() {
            return Err(Error::size("tensors of the optimizer's state", kinds.len(), state.len()));
        }
        state.iter().try_for_each(|values| network.check_form(values))?;
        let mut tensors = kinds.iter().zip(state).flat_map(|(kind, tensors)| {
            network.tensors().iter().zip(tensors).map(move |(weight, values)| (kind, &weight.name, values))
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

    fn read(text: &str) -> Optimizer {
        ron::from_str(text).unwrap()
    }

    #[test]
    fn optimizers_are_read_with_their_defaults() {
        assert_eq!(read("Sgd(lr: 0.5)"), Optimizer::Sgd { lr: 0.5, momentum: 0.0, weight_decay: 0.0, nesterov: false });
        let adam = Optimizer::Adam { lr: 0.5, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.0 };
        assert_eq!(read("Adam(lr: 0.5)"), adam);
        assert_eq!(read("AdamW(lr: 0.5)").learning_rate(), 0.5);
    }

    #[test]
    fn a_state_must_be_that_of_the_optimizer() {
        let mut builder = Network::builder(Shape::features(2));
        let map = Map::Linear { features: 1 };
        builder.add("readout", Neuron::readout(), vec![Projection::new(Source::Input, map)]).unwrap();
        let network = builder.build().unwrap();
        for (optimizer, kinds) in [
            ("Sgd(lr: 0.1)", &[][..]),
            ("Sgd(lr: 0.1, momentum: 0.9)", &["momentum"]),
            ("Adam(lr: 0.1)", &["first_moment", "second_moment"]),
            ("AdamW(lr: 0.1)", &["first_moment", "second_moment"]),
        ] {
            let optimizer = read(optimizer);
            assert_eq!(optimizer.state_kinds(), kinds);
            optimizer.check_state(&network, &vec![network.zeros(); kinds.len()]).unwrap();
            let error = optimizer.check_state(&network, &vec![network.zeros(); kinds.len() + 1]).unwrap_err();
            let expected =
                format!("tensors of the optimizer's state: expected {}, found {}", kinds.len(), kinds.len() + 1);
            assert_eq!(error.to_string(), expected);
        }
        let short = read("Sgd(lr: 0.1, momentum: 0.9)").check_state(&network, &[vec![vec![0.0]]]).unwrap_err();
        assert_eq!(short.to_string(), "weight \"readout\": expected [1, 2] = 2 values, found 1");
    }
}
