//! Checks of a surrogate's slope against its primitive.

use std::fmt;

use proptest::prelude::*;

use super::{ProofCase, compare, parts, run};
use crate::part::Part;
use crate::registry::Registry;

/// A surrogate and a margin at which to evaluate it.
#[derive(Debug, Clone, PartialEq)]
pub struct SurrogateCase {
    /// The surrogate, such as `Atan(alpha: 2.0)`.
    pub surrogate: String,
    /// The margin.
    pub x: f64,
}

/// Checks every surrogate of `registry`, including those among `variants`.
///
/// # Errors
/// The failed case, as code to paste into a unit test.
pub fn surrogates(registry: &Registry, variants: &[&str]) -> Result<(), String> {
    for surrogate in parts(registry.surrogates.names(), variants) {
        let margin = prop_oneof![4 => -3.0..3.0_f64, 1 => -1e4..1e4_f64, 1 => Just(0.0)];
        let strategy = margin.prop_map(move |x| SurrogateCase { surrogate: surrogate.clone(), x });
        run(registry, 256, strategy)?;
    }
    Ok(())
}

impl SurrogateCase {
    /// Compares `grad` with finite differences of `primitive`, and its single-precision with its double-precision
    /// value.
    ///
    /// # Errors
    /// The value that differs.
    pub fn check(&self, registry: &Registry) -> Result<(), String> {
        let text = &self.surrogate;
        let mut part = Part::parse(text).map_err(|error| error.to_string())?;
        let surrogate = registry.surrogates.make(&mut part, registry).map_err(|error| format!("{text}: {error}"))?;
        let grad = surrogate.grad(self.x);
        let mut single = [self.x as f32];
        surrogate.curve().grad32(&mut single);
        if (f64::from(single[0]) - surrogate.grad(f64::from(self.x as f32))).abs() > 1e-5 * (1.0 + grad.abs()) {
            return Err(format!("{text} at {}: grad is {grad} in f64 and {} in f32", self.x, single[0]));
        }
        let scale = 0.01 * self.x.abs().max(1.0);
        compare(&format!("{text} at {}", self.x), grad, scale, |h| surrogate.primitive(self.x + h))
    }
}

impl ProofCase for SurrogateCase {
    fn check(&self, registry: &Registry) -> Result<(), String> {
        self.check(registry)
    }
}

impl fmt::Display for SurrogateCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { surrogate, x } = self;
        writeln!(f, "let case = SurrogateCase {{ surrogate: {surrogate:?}.to_owned(), x: {x:?} }};")?;
        write!(f, "case.check(&registry).unwrap();")
    }
}
