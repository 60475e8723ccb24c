//! A neuron and a surrogate gradient from outside.
//!
//! Everything that there is to say about them is here: what they do, written once, over any number. Every engine, the
//! gradients, their proof, and the names in RON files follow from it.

use serde::{Deserialize, Serialize};
use snn::core::part::{Part, range};
use snn::core::registry::{Registry, RegistryError};
use snn::core::{Neuron, NeuronModel, Real, Surrogate, SurrogateModel};

/// Registers the neuron `Resonate` and the surrogate `Parabola`.
///
/// # Errors
/// [`RegistryError`] if one of the names is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry.neurons.add("Resonate", |resonate: &mut Resonate, registry| {
        range::leak("leak", resonate.leak)?;
        range::positive("threshold", resonate.threshold)?;
        range::finite("omega", resonate.omega)?;
        let gradient = registry.gradient(&mut resonate.gradient, false)?;
        Ok(Neuron::new("Resonate", resonate.clone(), gradient))
    })?;
    registry.surrogates.add("Parabola", |parabola: &mut Parabola, _| {
        range::positive("width", parabola.width)?;
        Ok(Surrogate::new(parabola.clone()))
    })
}

/// Resonate-and-fire (Izhikevich 2001): a damped oscillation that input pushes and that fires at its crest.
///
/// 1. charge `v = leak · (cos ω · V - sin ω · U) + I`, `u = leak · (sin ω · V + cos ω · U)`
/// 2. fire `s = [v > threshold]`
/// 3. reset `V = v - threshold · s`, `U = u`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resonate {
    /// Share of the oscillation that is kept from step to step, in `(0, 1]`.
    pub leak: f32,
    /// Angle of a step, in radians.
    pub omega: f32,
    /// Potential above which the neuron fires, greater than 0.
    pub threshold: f32,
    /// The surrogate gradient.
    pub gradient: Part,
}

impl Default for Resonate {
    fn default() -> Self {
        Self { leak: 0.9, omega: 0.5, threshold: 1.0, gradient: Part::new("Parabola") }
    }
}

impl NeuronModel for Resonate {
    type State<F: Real> = [F; 2];

    fn state(&self) -> &'static [&'static str] {
        &["v", "u"]
    }

    fn rest<F: Real>(&self) -> [F; 2] {
        [0.0.into(); 2]
    }

    fn charge<F: Real>(&self, _p: &[F], [v, u]: [F; 2], input: F) -> [F; 2] {
        let (sin, cos) = (self.leak * self.omega.sin(), self.leak * self.omega.cos());
        [v * cos.into() - u * sin.into() + input, v * sin.into() + u * cos.into()]
    }

    fn margin<F: Real>(&self, _p: &[F], [v, _]: [F; 2]) -> F {
        v - self.threshold.into()
    }

    fn reset<F: Real>(&self, _p: &[F], [v, u]: [F; 2], spike: F) -> [F; 2] {
        [v - spike * self.threshold.into(), u]
    }

    fn equations(&self) -> String {
        let Self { leak, omega, threshold, .. } = self;
        format!(
            "charge (v, u) = {leak} (V, U) turned by {omega}, v = v + I;  fire s = [v > {threshold}];  \
             reset V = v - {threshold} s, U = u;  output s"
        )
    }
}

/// A surrogate gradient: `grad = 3/4 · (1 - (x / width)²) / width` where `|x| < width`, else 0, with an area of 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parabola {
    /// Distance from the threshold at which the slope reaches 0, greater than 0.
    pub width: f32,
}

impl Default for Parabola {
    fn default() -> Self {
        Self { width: 1.0 }
    }
}

impl SurrogateModel for Parabola {
    fn primitive<F: Real>(&self, x: F) -> F {
        let z = (x / self.width.into()).clamp(-1.0, 1.0);
        (z * 3.0.into() - z * z * z) * 0.25.into() + 0.5.into()
    }

    fn grad<F: Real>(&self, x: F) -> F {
        let z = (x / self.width.into()).clamp(-1.0, 1.0);
        (F::from(1.0) - z * z) * (0.75 / self.width).into()
    }

    fn equation(&self) -> String {
        format!("{} (1 - (x / {1})²) where |x| < {1}, else 0", 0.75 / self.width, self.width)
    }
}
