//! Surrogate gradients: what stands in for the derivative of the spike, which is 0 or infinite.
//!
//! A neuron fires where `x > 0`, with `x = v - threshold` (or what the neuron calls its margin). Forward that is a step;
//! backward the step has the slope [`SurrogateModel::grad`]. The formula of each built-in one stands at its type: the
//! same word means different curves in different libraries.

mod curves;

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::formula::Formula;
use crate::real::Real;
use crate::vectorized::vectorized;

pub use curves::{
    Atan, Boxcar, FastSigmoid, Gate, Gaussian, PiecewiseExponential, Sigmoid, StraightThrough, Triangular,
};

/// A surrogate gradient as its author writes it.
pub trait SurrogateModel: Debug + Send + Sync + 'static {
    /// A function whose derivative is [`SurrogateModel::grad`]: the smooth step that takes the place of the spike when
    /// gradients are proven by finite differences.
    fn primitive<F: Real>(&self, x: F) -> F;

    /// The slope that the spike is given at margin `x`.
    fn grad<F: Real>(&self, x: F) -> F;

    /// The slope in symbols, with the constants filled in, such as `1 / (1 + 25 |x|)²`.
    fn equation(&self) -> String;
}

/// Any surrogate gradient. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Surrogate(Arc<dyn Curve>);

impl Surrogate {
    /// The surrogate that `model` describes.
    pub fn new(model: impl SurrogateModel) -> Self {
        Self(Arc::new(model))
    }

    /// The smooth step at `x`.
    pub fn primitive(&self, x: f64) -> f64 {
        self.0.primitive(x)
    }

    /// The slope at `x`.
    pub fn grad(&self, x: f64) -> f64 {
        let mut x = [x];
        self.0.grad64(&mut x);
        x[0]
    }

    /// The slope in symbols.
    pub fn equation(&self) -> String {
        self.0.equation()
    }

    /// The slope written down: of the margin, the slope.
    pub fn formula(&self) -> Formula {
        self.0.formula()
    }

    pub(crate) fn curve(&self) -> &dyn Curve {
        &*self.0
    }
}

/// The surrogate as a RON file would write it, such as `Atan(alpha: 2.0)`.
impl fmt::Display for Surrogate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{:?}", self.0).replace(" { ", "(").replace(" }", ")"))
    }
}

/// A [`SurrogateModel`] behind a pointer: whole rows at a time, so that the call costs nothing and the loop is
/// vectorised.
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
