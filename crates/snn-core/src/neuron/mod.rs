//! Neuron models: how input current becomes spikes, and how error is backpropagated through a neuron.
//!
//! A time step of a neuron has three phases: **charge** (the input `I(t)` is added to the state), **fire** (a spike
//! where the margin `x = v - threshold` is strictly above 0) and **reset** (what the spike does to the state; the leak
//! may be applied here too). A model implements these three in [`NeuronModel`], generically over [`Real`]. Everything
//! else is derived from them: loops over all neurons of a population for the engines, the backward pass for
//! backpropagation through time, and the finite-difference checks that both agree.
//!
//! Recurrence is not part of a neuron model. Any neuron becomes recurrent if its population has a projection from
//! itself ([`crate::Builder::recurrent_source`]), which delivers its spikes one step later.
//!
//! [`PEERS`] lists neurons of other libraries and the equivalent neuron here.

mod adaptive_qif;
mod alif;
mod cuba_integrator;
mod cuba_lif;
mod eif;
mod gradient;
mod integrator;
mod izhikevich;
mod lif;
mod lifted;
mod peers;
mod phases;
mod plif;
mod qif;
mod relay;
mod relu;
mod reset;
mod rows;
mod step;

use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::part::Part;
use crate::real::Real;
use crate::surrogate::SurrogateModel;

pub use adaptive_qif::AdaptiveQif;
pub use alif::Alif;
pub use cuba_integrator::CubaIntegrator;
pub use cuba_lif::CubaLif;
pub use eif::Eif;
pub use gradient::{Correction, Gradient, Trace, correction, exact_leak};
pub use integrator::{IntegratorGradient, LeakyIntegrator};
pub use izhikevich::Izhikevich;
pub use lif::{If, Lif, PoolIf};
pub use peers::{PEERS, Peer};
pub use phases::Phases;
pub use plif::Plif;
pub use qif::Qif;
pub use relay::{Identity, Relay};
pub use relu::Relu;
pub use reset::Reset;
pub use step::{Float, Moment};

pub(crate) use lifted::MOST_PARAMETERS;
use rows::Dynamics;

/// A neuron model: the phases of one time step, for a single neuron.
///
/// `p` holds the values of the neuron's trainable parameters ([`NeuronModel::parameters`]).
pub trait NeuronModel: Debug + Send + Sync + 'static {
    /// State carried from step to step, such as `[F; 1]`: at most 8 numbers, the membrane potential first.
    type State<F: Real>: Copy + Debug + AsRef<[F]> + AsMut<[F]>;

    /// What the neuron passes on. A neuron that does not fire passes on its [`NeuronModel::margin`] as a number.
    const OUTPUT: NeuronOutput = NeuronOutput::Spikes;

    /// Names of the state variables, the membrane potential first.
    fn state(&self) -> &'static [&'static str];

    /// Initial state, before the first step.
    fn rest<F: Real>(&self) -> Self::State<F>;

    /// Charge phase: returns the state after the input `I(t)` was added.
    fn charge<F: Real>(&self, p: &[F], state: Self::State<F>, input: F) -> Self::State<F>;

    /// Fire phase: returns the margin, the distance of the charged state from the threshold. The neuron spikes where it
    /// is above 0. For a neuron that does not fire, the margin is its output.
    fn margin<F: Real>(&self, p: &[F], charged: Self::State<F>) -> F;

    /// Reset phase: returns the state after the step, with `spike` 1 or 0. `spike` is a number rather than a `bool`
    /// because error is backpropagated through it, so the reset must be arithmetic on it. Not called for a neuron that
    /// does not fire.
    fn reset<F: Real>(&self, p: &[F], charged: Self::State<F>, spike: F) -> Self::State<F>;

    /// Trainable parameters of the neuron, at most 4. Empty by default.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// Which neurons of a population share the value of a trainable parameter.
    fn per(&self) -> Per {
        Per::Population
    }

    /// The equations of one time step as text, in the order of evaluation, with the values of the constants filled in.
    fn equations(&self) -> String;

    /// The equivalent plain leaky integrate-and-fire neuron, if there is one. Engines may then use a specialised
    /// kernel.
    fn as_plain_lif(&self) -> Option<PlainLif> {
        None
    }
}

/// What a neuron passes on to other populations, or to the loss, at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeuronOutput {
    /// Spikes: 0 or 1.
    Spikes,
    /// A number that other populations can read.
    Numbers,
    /// A number for the loss. The neuron can only be used in the last population of a network, its readout.
    Readout,
}

/// A plain leaky integrate-and-fire neuron: `v = V + I`; a spike where `v > threshold`; `v = 0` where it spiked;
/// `V = leak · v`. If the neuron does not fire, its output is `V / threshold`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlainLif {
    /// Share of the membrane potential that is kept from step to step.
    pub leak: f32,
    /// Firing threshold; for a neuron that does not fire, the divisor of its output.
    pub threshold: f32,
}

/// A trainable parameter of a population's neurons, such as the leak.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name, such as `leak`. The trainable tensor of population `conv1` is then called `conv1.leak`.
    pub name: &'static str,
    /// Value before training.
    pub initial: f32,
    /// How the trained number is mapped to the value that the neuron uses.
    pub link: Link,
}

/// Which neurons share the value of a trainable parameter. Modules of PyTorch libraries with such parameters have one
/// value for each layer, or one for each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Per {
    /// One value for all neurons of the population.
    #[default]
    Population,
    /// One value for each channel.
    Channel,
    /// One value for each neuron.
    Neuron,
}

impl Per {
    /// The suffix that describes the sharing in the equations.
    fn words(self) -> &'static str {
        match self {
            Self::Population => "",
            Self::Channel => ", per channel",
            Self::Neuron => ", per neuron",
        }
    }
}

/// How a trained number `w` is mapped to the value that a neuron uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The value is `w`.
    Identity,
    /// The value is `1 / (1 + e^-w)`, which stays within `(0, 1)`.
    Sigmoid,
}

impl Link {
    /// The value for the trained number `w`.
    pub fn value<F: Real>(self, w: F) -> F {
        match self {
            Self::Identity => w,
            Self::Sigmoid => w.sigmoid(),
        }
    }

    /// The trained number whose value is `value`.
    pub fn inverse(self, value: f32) -> f32 {
        match self {
            Self::Identity => value,
            Self::Sigmoid => libm::logf(value / (1.0 - value)),
        }
    }
}

/// The neurons of a population: their model, and how error is backpropagated through them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Neuron {
    name: String,
    dynamics: Arc<dyn Dynamics>,
    gradient: Gradient,
    /// Number of trainable parameters.
    constants: usize,
    /// The name and fields by which an experiment file writes this neuron, if known.
    part: Option<Part>,
}

impl Neuron {
    /// Creates the neuron `name` with the dynamics of `model`.
    pub fn new(name: impl Into<String>, model: impl NeuronModel, gradient: Gradient) -> Self {
        let constants = model.parameters().len();
        Self { name: name.into(), dynamics: Arc::new(model), gradient, constants, part: None }
    }

    /// Creates a neuron as [`Neuron::new`] does, with the part that has this `name` and these `fields`. If the fields
    /// hold a surrogate gradient, it is set to `gradient`.
    pub(crate) fn written(name: &str, fields: &impl Serialize, model: impl NeuronModel, gradient: Gradient) -> Self {
        let neuron = Self::new(name, model, gradient.clone());
        Self { part: Part::of(name, fields).ok(), ..neuron }.with_gradient(gradient)
    }

    /// Returns this neuron with `part`, the name and fields by which an experiment file writes it. A network can only
    /// be written to a file if its neurons have one. The registry sets it for every neuron that it makes.
    #[must_use]
    pub fn with_part(self, part: Part) -> Self {
        Self { part: Some(part), ..self }
    }

    /// The name and fields by which an experiment file writes this neuron, such as `Lif(leak: 0.9, ...)`. `None` if the
    /// neuron was created from an unnamed model, or was given a gradient that a file cannot express.
    pub fn part(&self) -> Option<&Part> {
        self.part.as_ref()
    }

    /// [`Lif`] with the paper's constants: leak 0.99, threshold 1, leak-corrected gradient.
    pub fn lif() -> Self {
        Lif::default().leak_corrected()
    }

    /// [`PoolIf`] with the paper's threshold of 0.75.
    pub fn pool_if() -> Self {
        PoolIf::default().neuron()
    }

    /// [`LeakyIntegrator`] with the paper's constants: leak 0.99, divisor 1, error passed back without leak.
    pub fn readout() -> Self {
        LeakyIntegrator::default().leak_free()
    }

    /// Name of this neuron in a RON file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How error is backpropagated through this neuron.
    pub fn gradient(&self) -> &Gradient {
        &self.gradient
    }

    /// Returns this neuron with another gradient.
    #[must_use]
    pub fn with_gradient(self, gradient: Gradient) -> Self {
        let mut part = self.part;
        if let Gradient::Surrogate { surrogate, detach_reset } = &gradient {
            let is_set = part.as_mut().is_some_and(|part| {
                part.set("gradient", &surrogate.to_string()) && part.set("detach_reset", &detach_reset.to_string())
            });
            part = part.filter(|_| is_set);
        } else if format!("{gradient:?}") != format!("{:?}", self.gradient) {
            part = None;
        }
        Self { gradient, part, ..self }
    }

    /// What the neuron passes on.
    pub fn output(&self) -> NeuronOutput {
        self.dynamics.output()
    }

    /// Whether the neuron passes on spikes.
    pub fn fires(&self) -> bool {
        self.output() == NeuronOutput::Spikes
    }

    /// Whether the neuron can only be used in the last population of a network.
    pub fn is_readout(&self) -> bool {
        self.output() == NeuronOutput::Readout
    }

    /// Names of the state variables, the membrane potential first.
    pub fn state(&self) -> &'static [&'static str] {
        self.dynamics.state()
    }

    /// Trainable parameters.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.dynamics.parameters()
    }

    /// Which neurons of a population share the value of a trainable parameter.
    pub fn per(&self) -> Per {
        self.dynamics.per()
    }

    /// The equations of one time step as text, in the order of evaluation.
    pub fn equations(&self) -> String {
        self.dynamics.equations()
    }

    /// The equivalent plain leaky integrate-and-fire neuron, if there is one.
    pub fn as_plain_lif(&self) -> Option<PlainLif> {
        self.dynamics.as_plain_lif()
    }
}

macro_rules! with_surrogate {
    ($($neuron:ident),*) => {$(
        impl $neuron {
            /// Creates this neuron with a surrogate gradient.
            pub fn surrogate(self, surrogate: impl SurrogateModel) -> Neuron {
                let gradient = Gradient::surrogate(surrogate).detached(self.detach_reset);
                Neuron::written(stringify!($neuron), &self, self.clone(), gradient)
            }
        }
    )*};
}

with_surrogate!(Lif, Plif, CubaLif, Alif, Qif, AdaptiveQif, Eif, Izhikevich);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::surrogate::{Atan, Boxcar};

    fn made(text: &str) -> Neuron {
        let registry = Registry::new().with(crate::builtin::plugin).unwrap();
        let mut part = Part::parse(text).unwrap();
        registry.neurons.make(&mut part, &registry).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn is_same(a: &Neuron, b: &Neuron) -> bool {
        let told = |neuron: &Neuron| format!("{} {} {:?}", neuron.name(), neuron.equations(), neuron.gradient());
        told(a) == told(b)
    }

    #[test]
    fn a_neuron_is_made_again_from_its_part() {
        let registry = Registry::new().with(crate::builtin::plugin).unwrap();
        let mut neurons: Vec<Neuron> = registry.neurons.names().map(made).collect();
        let atan = || Atan { alpha: 3.0 };
        neurons.extend([
            Neuron::lif(),
            Neuron::pool_if(),
            Neuron::readout(),
            LeakyIntegrator::default().neuron(),
            CubaIntegrator::default().neuron(),
            Lif { leak: 0.5, detach_reset: true, ..Lif::default() }.surrogate(atan()),
            If { threshold: 0.5, ..If::default() }.surrogate(atan()),
            Plif::default().surrogate(atan()),
            CubaLif::default().surrogate(atan()),
            Alif::default().surrogate(atan()),
            Qif::default().surrogate(atan()),
            AdaptiveQif::default().surrogate(atan()),
            Eif::default().surrogate(atan()),
            Izhikevich::default().surrogate(atan()),
            Relay {}.neuron(),
            Identity {}.neuron(),
            Relu {}.neuron(),
            Neuron::lif().with_gradient(Gradient::surrogate(Boxcar { width: 0.5 })),
        ]);
        for neuron in neurons {
            let part = neuron.part().unwrap_or_else(|| panic!("{neuron:?}"));
            assert!(is_same(&made(&part.to_string()), &neuron), "{part}: {neuron:?}");
        }
    }

    #[test]
    fn what_a_file_cannot_say_has_no_part() {
        let of_leak_1 = Lif { leak: 1.0, ..Lif::default() }.leak_corrected().gradient().clone();
        assert!(Neuron::lif().with_gradient(of_leak_1).part().is_none());
        assert!(Neuron::new("Own", Lif::default(), Gradient::surrogate(Atan::default())).part().is_none());
    }

    #[test]
    fn a_link_leads_to_the_value_and_back() {
        for value in [0.125, 0.5, 0.75] {
            assert_eq!(Link::Identity.value(Link::Identity.inverse(value)), value);
            let back = Link::Sigmoid.value(Link::Sigmoid.inverse(value));
            assert!((back - value).abs() < 1e-6, "{back} instead of {value}");
        }
    }
}
