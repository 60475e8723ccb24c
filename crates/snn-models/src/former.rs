//! Names that fields had in version 0.1, so that experiments, runs and checkpoints from then are read.

use std::borrow::Cow;
use std::ops::Range;

use snn_core::part::{Node, Path};

/// The former name of a field and its name, for parts with any of these names; the experiment itself has none or its own.
const FORMER: [(&[&str], &str, &str); 3] = [
    (&["", "Experiment"], "readout", "score"),
    (&["Sgd", "Adam", "AdamW"], "rate", "lr"),
    (&["LeakyIntegrator", "CubaIntegrator"], "threshold", "divisor"),
];

/// The RON `text` of an experiment with the names that its fields have today. Text that cannot be read is returned unchanged.
pub(crate) fn with_present_names(text: &str) -> Cow<'_, str> {
    let Ok(tree) = Node::read(text) else { return Cow::Borrowed(text) };
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    let mut look = |node: &Node<'_>, is_whole: bool| {
        for (names, former, name) in FORMER {
            // Only the experiment is recognised without a name: other values without one have other fields called so.
            let is_one = names.contains(&node.name) && (is_whole || !node.name.is_empty());
            found.extend(node.key(former).filter(|_| is_one && node.key(name).is_none()).map(|key| (key, name)));
        }
    };
    look(&tree, true);
    tree.visit(&Path::default(), &mut |_, node| look(node, false));
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|(key, _)| key.start);
    let mut renamed = text.to_owned();
    for (key, name) in found.into_iter().rev() {
        renamed.replace_range(key, name);
    }
    Cow::Owned(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_names_are_replaced_where_they_were_names_of_that_field() {
        for (before, after) in [
            ("Experiment(readout: Mean, steps: 3)", "Experiment(score: Mean, steps: 3)"),
            ("(readout: Mean, network: LeNet(readout: If))", "(score: Mean, network: LeNet(readout: If))"),
            ("(training: (optimizer: Adam(rate: 0.1)))", "(training: (optimizer: Adam(lr: 0.1)))"),
            (
                "(network: Sequence(layers: [Readout(neuron: LeakyIntegrator(threshold: 2.0))], neuron: Lif(threshold: 1.0)))",
                "(network: Sequence(layers: [Readout(neuron: LeakyIntegrator(divisor: 2.0))], neuron: Lif(threshold: 1.0)))",
            ),
            ("(score: Mean, readout: Sum)", "(score: Mean, readout: Sum)"),
            ("(readout: Mean", "(readout: Mean"),
        ] {
            assert_eq!(with_present_names(before), after);
        }
    }
}
