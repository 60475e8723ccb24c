//! Surrogate gradients: replacements for the derivative of the spike function, which is 0 or infinite.
//!
//! A neuron fires where its margin `x` is above 0; usually `x = v - threshold`. The forward pass uses this step
//! function, the backward pass uses the slope [`SurrogateModel::grad`] as its derivative. Each built-in type documents
//! its formula, because the same name means different curves in different libraries.

mod curves;

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::formula::Formula;
use crate::real::Real;
use crate::vectorized::vectorized;

pub use curves::{
    Atan, Boxcar, FastSigmoid, Gate, Gaussian, PiecewiseExponential, Sigmoid, StraightThrough, Triangular,
};

/// The curve of a surrogate gradient.
pub trait SurrogateModel: Debug + Send + Sync + 'static {
    /// A function whose derivative is [`SurrogateModel::grad`]. It replaces the spike function when gradients are
    /// checked by finite differences.
    fn primitive<F: Real>(&self, x: F) -> F;

    /// The surrogate derivative of the spike function at margin `x`.
    fn grad<F: Real>(&self, x: F) -> F;

    /// The equation of the slope as text, with the constants filled in, such as `1 / (1 + 25 |x|)²`.
    fn equation(&self) -> String;
}

/// A type-erased surrogate gradient. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Surrogate(Arc<dyn Curve>);

impl Surrogate {
    /// Creates the surrogate gradient of `model`.
    pub fn new(model: impl SurrogateModel) -> Self {
        Self(Arc::new(model))
    }

    /// The primitive at `x`, whose derivative is the slope.
    pub fn primitive(&self, x: f64) -> f64 {
        self.0.primitive(x)
    }

    /// The slope at `x`.
    pub fn grad(&self, x: f64) -> f64 {
        let mut x = [x];
        self.0.grad64(&mut x);
        x[0]
    }

    /// The equation of the slope as text.
    pub fn equation(&self) -> String {
        self.0.equation()
    }

    /// The slope as a formula. Its argument is the margin, its result the slope.
    pub fn formula(&self) -> Formula {
        self.0.formula()
    }

    pub(crate) fn curve(&self) -> &dyn Curve {
        &*self.0
    }
}

/// Formats the surrogate as a RON file spells it, such as `Atan(alpha: 2.0)`.
impl fmt::Display for Surrogate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{:?}", self.0).replace(" { ", "(").replace(" }", ")"))
    }
}

/// A type-erased [`SurrogateModel`]. Each call processes a whole row, so that dynamic dispatch costs little and the
/// loop is vectorised.
pub(crate) trait Curve: Debug + Send + Sync {
    fn primitive(&self, x: f64) -> f64;
    fn grad32(&self, x: &mut [f32]);
    fn grad64(&self, x: &mut [f64]);
    fn equation(&self) -> String;
    fn formula(&self) -> Formula;
}

impl<M: SurrogateModel> Curve for M {
    fn primitive(&self, x: f64) -> f64 {
        SurrogateModel::primitive(self, x)
    }

    fn grad32(&self, x: &mut [f32]) {
        vectorized(
            #[inline(always)]
            || {
                for x in &mut *x {
                    *x = self.grad(*x);
                }
            },
        );
    }

    fn grad64(&self, x: &mut [f64]) {
        for x in x {
            *x = self.grad(*x);
        }
    }

    fn equation(&self) -> String {
        SurrogateModel::equation(self)
    }

    fn formula(&self) -> Formula {
        Formula::of(1, |x| vec![self.grad(x[0])])
    }
}
