//! Summary statistics of large tensors: mean, deviation, zeros, and a histogram.

/// Number of histogram bins; odd, so that one is centred at 0.
pub(crate) const CLASSES: usize = 61;

/// Statistics of the values of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statistics {
    /// Mean.
    pub(crate) mean: f64,
    /// Standard deviation.
    pub(crate) deviation: f64,
    /// Fraction of values that are exactly 0.
    pub(crate) zeros: f64,
    /// Largest absolute value.
    pub(crate) largest: f64,
    /// Number of nonzero values in each bin. Bins have equal width, from `-largest` to `largest`.
    pub(crate) histogram: Vec<u64>,
}

impl Statistics {
    /// Computes the statistics of `values` with `classes` bins. Non-finite values are ignored, except that they count
    /// as nonzero.
    pub(crate) fn of(values: &[f32], classes: usize) -> Self {
        let finite = || values.iter().map(|&value| f64::from(value)).filter(|value| value.is_finite());
        let number = finite().count().max(1) as f64;
        let mean = finite().sum::<f64>() / number;
        let variance = finite().map(|value| (value - mean).powi(2)).sum::<f64>() / number;
        let largest = finite().fold(0.0, |most: f64, value| most.max(value.abs()));
        let zeros = values.iter().filter(|value| **value == 0.0).count();
        let mut histogram = vec![0; classes.max(1)];
        let last = histogram.len() - 1;
        for value in finite().filter(|value| *value != 0.0) {
            let place = 0.5 + 0.5 * value / largest;
            histogram[((place * classes as f64) as usize).min(last)] += 1;
        }
        let zeros = zeros as f64 / values.len().max(1) as f64;
        Self { mean, deviation: variance.sqrt(), zeros, largest, histogram }
    }

    /// Width of a bin.
    pub(crate) fn width(&self) -> f64 {
        let width = 2.0 * self.largest / self.histogram.len() as f64;
        if width > 0.0 { width } else { 1.0 }
    }

    /// Centre of a bin.
    pub(crate) fn middle(&self, class: usize) -> f64 {
        (class as f64 + 0.5 - self.histogram.len() as f64 / 2.0) * self.width()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_once_each() {
        let found = Statistics::of(&[-1.0, 0.0, 0.0, 0.5, 2.0, 1.5], 4);
        assert_eq!((found.mean, found.largest, found.zeros), (0.5, 2.0, 1.0 / 3.0));
        assert!((found.deviation - (6.0_f64 / 6.0).sqrt()).abs() < 1e-12, "{}", found.deviation);
        assert_eq!(found.histogram, [0, 1, 1, 2]);
        assert_eq!((found.width(), found.middle(0), found.middle(3)), (1.0, -1.5, 1.5));
    }

    #[test]
    fn nothing_and_what_is_not_finite_are_borne() {
        let nothing = Statistics::of(&[], 3);
        assert_eq!((nothing.mean, nothing.zeros, nothing.histogram.clone()), (0.0, 0.0, vec![0, 0, 0]));
        assert_eq!(Statistics::of(&[0.0, 0.0], 3).histogram, [0, 0, 0]);
        let found = Statistics::of(&[f32::NAN, f32::INFINITY, 1.0, -1.0], 2);
        assert_eq!((found.mean, found.largest, found.histogram), (0.0, 1.0, vec![1, 1]));
    }
}
