//! Neurons: how input current becomes spikes, and how error passes back.
//!
//! A time step of a neuron has three phases: **charge** (the input `I(t)` enters the state), **fire** (a spike where the
//! margin `x = v - threshold` is above 0, strictly), **reset** (what the spike does to the state; the leak, too, may
//! stand here). An author writes these three as [`NeuronModel`], over any [`Real`]; everything else follows: rows for
//! the engines, the transpose for backpropagation through time, the proof that both agree.
//!
//! A recurrent layer is no neuron of its own: any neuron will do in a population that has a projection from itself
//! ([`crate::Builder::itself`]), through which its spikes come back one step later.
//!
//! [`PEERS`] lists the neurons of other libraries that are neurons here.

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

/// A neuron as its author writes it: the phases of one step, on numbers.
///
/// `p` are the values of the trainable constants ([`NeuronModel::parameters`]) of the neuron at hand.
pub trait NeuronModel: Debug + Send + Sync + 'static {
    /// What is carried from step to step, such as `[F; 1]`: at most 8 numbers, the first one the membrane potential.
    type State<F: Real>: Copy + Debug + AsRef<[F]> + AsMut<[F]>;

    /// What the neuron passes on. One that does not fire passes on its [`NeuronModel::margin`] as a number.
    const OUTPUT: NeuronOutput = NeuronOutput::Spikes;

    /// Names of the entries of the state, the membrane potential first.
    fn state(&self) -> &'static [&'static str];

    /// State before the first step.
    fn rest<F: Real>(&self) -> Self::State<F>;

    /// Charge: the state once the input `I(t)` has come in.
    fn charge<F: Real>(&self, p: &[F], state: Self::State<F>, input: F) -> Self::State<F>;

    /// Fire: the distance of the charged state from the threshold; a spike where it is above 0. Of a neuron that does
    /// not fire, its output.
    fn margin<F: Real>(&self, p: &[F], charged: Self::State<F>) -> F;

    /// Reset: the state after the step, with `spike` 1 or 0. Written as arithmetic on `spike`, which is not a bool but a
    /// number that carries error. Not called for a neuron that does not fire.
    fn reset<F: Real>(&self, p: &[F], charged: Self::State<F>, spike: F) -> Self::State<F>;

    /// Constants that are trained, at most 4; none but for neurons that learn.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// How many neurons of a population share a trained value.
    fn per(&self) -> Per {
        Per::Population
    }

    /// The update of one step in symbols, in the order in which it happens, with the constants filled in.
    fn equations(&self) -> String;

    /// The leaky integrate-and-fire neuron that this one is, if it is one: engines may then use a kernel of their own.
    fn as_plain_lif(&self) -> Option<PlainLif> {
        None
    }
}

/// What a neuron passes on at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeuronOutput {
    /// A spike, or none.
    Spikes,
    /// A number, which other populations can read.
    Numbers,
    /// A number for the loss: the neuron can only be in the last population of a network, its readout.
    Readout,
}

/// `v = V + I`; a spike where `v > threshold`; `v = 0` where it spiked; `V = leak · v`. If the neuron does not fire,
/// its output is `V / threshold`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlainLif {
    /// Share of the membrane that is kept from step to step.
    pub leak: f32,
    /// Firing threshold, or divisor of the output.
    pub threshold: f32,
}

/// A trainable constant of a population's neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name, such as `leak`; the trainable tensor of population `conv1` is then called `conv1.leak`.
    pub name: &'static str,
    /// Value before training.
    pub initial: f32,
    /// How the trained number becomes the value.
    pub link: Link,
}

/// How many neurons share a trained value of a constant. PyTorch's modules that train such constants have one for each layer,
/// or one for each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Per {
    /// All neurons of the population.
    #[default]
    Population,
    /// Those of a channel.
    Channel,
    /// None: each neuron has its own.
    Neuron,
}

impl Per {
    /// What an equation adds of it.
    fn words(self) -> &'static str {
        match self {
            Self::Population => "",
            Self::Channel => ", per channel",
            Self::Neuron => ", per neuron",
        }
    }
}

/// How a trained number `w` becomes the value that a neuron uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// `w`.
    Identity,
    /// `1 / (1 + e^-w)`: stays within `(0, 1)`.
    Sigmoid,
}

impl Link {
    /// The value for a trained number.
    pub fn value<F: Real>(self, w: F) -> F {
        match self {
            Self::Identity => w,
            Self::Sigmoid => w.sigmoid(),
        }
    }

    /// The trained number that gives `value`.
    pub fn inverse(self, value: f32) -> f32 {
        match self {
            Self::Identity => value,
            Self::Sigmoid => libm::logf(value / (1.0 - value)),
        }
    }
}

/// The neurons of a population: what they do, and how error passes back through them. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Neuron {
    name: String,
    dynamics: Arc<dyn Dynamics>,
    gradient: Gradient,
    /// Number of trainable constants.
    constants: usize,
    /// How a file spells it, if that is known.
    part: Option<Part>,
}

impl Neuron {
    /// The neuron called `name` that does what `model` says.
    pub fn new(name: impl Into<String>, model: impl NeuronModel, gradient: Gradient) -> Self {
        let constants = model.parameters().len();
        Self { name: name.into(), dynamics: Arc::new(model), gradient, constants, part: None }
    }

    /// As [`Neuron::new`], of what a file calls `name` and gives these fields; where they say of a surrogate gradient, it is
    /// `gradient`.
    pub(crate) fn written(name: &str, fields: &impl Serialize, model: impl NeuronModel, gradient: Gradient) -> Self {
        let neuron = Self::new(name, model, gradient.clone());
        Self { part: Part::of(name, fields).ok(), ..neuron }.with_gradient(gradient)
    }

    /// The same neuron, which a file spells as `part`: with it, a network can be written down. The registry does this for all
    /// that it makes.
    #[must_use]
    pub fn with_part(self, part: Part) -> Self {
        Self { part: Some(part), ..self }
    }

    /// How a file spells it, such as `Lif(leak: 0.9, ...)`; none where it was made of a model that has no such name, or has been
    /// given a gradient that a file cannot name.
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

    /// The name by which a RON file calls this neuron.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How error passes back.
    pub fn gradient(&self) -> &Gradient {
        &self.gradient
    }

    /// The same neuron with another gradient.
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

    /// Whether the neuron can only be in the last population of a network.
    pub fn is_readout(&self) -> bool {
        self.output() == NeuronOutput::Readout
    }

    /// Names of what is carried from step to step, the membrane potential first.
    pub fn state(&self) -> &'static [&'static str] {
        self.dynamics.state()
    }

    /// Constants that are trained.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.dynamics.parameters()
    }

    /// How many neurons of a population share a trained value.
    pub fn per(&self) -> Per {
        self.dynamics.per()
    }

    /// The update of one time step in symbols, in the order in which it happens.
    pub fn equations(&self) -> String {
        self.dynamics.equations()
    }

    /// The leaky integrate-and-fire neuron that this one is, if it is one.
    pub fn as_plain_lif(&self) -> Option<PlainLif> {
        self.dynamics.as_plain_lif()
    }
}

macro_rules! with_surrogate {
    ($($neuron:ident),*) => {$(
        impl $neuron {
            /// This neuron with a surrogate gradient.
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
