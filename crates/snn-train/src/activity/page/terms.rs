//! What the figures mean, and where their definitions are from.

use super::html::escape;
use super::units::{count, percent};
use crate::activity::{ActivityReport, SATURATED};

pub(super) fn section(report: &ActivityReport) -> String {
    let terms = [
        ("Inference", format!("One image, shown for {} time steps. All figures but silent and saturated neurons are means over {} images.", report.steps, count(report.images as f64))),
        ("Firing rate, sparsity", "Share of neurons and steps with a spike, and the rest: 1 less the firing rate. NeuroBench takes the mean of the latter over all neurons as activation sparsity.".to_owned()),
        ("Silent, saturated", format!("Neurons that fired at no step of any image, and those that fired at {} of the steps or more.", percent(SATURATED))),
        ("Synapse, fan-out", "A synapse is a pair of neurons that are connected, a fan-out the number of synapses from a neuron. Those of a convolution are fewer at borders and where strides leave pixels out.".to_owned()),
        ("Dense", "All synapses at all steps, whether a spike came or not.".to_owned()),
        ("Effective_ACs", "Accumulates: for each spike, the synapses from its neuron whose weight is not 0. A spike of the input counts whatever its sign.".to_owned()),
        ("Effective_MACs", "Multiply-accumulates: the same for numbers other than 0 that are no spikes, at each step anew. An input that is a current, such as that of the encoder Direct, is made of such numbers.".to_owned()),
        ("By mean fan-out", "Spikes of the source times its mean fan-out, as most papers reckon. It takes neurons at borders, and weights of 0, for like all others.".to_owned()),
        ("ANN MACs", "What a conventional network of the same shape multiplies in one pass: each synapse once.".to_owned()),
        ("Energy", format!("Operations times the energy of one: {} pJ for an accumulate, {} pJ for a multiply-accumulate. The usual values are those of 32-bit floating-point arithmetic in a 45 nm process. It is that of arithmetic on synapses alone: neurons ({} updates of their state an inference), average pools and shortcuts ({} additions), memory and control are not in it, and on most hardware take more.", report.energy.table.ac, report.energy.table.mac, count(report.neuron_updates as f64), count(report.unweighted_additions))),
    ];
    let sources = [
        "Yik et al., The NeuroBench framework for benchmarking neuromorphic computing algorithms and systems, Nature Communications 16:1545, 2025: Dense, Effective_ACs, Effective_MACs, activation sparsity.",
        "Lee, Sarwar, Panda, Srinivasan and Roy, Enabling Spike-based Backpropagation for Training Deep Neural Network Architectures, Frontiers in Neuroscience 14:119, 2020: comparison at the same accuracy, operations by mean fan-out.",
        "Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014: energy of an operation.",
    ];
    let terms: String =
        terms.iter().map(|(term, text)| format!("<dt>{}</dt><dd>{}</dd>", escape(term), escape(text))).collect();
    let sources: String = sources.iter().map(|source| format!("<li>{}</li>", escape(source))).collect();
    format!("<h2>What the figures mean</h2><dl class=\"terms\">{terms}</dl><h2>Sources</h2><ul>{sources}</ul>")
}
