//! Range checks of numeric fields. The error of each check names the field at fault.

use super::PartError;

/// Checks that a number is greater than 0 and finite.
///
/// # Errors
/// [`PartError`] at `path`.
pub fn positive(path: &str, found: f32) -> Result<(), PartError> {
    finite(path, found)?;
    require(found > 0.0, path, "greater than 0", &found)
}

/// Checks that a number is at least 0 and finite.
///
/// # Errors
/// As [`positive`].
pub fn not_negative(path: &str, found: f32) -> Result<(), PartError> {
    finite(path, found)?;
    require(found >= 0.0, path, "at least 0", &found)
}

/// Checks that a number is finite.
///
/// # Errors
/// As [`positive`].
pub fn finite(path: &str, found: f32) -> Result<(), PartError> {
    require(found.is_finite(), path, "a finite number", &found)
}

/// Checks that a number is in `(0, 1]`, as for a leak.
///
/// # Errors
/// As [`positive`].
pub fn leak(path: &str, found: f32) -> Result<(), PartError> {
    require(found > 0.0 && found <= 1.0, path, "greater than 0 and at most 1", &found)
}

/// Checks that a number is in `[0, 1)`, as for a dropout probability.
///
/// # Errors
/// As [`positive`].
pub fn fraction(path: &str, found: f32) -> Result<(), PartError> {
    require((0.0..1.0).contains(&found), path, "at least 0 and less than 1", &found)
}

/// Checks that a number is in `(0, 1)`, as for the initial value of a trained leak.
///
/// # Errors
/// As [`positive`].
pub fn open_fraction(path: &str, found: f32) -> Result<(), PartError> {
    require(found > 0.0 && found < 1.0, path, "greater than 0 and less than 1", &found)
}

/// Checks that a number is at least 1 and at most `most`.
///
/// # Errors
/// As [`positive`].
pub fn count(path: &str, found: usize, most: usize) -> Result<(), PartError> {
    require(found > 0, path, "at least 1", &found)?;
    require(found <= most, path, format!("at most {most}"), &found)
}

/// Checks the condition `holds`. `range` describes it in words.
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
