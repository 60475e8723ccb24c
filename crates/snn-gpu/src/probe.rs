//! Measures the peak throughput of a GPU, against which the throughput of trials is compared.

use std::time::{Duration, Instant};

use snn_core::{Error, Peak};
use snn_shaders as shaders;

use crate::buffers::storage;
use crate::device::Gpu;
use crate::kernel::{Bound, Commands, Extent, Kernels, LANES, Program};
use crate::{GpuEngine, Opened};

/// Number of workgroups of the kernel that multiplies: enough to fill any GPU many times.
const WORKGROUPS: usize = 8192;

/// Number of multiply-adds that a thread does per round.
const OF_A_ROUND: usize = 256;

/// Number of bytes to copy, unless buffers are limited to less: more than any cache holds.
const COPIED: u64 = 128 << 20;

/// Minimum duration of a run, so that the overhead of starting and ending it does not matter.
const LONG_ENOUGH: Duration = Duration::from_millis(40);

/// Number of runs, of which the fastest counts.
const RUNS: usize = 3;

/// Measures the GPU of `engine`, in less than a second: its multiply-adds per second in single precision, and its
/// memory bandwidth. The work grows until a run is long enough to be measured, on slow and on fast GPUs.
///
/// # Errors
/// [`Error::Device`] if the GPU cannot be opened, or fails.
pub fn probe(engine: &GpuEngine) -> Result<Peak, Error> {
    let Opened { gpu, kernels, .. } = engine.opened()?;
    Ok(Peak { multiply_adds: multiply_adds(gpu, kernels)?, bandwidth: bandwidth(gpu, kernels)? })
}

/// The kernels for these measurements.
pub(crate) fn programs() -> [Program; 2] {
    [("probe: multiply", shaders::PROBE_MULTIPLY), ("probe: copy", shaders::PROBE_COPY)]
        .map(|(name, text)| Program::new(name.to_owned(), &[text], &[], Extent::Groups(0)))
}

/// Measures multiply-adds per second.
fn multiply_adds(gpu: &Gpu, kernels: &Kernels) -> Result<f64, Error> {
    let threads = WORKGROUPS * LANES as usize;
    let sums = storage(gpu, "probe: multiply", threads);
    let [program, _] = programs();
    let bound = kernels.get(gpu, &program)?.bind(gpu, &[sums.as_entire_binding()], Extent::Groups(WORKGROUPS))?;
    let rounds_a_second = rate(|rounds| {
        let (factor, summand) = (0.999_f32, 0.001_f32); // sums stay near 1
        let immediates = [rounds as u32, factor.to_bits(), summand.to_bits()];
        run(gpu, &bound, bytemuck::cast_slice(&immediates), 1)
    })?;
    Ok(rounds_a_second * (threads * OF_A_ROUND) as f64)
}

/// Measures bytes read and written per second.
fn bandwidth(gpu: &Gpu, kernels: &Kernels) -> Result<f64, Error> {
    let bytes = COPIED.min(gpu.limits.max_storage_buffer_binding_size) / 1024 * 1024;
    let buffer = |label| storage(gpu, label, bytes as usize / 4);
    let (source, copied) = (buffer("probe: source"), buffer("probe: copied"));
    let extent = Extent::Groups(bytes as usize / (16 * LANES as usize));
    let [_, program] = programs();
    let kernel = kernels.get(gpu, &program)?;
    let bound = kernel.bind(gpu, &[source.as_entire_binding(), copied.as_entire_binding()], extent)?;
    let copies_a_second = rate(|copies| run(gpu, &bound, &[], copies))?;
    Ok(copies_a_second * 2.0 * bytes as f64)
}

/// Runs a kernel `times` times, and returns how long that took.
fn run(gpu: &Gpu, bound: &Bound, immediates: &[u8], times: usize) -> Result<Duration, Error> {
    let mut commands = Commands::new(gpu, None);
    for _ in 0..times {
        commands.run_on(bound, immediates, 1);
    }
    let started = Instant::now();
    commands.submit();
    gpu.wait()?;
    Ok(started.elapsed())
}

/// Measures units of work per second, where `time` runs a number of units and returns how long they took. Increases
/// the number until a run is long enough, and takes the fastest of a few runs.
fn rate(mut time: impl FnMut(usize) -> Result<Duration, Error>) -> Result<f64, Error> {
    let mut units = 1;
    time(units)?; // the first run includes one-time initialisation
    let mut best = time(units)?;
    while best < LONG_ENOUGH {
        let wanted = 1.5 * LONG_ENOUGH.as_secs_f64() / best.as_secs_f64().max(1e-6);
        units *= wanted.clamp(2.0, 64.0).ceil() as usize;
        best = time(units)?;
    }
    for _ in 1..RUNS {
        best = best.min(time(units)?);
    }
    Ok(units as f64 / best.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_grows_until_it_can_be_measured() {
        let mut asked = Vec::new();
        let a_thousandth = |units: usize| {
            asked.push(units);
            Ok(Duration::from_millis(units as u64))
        };
        let rate = rate(a_thousandth).unwrap();
        assert!((rate - 1000.0).abs() < 1e-6, "{rate}");
        assert_eq!(asked, [1, 1, 60, 60, 60]);
    }

    #[test]
    fn a_card_is_measured() {
        let Some(engine) = crate::testing::engine() else { return };
        let Peak { multiply_adds, bandwidth } = probe(&engine).unwrap();
        assert!((1e8..1e15).contains(&multiply_adds), "{multiply_adds}");
        assert!((1e8..1e14).contains(&bandwidth), "{bandwidth}");
    }
}
