//! Checks of a loss and a score against finite differences.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ProofCase, compare, parts, run};
use crate::part::Part;
use crate::registry::Registry;

/// A loss of one sample with given output.
#[derive(Debug, Clone, PartialEq)]
pub struct LossCase {
    /// The loss, such as `SquaredError`.
    pub loss: String,
    /// The score, such as `Final`.
    pub score: String,
    /// Number of classes.
    pub classes: usize,
    /// Class of the sample.
    pub class: usize,
    /// Output `[T, K]`.
    pub output: Vec<f64>,
}

/// Checks every loss of `registry` with every score, including those among `variants`.
///
/// # Errors
/// The failed case, as code to paste into a unit test.
pub fn losses(registry: &Registry, variants: &[&str]) -> Result<(), String> {
    for loss in parts(registry.losses.names(), variants) {
        for readout in parts(registry.scores.names(), variants) {
            let (loss, readout) = (loss.clone(), readout.clone());
            let sizes = (1..5_usize, 2..5_usize).prop_flat_map(|(steps, classes)| {
                (
                    Just(classes),
                    0..classes,
                    prop_oneof![vec(-2.0..2.0, steps * classes), vec(-40.0..40.0, steps * classes)],
                )
            });
            let strategy = sizes.prop_map(move |(classes, class, output)| LossCase {
                loss: loss.clone(),
                score: readout.clone(),
                classes,
                class,
                output,
            });
            run(registry, 48, strategy)?;
        }
    }
    Ok(())
}

impl LossCase {
    /// Compares the gradient of the loss with respect to each output with finite differences.
    ///
    /// # Errors
    /// The value that differs.
    pub fn check(&self, registry: &Registry) -> Result<(), String> {
        let Self { classes, class, .. } = *self;
        let parse = |text: &str| Part::parse(text).map_err(|error| error.to_string());
        let loss = registry.losses.make(&mut parse(&self.loss)?, registry).map_err(|error| error.to_string())?;
        let readout = registry.scores.make(&mut parse(&self.score)?, registry).map_err(|error| error.to_string())?;
        let (_, d_output) = loss.evaluate(&self.output, classes, class, &*readout);
        if d_output.len() != self.output.len() {
            return Err(format!("{}: {} derivatives of {} outputs", self.loss, d_output.len(), self.output.len()));
        }
        for (i, d) in d_output.iter().enumerate() {
            let what = format!("{} of {}: by class {} at step {}", self.loss, self.score, i % classes, i / classes);
            compare(&what, *d, 1.0, |h| {
                let mut output = self.output.clone();
                output[i] += h;
                loss.evaluate(&output, classes, class, &*readout).0
            })?;
        }
        Ok(())
    }
}

impl ProofCase for LossCase {
    fn check(&self, registry: &Registry) -> Result<(), String> {
        self.check(registry)
    }
}

impl fmt::Display for LossCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss, score: readout, classes, class, output } = self;
        writeln!(f, "let case = LossCase {{")?;
        writeln!(f, "    loss: {loss:?}.to_owned(),")?;
        writeln!(f, "    readout: {readout:?}.to_owned(),")?;
        writeln!(f, "    classes: {classes},")?;
        writeln!(f, "    class: {class},")?;
        writeln!(f, "    output: vec!{output:?},")?;
        writeln!(f, "}};")?;
        write!(f, "case.check(&registry).unwrap();")
    }
}
