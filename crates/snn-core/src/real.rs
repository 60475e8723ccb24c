//! The number types that neuron and surrogate models are generic over: `f32` in engines, `f64` in gradient checks, and
//! [`Dual`], which carries a derivative.
//!
//! A model is written once, for any [`Real`]. Its derivatives are computed by running it on dual numbers.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number type for models. Constants of a model are converted by `into`: `v * self.leak.into() + input`.
///
/// There is no comparison that returns a `bool`. Conditionals are written with [`Real::above`], so that a model is a
/// pure expression that can be differentiated and recorded.
pub trait Real:
    Copy
    + Debug
    + Default
    + Send
    + Sync
    + 'static
    + From<f32>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// `e^self`.
    #[must_use]
    fn exp(self) -> Self;
    /// Natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// Inverse tangent, in `(-π/2, π/2)`.
    #[must_use]
    fn atan(self) -> Self;
    /// Error function, `2/√π ∫_0^x e^(-t²) dt`.
    #[must_use]
    fn erf(self) -> Self;
    /// `yes` where `self > bound` (strictly), else `no`.
    #[must_use]
    fn above(self, bound: Self, yes: Self, no: Self) -> Self;

    /// Absolute value; its derivative at 0 is -1.
    #[must_use]
    #[inline(always)]
    fn abs(self) -> Self {
        self.above(0.0.into(), self, -self)
    }

    /// `self` clamped to `[low, high]`.
    #[must_use]
    #[inline(always)]
    fn clamp(self, low: f32, high: f32) -> Self {
        let raised = self.above(low.into(), self, low.into());
        raised.above(high.into(), high.into(), raised)
    }

    /// The logistic function `1 / (1 + e^-x)`.
    #[must_use]
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::from(1.0) / ((-self).exp() + 1.0.into())
    }
}

macro_rules! real {
    ($float:ty, $exp:path, $ln:path, $atan:path, $erf:path) => {
        impl Real for $float {
            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }

            #[inline(always)]
            fn ln(self) -> Self {
                $ln(self)
            }

            #[inline(always)]
            fn atan(self) -> Self {
                $atan(self)
            }

            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }

            #[inline(always)]
            fn above(self, bound: Self, yes: Self, no: Self) -> Self {
                if self > bound { yes } else { no }
            }
        }
    };
}

// The libm crate is pure Rust: its functions give the same bits on every system.
real!(f32, libm::expf, libm::logf, libm::atanf, libm::erff);
real!(f64, libm::exp, libm::log, libm::atan, libm::erf);

/// A dual number: a value and its derivative with respect to one variable.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dual<F> {
    /// The value.
    pub value: F,
    /// The derivative.
    pub slope: F,
}

impl<F: Real> Dual<F> {
    /// Creates a number that does not depend on the variable.
    #[inline(always)]
    pub fn fixed(value: F) -> Self {
        Self { value, slope: F::from(0.0) }
    }

    /// Creates the variable itself, with derivative 1.
    #[inline(always)]
    pub fn variable(value: F) -> Self {
        Self { value, slope: F::from(1.0) }
    }

    /// Applies the chain rule: returns `f(self)` from the value and the derivative of `f` at `self.value`.
    #[inline(always)]
    fn chain(self, value: F, derivative: F) -> Self {
        Self { value, slope: self.slope * derivative }
    }
}

impl<F: Real> From<f32> for Dual<F> {
    #[inline(always)]
    fn from(constant: f32) -> Self {
        Self::fixed(constant.into())
    }
}

impl<F: Real> Add for Dual<F> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, slope: self.slope + other.slope }
    }
}

impl<F: Real> Sub for Dual<F> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { value: self.value - other.value, slope: self.slope - other.slope }
    }
}

impl<F: Real> Mul for Dual<F> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self { value: self.value * other.value, slope: self.slope * other.value + self.value * other.slope }
    }
}

impl<F: Real> Div for Dual<F> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self { value, slope: (self.slope - value * other.slope) / other.value }
    }
}

impl<F: Real> Neg for Dual<F> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, slope: -self.slope }
    }
}

impl<F: Real> Real for Dual<F> {
    #[inline(always)]
    fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), F::from(1.0) / self.value)
    }

    #[inline(always)]
    fn atan(self) -> Self {
        self.chain(self.value.atan(), F::from(1.0) / (self.value * self.value + 1.0.into()))
    }

    #[inline(always)]
    fn erf(self) -> Self {
        let derivative = (-(self.value * self.value)).exp() * std::f32::consts::FRAC_2_SQRT_PI.into();
        self.chain(self.value.erf(), derivative)
    }

    #[inline(always)]
    fn above(self, bound: Self, yes: Self, no: Self) -> Self {
        Self {
            value: self.value.above(bound.value, yes.value, no.value),
            slope: self.value.above(bound.value, yes.slope, no.slope),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Checks value and slope of an expression in `x`, with a constant `c`, computed in dual numbers. The value must
    /// equal that of the same expression in plain numbers, and the slope its central difference.
    macro_rules! check {
        ($x:expr, $c:expr, |$v:ident, $k:ident| $expression:expr) => {{
            let plain = |$v: f64, $k: f64| $expression;
            let dual = |$v: Dual<f64>, $k: Dual<f64>| $expression;
            let found = dual(Dual::variable($x), Dual::fixed($c));
            let slope = (plain($x + 1e-5, $c) - plain($x - 1e-5, $c)) / 2e-5;
            let name = stringify!($expression);
            prop_assert_eq!(found.value, plain($x, $c), "{}", name);
            prop_assert!((found.slope - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{name}: {found:?}, {slope}");
        }};
    }

    proptest! {
        #[test]
        fn derivatives_equal_finite_differences(x in -3.0_f64..3.0, c in 0.5_f64..2.0) {
            prop_assume!((x - c).abs() > 1e-4 && x.abs() > 1e-4 && (x.abs() - 1.0).abs() > 1e-4);
            check!(x, c, |x, c| x + c + x);
            check!(x, c, |x, c| c - x);
            check!(x, c, |x, c| x * x * c);
            check!(x, c, |x, c| (x + c) / (x * x + c));
            check!(x, c, |x, _c| -x);
            check!(x, c, |x, _c| Real::exp(x));
            check!(x, c, |x, c| Real::ln(x * x + c));
            check!(x, c, |x, c| Real::atan(x * c));
            check!(x, c, |x, c| Real::erf(x * c));
            check!(x, c, |x, _c| Real::sigmoid(x));
            check!(x, c, |x, _c| Real::abs(x));
            check!(x, c, |x, _c| Real::clamp(x, -1.0, 1.0));
            check!(x, c, |x, c| Real::above(x, c, x * x, x * c));
        }
    }

    #[test]
    fn functions_are_those_of_their_names() {
        assert_eq!((Real::exp(0.0_f64), Real::ln(1.0_f64), Real::sigmoid(0.0_f64)), (1.0, 0.0, 0.5));
        assert!((Real::atan(1.0_f64) - std::f64::consts::FRAC_PI_4).abs() < 1e-15);
        assert!((Real::erf(0.5_f64) - 0.520_499_877_813_046_5).abs() < 1e-15);
        assert!((Real::erf(0.5_f32) - 0.520_499_9).abs() < 1e-6);
    }

    #[test]
    fn a_choice_is_strict() {
        assert_eq!(1.0_f32.above(1.0, 2.0, 3.0), 3.0);
        assert_eq!((1.5_f32.clamp(-1.0, 1.0), (-1.5_f64).clamp(-1.0, 1.0), 0.5_f32.clamp(-1.0, 1.0)), (1.0, -1.0, 0.5));
    }
}
