//! Checks that a maker makes of its numbers; each names the field at fault.

use super::PartError;

/// Greater than 0 and finite.
///
/// # Errors
/// [`PartError`] at `path`, as with all checks here.
pub fn positive(path: &str, found: f32) -> Result<(), PartError> {
    finite(path, found)?;
    require(found > 0.0, path, "greater than 0", &found)
}

/// At least 0 and finite.
///
/// # Errors
/// As [`positive`].
pub fn not_negative(path: &str, found: f32) -> Result<(), PartError> {
    finite(path, found)?;
    require(found >= 0.0, path, "at least 0", &found)
}

/// A finite number.
///
/// # Errors
/// As [`positive`].
pub fn finite(path: &str, found: f32) -> Result<(), PartError> {
    require(found.is_finite(), path, "a finite number", &found)
}

/// In `(0, 1]`, as a leak is.
///
/// # Errors
/// As [`positive`].
pub fn leak(path: &str, found: f32) -> Result<(), PartError> {
    require(found > 0.0 && found <= 1.0, path, "greater than 0 and at most 1", &found)
}

/// In `[0, 1)`, as a probability of dropout is.
///
/// # Errors
/// As [`positive`].
pub fn fraction(path: &str, found: f32) -> Result<(), PartError> {
    require((0.0..1.0).contains(&found), path, "at least 0 and less than 1", &found)
}

/// In `(0, 1)`, as a leak that is learned starts.
///
/// # Errors
/// As [`positive`].
pub fn open_fraction(path: &str, found: f32) -> Result<(), PartError> {
    require(found > 0.0 && found < 1.0, path, "greater than 0 and less than 1", &found)
}

/// At least 1 and at most `most`.
///
/// # Errors
/// As [`positive`].
pub fn count(path: &str, found: usize, most: usize) -> Result<(), PartError> {
    require(found > 0, path, "at least 1", &found)?;
    require(found <= most, path, format!("at most {most}"), &found)
}

/// Any condition, with its range in words.
///
/// # Errors
/// As [`positive`].
pub fn require(holds: bool, path: &str, range: impl Into<String>, found: &impl ToString) -> Result<(), PartError> {
    if holds { Ok(()) } else { Err(PartError::range(path, range, found)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_told_so() {
        let message = |result: Result<(), PartError>| result.unwrap_err().to_string();
        for check in [positive, not_negative] {
            assert!(message(check("rate", f32::INFINITY)).contains("a finite number"));
        }
        assert!(message(positive("rate", 0.0)).contains("greater than 0"));
    }
}
