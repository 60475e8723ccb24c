//! Memory requirements of spike-gated sessions.

use snn_core::Memory;

use super::forward::parts;
use crate::compiled::Compiled;
use crate::events::Events;
use crate::kernels::dense;
use crate::layout::Layout;
use crate::simd::LANE;

/// The memory of a session, by purpose.
pub(crate) fn of(compiled: &Compiled, threads: usize) -> Memory {
    let mut memory = compiled.memory();
    let work_space = (1..=compiled.round).map(|samples| parts(samples, threads) * samples * of_part(compiled)).max();
    memory.parts.push(("events", lists(compiled)));
    memory.parts.push(("work space", work_space.unwrap_or(0) + of_sample(compiled) * compiled.round));
    let products = dense::work_space(compiled.plan.steps, compiled.level.tile_lanes() * LANE, windows(compiled));
    memory.parts.push(("matrix products", products * threads));
    memory
}

/// The budget in bytes of the event lists of all samples of a round. It is enough for every sample in the forward pass
/// and for one sample's errors in the backward pass, even if every neuron fires at every step.
pub(super) fn event_budget(compiled: &Compiled) -> usize {
    let steps = compiled.plan.steps;
    let most = |layout: &Layout, errors| Events::bytes(layout, layout.pixels() * layout.channels * steps, errors);
    let lists = |index: usize| -> usize {
        compiled.network.connections(index).map(|(connection, _)| most(compiled.source(connection.source), false)).sum()
    };
    let forward = (0..compiled.populations.len()).map(lists).max().unwrap_or(0) * compiled.round;
    let backward = compiled.most_live(|index| most(&compiled.populations[index], true));
    forward.max(backward)
}

/// Bytes of all event lists: those that remain from a forward pass, those of a backward pass, and those of the input.
fn lists(compiled: &Compiled) -> usize {
    if !compiled.plan.train {
        return event_budget(compiled);
    }
    let spikes = compiled.input.pixels() * compiled.input.channels * compiled.plan.steps;
    2 * event_budget(compiled) + compiled.round * Events::bytes(&compiled.input, spikes, false)
}

/// Bytes of the forward buffers of one part of a sample: currents over time, and the matrix of the dense path.
fn of_part(compiled: &Compiled) -> usize {
    (windows(compiled) + compiled.level.tile_lanes() * LANE) * compiled.plan.steps * size_of::<f32>()
}

/// Bytes of the backward buffers of one sample: errors over time, the matrices of the dense path, and the dropout
/// mask.
fn of_sample(compiled: &Compiled) -> usize {
    let masks = compiled.populations.iter().map(|layout| layout.pixels() * layout.channels).max().unwrap_or(0);
    let errors = if compiled.plan.train { 2 * windows(compiled) + compiled.level.tile_lanes() * LANE } else { 0 };
    (errors * compiled.plan.steps + masks) * size_of::<f32>()
}

/// The maximum row length of the dense path's matrix: the number of inputs of a neuron.
fn windows(compiled: &Compiled) -> usize {
    compiled.weights.iter().map(|shape| shape.taps * shape.inputs).max().unwrap_or(0)
}
