//! Checks for NaN and infinite values. A comparison with NaN is false, so a neuron with a NaN current is silent, and
//! later values do not show the fault. Values are therefore checked where they enter.

use crate::error::Error;

/// Largest absolute value of a weight. Sums over all inputs of a neuron and all time steps stay finite with it. Weights
/// of trained networks are far smaller.
pub const LARGEST_WEIGHT: f32 = 1e30;

/// Checks that all `values` of `what` are finite and at most `limit` in absolute value.
///
/// # Errors
/// [`Error::NotFinite`] if some are not.
pub fn check_finite(what: impl FnOnce() -> String, values: &[f32], limit: f32) -> Result<(), Error> {
    let is_usable = |value: f32| value.abs() <= limit; // false for NaN
    // Counting has no branch, so that the compiler can vectorise the loop.
    let count = values.iter().filter(|&&value| !is_usable(value)).count();
    match values.iter().position(|&value| count > 0 && !is_usable(value)) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite { what: what(), count, len: values.len(), index, value: values[index] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_at_fault_are_counted_and_the_first_is_shown() {
        let message =
            |values: &[f32]| check_finite(|| "weight \"fc\"".to_owned(), values, 10.0).unwrap_err().to_string();
        assert_eq!(
            message(&[1.0, f32::NAN, -11.0, f32::INFINITY]),
            "weight \"fc\": 3 of 4 values are not finite or far too large; the first, at index 1, is NaN"
        );
        assert_eq!(
            message(&[f32::NEG_INFINITY]),
            "weight \"fc\": 1 of 1 value is not finite or far too large; the first, at index 0, is -inf"
        );
        assert_eq!(check_finite(String::new, &[-10.0, 0.0, 10.0], 10.0), Ok(()));
        assert_eq!(check_finite(String::new, &[f32::MAX], f32::MAX), Ok(()));
        assert!(check_finite(String::new, &[f32::INFINITY], f32::MAX).is_err());
    }
}
