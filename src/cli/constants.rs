//! Trained neuron constants, such as the leak of a `Plif`.

use crate::{
    cli::text,
    core::{Network, Weights},
};

/// A table of all trained constants, with their values before training and, if `weights` are given, after it. `None` if
/// the neurons of `network` have no trained constants.
pub(crate) fn table(network: &Network, weights: Option<&Weights>) -> Option<String> {
    let mut rows = Vec::new();
    for population in network.populations() {
        for (parameter, &weight) in population.neuron.parameters().iter().zip(&population.parameters) {
            let mut row = vec![population.name.clone(), parameter.name.to_owned(), value(parameter.initial)];
            row.extend(weights.map(|weights| range(weights[weight].iter().map(|w| parameter.link.value(*w)))));
            rows.push(row);
        }
    }
    let head = ["population", "trained constant", "initial", "trained"];
    let columns = if weights.is_some() { 4 } else { 3 };
    (!rows.is_empty()).then(|| text::table(&head[..columns], &rows, &[2, 3][..columns - 2], false))
}

/// A single value, or the smallest and the largest if channels or neurons have their own.
fn range(values: impl Iterator<Item = f32>) -> String {
    let (least, largest) =
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, largest), x| (least.min(x), largest.max(x)));
    if least == largest { value(least) } else { format!("{} to {}", value(least), value(largest)) }
}

fn value(value: f32) -> String {
    format!("{value:.4}")
}
