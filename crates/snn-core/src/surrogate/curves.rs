//! The built-in surrogates. `x` is the margin by which a neuron exceeds its threshold. The numbers in brackets are the
//! default values of the equivalent in other libraries.

use std::f32::consts::{FRAC_2_PI, FRAC_PI_2, PI};

use serde::{Deserialize, Serialize};

use super::SurrogateModel;
use crate::real::Real;

/// Arctangent: `grad = alpha / 2 / (1 + (π/2 · alpha · x)²)`, with an area of 1.
///
/// `ATan` of SpikingJelly (alpha 2) and snnTorch (alpha 2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Atan {
    /// Sharpness, greater than 0. The slope at the threshold is `alpha / 2`.
    pub alpha: f32,
}

impl SurrogateModel for Atan {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        (x * (FRAC_PI_2 * self.alpha).into()).atan() * (1.0 / PI).into() + 0.5.into()
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        let scaled = x * (FRAC_PI_2 * self.alpha).into();
        F::from(self.alpha / 2.0) / (scaled * scaled + 1.0.into())
    }

    fn equation(&self) -> String {
        format!("{} / (1 + (π/2 · {} x)²)", self.alpha / 2.0, self.alpha)
    }
}

/// Fast sigmoid: `grad = 1 / (1 + slope · |x|)²`, with a peak of 1 and an area of `2 / slope`.
///
/// The curve of SuperSpike (Zenke and Ganguli 2018): `fast_sigmoid` of snnTorch (slope 25) and `superspike` of Spyx
/// (25). `super` of Norse always has slope 1, as it ignores its alpha; `SuperSpike` of SpikingJelly with alpha 1 is the
/// same. `SoftSign` and `QPseudoSpike` of SpikingJelly with their default alpha of 2 have slope 2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FastSigmoid {
    /// Sharpness, greater than 0.
    pub slope: f32,
}

impl SurrogateModel for FastSigmoid {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        x / (x.abs() * self.slope.into() + 1.0.into())
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        let width = x.abs() * self.slope.into() + 1.0.into();
        F::from(1.0) / (width * width)
    }

    fn equation(&self) -> String {
        format!("1 / (1 + {} |x|)²", self.slope)
    }
}

/// Sigmoid: `grad = alpha · σ(alpha · x) · (1 - σ(alpha · x))` with `σ(z) = 1 / (1 + e^-z)`, with an area of 1.
///
/// `Sigmoid` of SpikingJelly (alpha 4) and `sigmoid` of snnTorch (slope 25). `tanh` of Norse with alpha 2 is this curve
/// with alpha 4.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sigmoid {
    /// Sharpness, greater than 0. The slope at the threshold is `alpha / 4`.
    pub alpha: f32,
}

impl SurrogateModel for Sigmoid {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        (x * self.alpha.into()).sigmoid()
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        // The slope is an even function of x: using |x| keeps the exponential from overflowing.
        let decay = (-(x.abs() * self.alpha.into())).exp();
        let sum = decay + 1.0.into();
        decay * self.alpha.into() / (sum * sum)
    }

    fn equation(&self) -> String {
        format!("{0} σ({0} x) (1 - σ({0} x)), σ(z) = 1 / (1 + exp(-z))", self.alpha)
    }
}

/// Triangle: `grad = max(0, 1 - |x| / width) / width`, with an area of 1.
///
/// `PiecewiseQuadratic` of SpikingJelly with alpha `1 / width` (default 1). `triangle` of Norse with alpha 1 has width
/// 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Triangular {
    /// Distance from the threshold at which the slope reaches 0, greater than 0.
    pub width: f32,
}

impl SurrogateModel for Triangular {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        let z = (x / self.width.into()).clamp(-1.0, 1.0);
        z - z * z.abs() * 0.5.into() + 0.5.into()
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        let z = (x / self.width.into()).clamp(-1.0, 1.0);
        (F::from(1.0) - z.abs()) / self.width.into()
    }

    fn equation(&self) -> String {
        format!("max(0, 1 - |x| / {0}) / {0}", self.width)
    }
}

/// Box: `grad = 1 / (2 · width)` where `|x| < width`, else 0, with an area of 1.
///
/// `Rect` of SpikingJelly with alpha `1 / (2 · width)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Boxcar {
    /// Distance from the threshold within which the slope is not 0, greater than 0.
    pub width: f32,
}

impl SurrogateModel for Boxcar {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        x.clamp(-self.width, self.width) / (2.0 * self.width).into() + 0.5.into()
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        F::from(self.width).above(x.abs(), (0.5 / self.width).into(), 0.0.into())
    }

    fn equation(&self) -> String {
        format!("{} where |x| < {}, else 0", 0.5 / self.width, self.width)
    }
}

/// Gaussian: `grad = e^(-x² / (2 · sigma²)) / (sigma · √(2π))`, the derivative of an error function, with an area of 1.
///
/// `Erf` of SpikingJelly with alpha `1 / (√2 · sigma)` (default 2); `heavi_erfc` of Norse with alpha 2 is the same curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gaussian {
    /// Standard deviation, greater than 0.
    pub sigma: f32,
}

impl SurrogateModel for Gaussian {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        ((x / (self.sigma * std::f32::consts::SQRT_2).into()).erf() + 1.0.into()) * 0.5.into()
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        let z = x / self.sigma.into();
        (z * z * (-0.5).into()).exp() * ((FRAC_2_PI).sqrt() / 2.0 / self.sigma).into()
    }

    fn equation(&self) -> String {
        format!("exp(-x² / (2 · {0}²)) / ({0} √(2π))", self.sigma)
    }
}

/// Two-sided exponential: `grad = alpha / 2 · e^(-alpha · |x|)`, with an area of 1.
///
/// `PiecewiseExp` of SpikingJelly (alpha 1); the curve of SLAYER and Lava-DL.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PiecewiseExponential {
    /// Sharpness, greater than 0. The slope at the threshold is `alpha / 2`.
    pub alpha: f32,
}

impl SurrogateModel for PiecewiseExponential {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        let tail = (-(x.abs() * self.alpha.into())).exp() * 0.5.into();
        x.above(0.0.into(), F::from(1.0) - tail, tail)
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        (-(x.abs() * self.alpha.into())).exp() * (self.alpha / 2.0).into()
    }

    fn equation(&self) -> String {
        format!("{} exp(-{} |x|)", self.alpha / 2.0, self.alpha)
    }
}

/// Straight-through: `grad = 1` everywhere.
///
/// `straight_through_estimator` of snnTorch, `DeterministicPass` of SpikingJelly.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StraightThrough {}

impl SurrogateModel for StraightThrough {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        x
    }

    #[inline(always)]
    fn grad<F: Real>(&self, _x: F) -> F {
        F::from(1.0)
    }

    fn equation(&self) -> String {
        "1 everywhere".to_owned()
    }
}

/// The paper's gate: `grad = slope` where the neuron fired (`x > 0`), else 0.
///
/// With slope `1 / threshold` this is the local derivative of Lee et al. 2020; their complete rule is the gradient
/// `LeakCorrected`. `heaviside` of snnTorch; `LeakyKReLU` of SpikingJelly with leak 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    /// The slope of a spike, greater than 0.
    pub slope: f32,
}

impl SurrogateModel for Gate {
    #[inline(always)]
    fn primitive<F: Real>(&self, x: F) -> F {
        x.above(0.0.into(), x * self.slope.into(), 0.0.into())
    }

    #[inline(always)]
    fn grad<F: Real>(&self, x: F) -> F {
        x.above(0.0.into(), self.slope.into(), 0.0.into())
    }

    fn equation(&self) -> String {
        format!("{} where it fired, else 0", self.slope)
    }
}

macro_rules! defaults {
    ($($surrogate:ident { $constant:ident: $value:expr })*) => {$(
        impl Default for $surrogate {
            fn default() -> Self {
                Self { $constant: $value }
            }
        }
    )*};
}

defaults! {
    Atan { alpha: 2.0 }
    FastSigmoid { slope: 25.0 }
    Sigmoid { alpha: 4.0 }
    Triangular { width: 1.0 }
    Boxcar { width: 0.5 }
    Gaussian { sigma: 0.4 }
    PiecewiseExponential { alpha: 1.0 }
    Gate { slope: 1.0 }
}
