//! The memory of a run, by what it is for: `snn show` states it, `snn train` states it and refuses what does not fit.

use std::fs;

use anyhow::bail;

use crate::{
    cli::{loading::Named, text},
    core::{Engine, Memory, Plan},
};

/// What training with batches of `batch` takes at most, with a data set of `data` bytes: the training session, the
/// evaluation session beside it, the values that are learned with all that the optimizer and a checkpoint hold of them,
/// outputs over time with their errors, and the data set.
pub(crate) fn of_run(named: &Named, engine: &dyn Engine, data: usize, batch: usize) -> anyhow::Result<Memory> {
    let experiment = &named.experiment;
    let network = &named.built.network;
    let steps = experiment.steps;
    let plan = Plan { chunk: experiment.training.chunk, ..Plan::new(steps, batch).train() };
    let session = |plan| engine.compile(network, plan).map(|session| session.memory().total());
    let memories = experiment.training.optimizer.memories().len();
    // Weights, gradients and memories; a checkpoint holds weights and memories once as values and once as bytes.
    let copies = 2 + memories + 2 * (1 + memories);
    let parts = vec![
        ("training", session(plan)?),
        ("evaluation", session(Plan { train: false, ..plan })?),
        ("data", data),
        ("weights and optimizer", copies * network.parameters() * size_of::<f32>()),
        ("outputs", 2 * steps * batch * network.classes() * size_of::<f32>()),
    ];
    Ok(Memory { parts })
}

/// Total and parts on one line.
pub(crate) fn planned(memory: &Memory) -> String {
    let parts: Vec<String> =
        memory.parts.iter().map(|(what, bytes)| format!("{what} {}", text::bytes(*bytes))).collect();
    format!("{} planned ({})", text::bytes(memory.total()), parts.join(", "))
}

/// Refuses a plan that is larger than the memory that is free, where the system tells it.
pub(crate) fn check(memory: &Memory) -> anyhow::Result<()> {
    let Ok(system) = fs::read_to_string("/proc/meminfo") else { return Ok(()) };
    let line = system.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    match kibibytes.map(|kibibytes| kibibytes.saturating_mul(1024)) {
        Some(free) if memory.total() > free => bail!(
            "this run would take up to {}, and {} of memory are free; try a smaller --batch or fewer --steps",
            text::bytes(memory.total()),
            text::bytes(free)
        ),
        _ => Ok(()),
    }
}
