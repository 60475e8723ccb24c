//! Losses on the readout.

/// Summed squared error against the one-hot target, `L = Σ_n Σ_k (y - onehot)^2`: a sum over batch and classes, with
/// neither a mean nor a factor 1/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SquaredError;

impl SquaredError {
    /// Loss of each sample, and `dL/dy` of shape `[N, K]`, for outputs `[N, K]` and the class of each sample.
    pub fn evaluate(self, output: &[f32], classes: &[u8], n_classes: usize) -> (Vec<f32>, Vec<f32>) {
        let mut losses = Vec::with_capacity(classes.len());
        let mut d_output = Vec::with_capacity(output.len());
        for (row, &class) in output.chunks_exact(n_classes).zip(classes) {
            let errors = row.iter().enumerate().map(|(k, y)| y - f32::from(u8::from(k == usize::from(class))));
            d_output.extend(errors.clone().map(|error| 2.0 * error));
            losses.push(errors.map(|error| error * error).sum());
        }
        (losses, d_output)
    }
}

/// Index of the largest value; the first of equals.
pub fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (k, &y) in row.iter().enumerate() {
        if y > row[best] {
            best = k;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_a_sum_without_a_half() {
        let (losses, d_output) = SquaredError.evaluate(&[0.5, 0.25, 0.0, 1.0], &[0, 1], 2);
        assert_eq!(losses, [0.25 + 0.0625, 0.0]);
        assert_eq!(d_output, [-1.0, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(argmax(&[0.0, 2.0, 2.0]), 1);
    }
}
