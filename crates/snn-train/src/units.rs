//! Formatting of numbers with units.

/// Formats a count: `987`, `41,210`, `1.23 M`, `5.68 G`.
pub fn count(value: f64) -> String {
    if value < 99_999.5 {
        return thousands(value.round() as u64);
    }
    scaled(value, &[(1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")])
}

/// Formats picojoules in a suitable unit: `1.23 µJ`.
pub fn joules(picojoules: f64) -> String {
    scaled(picojoules, &[(1.0, "pJ"), (1e3, "nJ"), (1e6, "µJ"), (1e9, "mJ"), (1e12, "J")])
}

/// Formats a fraction as a percentage: `3.2 %`, `0.05 %`, `98.73 %`.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let decimals = if percent == 0.0 || (1.0..99.0).contains(&percent) { 1 } else { 2 };
    format!("{percent:.decimals$} %")
}

/// Formats a number with at most three significant digits: `0.0123`, `4.5`; from 1,000 on as an integer.
pub fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.abs().to_string();
    }
    if value >= 999.5 {
        return thousands(value as u64);
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Formats seconds: `4.4 s`, `1:58` (minutes), or `1:02:03` from one hour on.
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Formats a fraction as percentage points: `1 point`, `0.5 points`.
pub fn points(share: f64) -> String {
    let points = significant(100.0 * share);
    if points == "1" { "1 point".to_owned() } else { points + " points" }
}

/// Formats a value with three digits, in the largest unit in which it is at least 1.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let (size, unit) = units.iter().rev().find(|(size, _)| value >= *size).or(units.first()).unwrap_or(&(1.0, ""));
    let value = value / size;
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {unit}")
}

/// Formats an integer with thousands separators: `41,210`.
pub fn thousands(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().map_or_else(|_| "?".to_owned(), |n: u64| n.to_string());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        assert_eq!([0_u64, 999, 1000, 5_784_000].map(thousands), ["0", "999", "1,000", "5,784,000"]);
        assert_eq!([4.4, 118.0, 3723.0].map(duration), ["4.4 s", "1:58", "1:02:03"]);
        assert_eq!(
            [0.0, 1.0, -0.25, 0.012_345, 55.443, 1234.5, f64::NAN].map(significant),
            ["0", "1", "-0.25", "0.0123", "55.4", "1,234", "NaN"]
        );
        assert_eq!([0.0, 0.0004, 0.01].map(points), ["0 points", "0.04 points", "1 point"]);
        assert_eq!([0.0, 987.4, 41_210.0, 123_456.0, 5.684e9].map(count), ["0", "987", "41,210", "123 k", "5.68 G"]);
        assert_eq!(
            [0.0, 0.5, 39.6, 1234.0, 4.2e7].map(joules),
            ["0.00 pJ", "0.50 pJ", "39.6 pJ", "1.23 nJ", "42.0 µJ"]
        );
        assert_eq!(
            [0.0, 0.0005, 0.032, 0.9873, 0.9941].map(percent),
            ["0.0 %", "0.05 %", "3.2 %", "98.7 %", "99.41 %"]
        );
    }
}
