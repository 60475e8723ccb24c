//! Memory estimates of commands, by purpose. `snn show` prints them. Every command that computes checks them before it
//! reads data.

use anyhow::bail;

use crate::{
    cli::{
        arguments::{Selection, Split},
        limits, text,
    },
    core::{DataSource, Engine, Limit, Memory, Plan},
    models::Built,
};

/// Memory of the program itself: its code, the stacks of its threads, and what the allocator keeps.
const PROGRAM: usize = 16_000_000;

/// Maximum memory of a run.
pub(crate) struct RunMemory {
    /// Host memory.
    pub(crate) host: Memory,
    /// Device memory of the GPU; empty without a GPU that has its own.
    pub(crate) card: Memory,
}

/// Where sessions allocate memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// In host memory.
    Host,
    /// In device memory of the GPU.
    Gpu,
}

impl Device {
    /// The device of an engine. This opens its GPU if it has one.
    pub(crate) fn of(engine: &dyn Engine) -> Self {
        if engine.uses_device_memory() { Self::Gpu } else { Self::Host }
    }
}

impl RunMemory {
    /// All parts, those in device memory first.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.card.parts.iter().chain(&self.host.parts).copied()
    }

    /// Memory of `sessions` on `device`, and of everything around them on the host.
    fn new(device: Device, sessions: Vec<(&'static str, usize)>, around: Vec<(&'static str, usize)>) -> Self {
        let around = [around, vec![("program", PROGRAM)]].concat();
        match device {
            Device::Gpu => Self { host: Memory { parts: around }, card: Memory { parts: sessions } },
            Device::Host => Self { host: Memory { parts: [sessions, around].concat() }, card: Memory::default() },
        }
    }
}

/// Maximum memory of training with batches of `batch`: the training session, the evaluation session beside it, the
/// trained values with all copies of them in optimizer and checkpoint, outputs over time with their errors, and the
/// data set. Reading the data set may temporarily take more than is kept of it, before the sessions exist.
pub(crate) fn of_training(
    built: &Built,
    engine: &dyn Engine,
    device: Device,
    batch: usize,
) -> anyhow::Result<RunMemory> {
    let network = &built.network;
    let plan =
        Plan { chunk: built.experiment.training.chunk, ..built.input.plan(built.experiment.steps, batch).train() };
    let session = |plan| engine.memory(network, plan).map(|memory| memory.total());
    let state = built.experiment.training.optimizer.state_kinds().len();
    // Weights, gradients and optimizer state; a checkpoint holds weights and state once as values and once as bytes.
    let raw = usize::from(network.with_gains().is_some()); // and the raw values of standardised weights
    let average = usize::from(built.experiment.training.average.is_some());
    let copies = 2 + state + 2 * (1 + state) + 4 * raw + 4 * average;
    let sessions = vec![("training", session(plan)?), ("evaluation", session(Plan { train: false, ..plan })?)];
    let mut around = vec![
        ("weights and optimizer", bytes(&[copies, network.parameters()])),
        ("outputs", bytes(&[2, built.experiment.steps, batch, network.classes()])),
    ];
    around.extend(input_numbers(built, plan));
    let data = data(built, built.experiment.training.limit, sessions.iter().chain(&around));
    around.splice(0..0, data);
    Ok(RunMemory::new(device, sessions, around))
}

/// Memory of an input of numbers that change over time, outside of sessions: as encoded, and in transfer to a GPU.
fn input_numbers(built: &Built, plan: Plan) -> Option<(&'static str, usize)> {
    let numbers = bytes(&[4, plan.steps, plan.batch, built.network.input().len()]);
    plan.numbers.then_some(("input", numbers))
}

/// Maximum memory of trials of trained networks, one network at a time: a session for `plan`, the weights as a
/// checkpoint and as values, outputs over time, and, if `reads`, the whole data set.
pub(crate) fn of_trials(built: &Built, engine: &dyn Engine, plan: Plan, reads: bool) -> anyhow::Result<RunMemory> {
    let network = &built.network;
    let plan = Plan { numbers: built.input.numbers(), ..plan };
    let sessions = vec![("session", engine.memory(network, plan)?.total())];
    let mut around = vec![
        ("weights", bytes(&[3, network.parameters()])),
        ("outputs", bytes(&[2, plan.steps, plan.batch, network.classes()])),
    ];
    around.extend(input_numbers(built, plan));
    if reads {
        let data = data(built, None, sessions.iter().chain(&around));
        around.splice(0..0, data);
    }
    Ok(RunMemory::new(Device::of(engine), sessions, around))
}

/// Memory of trials on the images of `selection`, as in [`of_trials`]. The batch of `plan` is limited to the number of
/// images. Checks that the memory is available before images are read.
pub(crate) fn checked(
    built: &Built,
    engine: &dyn Engine,
    plan: Plan,
    selection: &Selection,
) -> anyhow::Result<RunMemory> {
    let images = match selection.split {
        Split::Test => built.data.test_images(),
        Split::Train | Split::Validation => built.data.training_images(),
    };
    let most = images.min(selection.limit.unwrap_or(usize::MAX)).max(1);
    let memory = of_trials(built, engine, Plan { batch: plan.batch.min(most), ..plan }, true)?;
    check(&memory)?;
    Ok(memory)
}

/// Memory of reading a whole data set. Checks that it is available first.
pub(crate) fn checked_reading(data: &dyn DataSource) -> anyhow::Result<RunMemory> {
    let memory = RunMemory::new(Device::Host, Vec::new(), of_data(data, None, 0));
    check(&memory)?;
    Ok(memory)
}

/// Bytes of an f32 array of the given shape.
fn bytes(extents: &[usize]) -> usize {
    extents.iter().fold(size_of::<f32>(), |product, extent| product.saturating_mul(*extent))
}

/// Memory of the data set, or of its first images and recordings, and of reading it as far as that exceeds what is
/// allocated `later`.
fn data<'a>(
    built: &Built,
    limit: Option<Limit>,
    later: impl Iterator<Item = &'a (&'static str, usize)>,
) -> Vec<(&'static str, usize)> {
    let later = later.fold(0_usize, |sum, (_, bytes)| sum.saturating_add(*bytes));
    of_data(built.data.as_ref(), limit, later)
}

fn of_data(data: &dyn DataSource, limit: Option<Limit>, later: usize) -> Vec<(&'static str, usize)> {
    let limit = limit.map_or(usize::MAX, Limit::count);
    let samples = data.training_images().min(limit) + data.test_images().min(limit);
    let reading = data.bytes_to_read(limit).saturating_sub(later);
    let parts = [("data", data.bytes(samples)), ("reading the data", reading)];
    parts.into_iter().filter(|(what, bytes)| *what == "data" || *bytes > 0).collect()
}

/// Formats totals and parts on one line.
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

/// Returns an error if the planned host memory exceeds the free memory, or what the process or its container may still
/// use, if the system reports it. A GPU reports a lack of device memory itself when a session is compiled.
pub(crate) fn check(memory: &RunMemory) -> anyhow::Result<()> {
    match limits::room() {
        Some(room) if memory.host.total() > room.bytes => bail!(
            "this would take up to {} of memory, and {} {}; {}",
            text::bytes(memory.host.total()),
            text::bytes(room.bytes),
            room.what,
            if memory.host.parts.iter().any(|(what, _)| matches!(*what, "training" | "session")) {
                "try a smaller batch or fewer time steps"
            } else {
                "end other programs, or give it more"
            }
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
