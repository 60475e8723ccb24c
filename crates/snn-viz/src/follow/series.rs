//! A quantity over a run of any length, in bounded memory.

/// Maximum number of points that a [`Series`] keeps.
pub const MOST_POINTS: usize = 4096;

/// A quantity over the epochs of a run. Once there are [`MOST_POINTS`] points, neighbours are merged into their mean,
/// and each further point represents twice as many values. The result depends on the values only, not on when they were
/// added.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    points: Vec<[f64; 2]>,
    /// Number of values per point.
    each: usize,
    /// Sums and number of the values that do not fill a point yet.
    sums: [f64; 2],
    count: usize,
}

impl Default for Series {
    fn default() -> Self {
        Self { points: Vec::new(), each: 1, sums: [0.0; 2], count: 0 }
    }
}

impl Series {
    /// Appends `value` at `epoch`. Values that are not finite cannot be plotted and are ignored.
    pub fn push(&mut self, epoch: f64, value: f64) {
        if !epoch.is_finite() || !value.is_finite() {
            return;
        }
        self.sums = [self.sums[0] + epoch, self.sums[1] + value];
        self.count += 1;
        if self.count < self.each {
            return;
        }
        self.points.push(self.sums.map(|sum| sum / self.each as f64));
        (self.sums, self.count) = ([0.0; 2], 0);
        if self.points.len() == MOST_POINTS {
            self.points = self.points.chunks(2).map(mean).collect();
            self.each *= 2;
        }
    }

    /// Epoch and value of each point.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// Means over at most `most` stretches with the same number of points. Points at the end that do not fill a stretch
    /// are omitted, because a mean of few points would be noisier than the others.
    pub fn stretches(&self, most: usize) -> Vec<[f64; 2]> {
        let each = self.points.len().div_ceil(most.max(1)).max(1);
        self.points.chunks_exact(each).map(mean).collect()
    }
}

fn mean(points: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|part| points.iter().map(|point| point[part]).sum::<f64>() / points.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(values: usize) -> Series {
        let mut series = Series::default();
        for k in 0..values {
            series.push(k as f64, 2.0 * k as f64);
        }
        series
    }

    #[test]
    fn a_short_series_is_kept_as_it_is() {
        let points = ramp(3).points().to_vec();
        assert_eq!(points, [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]);
    }

    #[test]
    fn neighbours_are_merged_where_there_are_too_many() {
        let full = ramp(MOST_POINTS);
        assert_eq!(full.points().len(), MOST_POINTS / 2);
        assert_eq!(full.points()[..2], [[0.5, 1.0], [2.5, 5.0]]);
        assert_eq!(ramp(MOST_POINTS + 1).points(), full.points(), "half a point is not shown yet");
        assert_eq!(
            ramp(MOST_POINTS + 2).points().last(),
            Some(&[MOST_POINTS as f64 + 0.5, 2.0 * MOST_POINTS as f64 + 1.0])
        );
    }

    #[test]
    fn memory_is_bounded() {
        let long = ramp(1_000_003);
        assert!(long.points().len() < MOST_POINTS && long.points().len() >= MOST_POINTS / 2 - 1);
        assert!(long.points().is_sorted_by_key(|point| point[0]));
    }

    #[test]
    fn what_is_not_finite_is_passed_over() {
        let mut series = ramp(1);
        for (epoch, value) in [(1.0, f64::NAN), (f64::INFINITY, 1.0), (2.0, 7.0)] {
            series.push(epoch, value);
        }
        assert_eq!(series.points(), [[0.0, 0.0], [2.0, 7.0]]);
    }

    #[test]
    fn stretches_are_means() {
        assert_eq!(ramp(5).stretches(3), [[0.5, 1.0], [2.5, 5.0]]);
        assert_eq!(ramp(2).stretches(9), ramp(2).points());
        assert!(ramp(0).stretches(9).is_empty());
    }
}
