//! The memory of a run, by what it is for: `snn show` states it, `snn train` states it and refuses what does not fit.

use std::fs;

use anyhow::bail;

use crate::{
    cli::{loading::Named, text},
    core::{Engine, Memory, Plan},
};

/// What a run takes at most.
pub(crate) struct RunMemory {
    /// Of the computer's memory.
    pub(crate) host: Memory,
    /// Of the card's own memory; no parts without a card that has any.
    pub(crate) card: Memory,
}

impl RunMemory {
    /// All parts, those on the card first.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.card.parts.iter().chain(&self.host.parts).copied()
    }
}

/// What training with batches of `batch` takes at most, with a data set of `data` bytes: the training session, the
/// evaluation session beside it, the values that are learned with all that the optimizer and a checkpoint hold of them,
/// outputs over time with their errors, and the data set.
pub(crate) fn of_run(named: &Named, engine: &dyn Engine, data: usize, batch: usize) -> anyhow::Result<RunMemory> {
    let experiment = &named.experiment;
    let network = &named.built.network;
    let steps = experiment.steps;
    let plan = Plan { chunk: experiment.training.chunk, ..Plan::new(steps, batch).train() };
    let session = |plan| engine.compile(network, plan).map(|session| session.memory().total());
    let memories = experiment.training.optimizer.memories().len();
    // Weights, gradients and memories; a checkpoint holds weights and memories once as values and once as bytes.
    let copies = 2 + memories + 2 * (1 + memories);
    let sessions = vec![("training", session(plan)?), ("evaluation", session(Plan { train: false, ..plan })?)];
    let around = vec![
        ("data", data),
        ("weights and optimizer", copies * network.parameters() * size_of::<f32>()),
        ("outputs", 2 * steps * batch * network.classes() * size_of::<f32>()),
    ];
    Ok(if engine.has_own_memory() {
        RunMemory { host: Memory { parts: around }, card: Memory { parts: sessions } }
    } else {
        RunMemory { host: Memory { parts: [sessions, around].concat() }, card: Memory::default() }
    })
}

/// Totals and parts on one line.
pub(crate) fn planned(memory: &RunMemory) -> String {
    let RunMemory { host, card } = memory;
    let parts = |memory: &Memory| {
        let part = |(what, bytes): &(&str, usize)| format!("{what} {}", text::bytes(*bytes));
        memory.parts.iter().map(part).collect::<Vec<_>>().join(", ")
    };
    let sum = |memory: &Memory| text::bytes(memory.total());
    if card.parts.is_empty() {
        format!("{} planned ({})", sum(host), parts(host))
    } else {
        format!("{} planned on the card ({}), {} beside it ({})", sum(card), parts(card), sum(host), parts(host))
    }
}

/// Refuses a plan that is larger than the memory of the computer that is free, where the system tells it. A card refuses
/// by itself what it has no room for, when a session is compiled.
pub(crate) fn check(memory: &RunMemory) -> anyhow::Result<()> {
    let Ok(system) = fs::read_to_string("/proc/meminfo") else { return Ok(()) };
    let line = system.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    match kibibytes.map(|kibibytes| kibibytes.saturating_mul(1024)) {
        Some(free) if memory.host.total() > free => bail!(
            "this run would take up to {}, and {} of memory are free; try a smaller --batch or fewer --steps",
            text::bytes(memory.host.total()),
            text::bytes(free)
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_on_the_card_is_told_apart() {
        let (sessions, around) = (vec![("training", 5_000_000_000)], vec![("data", 200_000_000)]);
        let together = Memory { parts: [sessions.clone(), around.clone()].concat() };
        let here = RunMemory { host: together, card: Memory::default() };
        assert_eq!(planned(&here), "5.2 GB planned (training 5.0 GB, data 200 MB)");
        let there = RunMemory { host: Memory { parts: around }, card: Memory { parts: sessions } };
        let text = "5.0 GB planned on the card (training 5.0 GB), 200 MB beside it (data 200 MB)";
        assert_eq!(planned(&there), text);
        assert_eq!(there.parts().map(|(what, _)| what).collect::<Vec<_>>(), ["training", "data"]);
    }
}
