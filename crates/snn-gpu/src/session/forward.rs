//! The forward pass.

use snn_core::{Activity, Error, GroupStatistics, Shape, Timing};

use super::buffers::SUMS;
use super::input::{Key, Needs};
use super::stages::{GroupKernels, PopulationKernels};
use super::{GpuSession, Last};
use crate::buffers::{numbers, read, values};
use crate::kernel::{Bound, Commands, Timer};
use crate::layout::{FOUND, Layout, PopulationLayout};
use crate::order::host_order;
use crate::programs::PARTS;
use crate::window::{WORD, WindowConstants};

impl GpuSession {
    /// Runs a trial whose input has been uploaded.
    pub(super) fn run(&mut self, needs: &Needs, samples: usize, is_resumed: bool) -> Result<Activity, Error> {
        let stages = self.stages(needs.input, &needs.masked)?;
        let mut timer = self.timer.take();
        let mut commands = Commands::new(&self.gpu, timer.as_mut());
        for (index, group) in stages.iter().enumerate() {
            let count = self.layout.samples(index, samples);
            if count > 0 {
                self.run_group(&mut commands, group, needs, count, is_resumed);
            }
        }
        let activity = self.collect(commands, needs, samples);
        self.timer = timer;
        let activity = activity?;
        self.statistics.clone_from(&activity.statistics);
        self.read_timer()?;
        self.last = Some(Last { samples, stages, input: needs.input, masked: needs.masked.clone() });
        Ok(activity)
    }

    fn run_group(
        &self,
        commands: &mut Commands<'_>,
        stages: &GroupKernels,
        needs: &Needs,
        samples: usize,
        is_resumed: bool,
    ) {
        let layout = &self.layout;
        let whole = WindowConstants::whole(layout.plan.steps, samples, is_resumed);
        if let Some(key) = needs.encode {
            let immediates = draws(key, samples, &[]);
            commands.run_on(&stages.encode, bytemuck::cast_slice(&immediates), samples);
        }
        if needs.has_spikes {
            commands.run(&stages.count_input, whole);
        }
        for (index, (stage, place)) in stages.populations.iter().zip(&layout.populations).enumerate() {
            if let (Some(key), Some(mask)) = (needs.draw_masks, &stage.mask) {
                let p = self.network.populations()[index].dropout;
                let below = (f64::from(p) * 4_294_967_296.0).ceil() as u32;
                let origin = self.origins[index].unwrap_or_default() as u32;
                let immediates = draws(key, samples, &[origin, below, (1.0 / (1.0 - p)).to_bits()]);
                commands.run_on(mask, bytemuck::cast_slice(&immediates), samples);
            }
            if let Some(gather) = &stage.gather {
                take_along(commands, gather, place, whole);
            }
            for measure in &stage.measures {
                commands.run(measure, whole);
            }
            run_population(commands, stage, place, layout.plan.steps, samples, is_resumed);
            if let (Some(correction), true) = (&stage.correction, layout.plan.record) {
                commands.run(correction, whole);
            }
            if place.fires {
                commands.run(&stage.count, whole);
            }
        }
    }

    /// Submits the commands, waits, and reads the output and the spike counts.
    fn collect(&self, mut commands: Commands<'_>, needs: &Needs, samples: usize) -> Result<Activity, Error> {
        let (layout, populations) = (&self.layout, self.layout.populations.len());
        let last = layout.populations.last().zip(self.network.populations().last());
        let Some((last, shape)) = last.map(|(last, population)| (last, population.shape)) else {
            return Err(Error::Order("a network without populations"));
        };
        let outputs = layout.output_words(last);
        let sums = SUMS * (1 + populations);
        for (index, group) in self.buffers.groups.iter().enumerate() {
            let at = 4 * (index * (outputs + sums)) as u64;
            let output = &group.populations[populations - 1].output;
            commands.encoder().copy_buffer_to_buffer(output, 0, &self.staging, at, 4 * outputs as u64);
            commands.encoder().copy_buffer_to_buffer(
                &group.sums,
                0,
                &self.staging,
                at + 4 * outputs as u64,
                4 * sums as u64,
            );
        }
        commands.submit();
        let words: Vec<u32> = values(&read(&self.gpu, &self.staging)?);
        let given = self.origins.iter().flatten().count();
        let mut activity = Activity {
            output: vec![0.0; layout.plan.steps * samples * last.len],
            input_spikes: 0,
            spikes: vec![0; given],
            emitted: vec![0.0; given],
            statistics: self.statistics(samples)?,
        };
        for (index, group) in words.chunks(outputs + sums).enumerate() {
            let count = layout.samples(index, samples);
            if count == 0 {
                break;
            }
            let at = [index * layout.group, count, samples];
            put_output(&mut activity.output, layout, last, shape, at, &group[..outputs]);
            let sums: Vec<&[u32]> = group[outputs..].chunks(PARTS).collect();
            let spikes = |at: usize| sums[2 * at].iter().map(|count| u64::from(*count)).sum::<u64>();
            if needs.has_spikes {
                activity.input_spikes += spikes(0);
            }
            for p in (0..populations).filter(|&p| layout.populations[p].fires) {
                let Some(origin) = self.origins[p] else { continue };
                activity.spikes[origin] += spikes(1 + p);
                let emitted = sums[2 * (1 + p) + 1].iter().map(|sum| f64::from(f32::from_bits(*sum))).sum::<f64>();
                activity.emitted[origin] += if needs.masked[p] { emitted } else { spikes(1 + p) as f64 };
            }
        }
        Ok(activity)
    }

    /// Downloads mean and variance of each normalised group.
    fn statistics(&self, samples: usize) -> Result<Vec<GroupStatistics>, Error> {
        let mut statistics = Vec::new();
        for (index, place) in self.layout.populations.iter().enumerate() {
            for (at, norm) in place.norms.iter().enumerate().filter(|(_, norm)| !norm.is_fixed) {
                for (number, group) in self.buffers.groups.iter().enumerate() {
                    let mut left = self.layout.samples(number, samples);
                    let found = &group.populations[index].norms[at].found;
                    let found: Vec<f32> = numbers(&self.gpu, found, self.layout.found_words(norm))?;
                    for of_group in found.chunks(FOUND * norm.channels) {
                        let values = left.min(norm.norm.group) * place.pixels * self.layout.plan.steps;
                        if values > 0 {
                            let channels: Vec<[f64; 2]> =
                                of_group.chunks(FOUND).map(|found| [found[0], found[1]].map(f64::from)).collect();
                            statistics.push(norm.norm.statistics(&channels, values as f64));
                        }
                        left = left.saturating_sub(norm.norm.group);
                    }
                }
            }
        }
        Ok(statistics)
    }
}

/// Runs all windows of a population.
pub(super) fn run_population(
    commands: &mut Commands<'_>,
    stage: &PopulationKernels,
    place: &PopulationLayout,
    steps: usize,
    samples: usize,
    is_resumed: bool,
) {
    match &stage.fused {
        // A single kernel loops over all words.
        Some(fused) if stage.is_whole => commands.run(fused, WindowConstants::whole(steps, samples, is_resumed)),
        _ => WindowConstants::all(steps, samples, is_resumed).for_each(|window| step(commands, stage, place, window)),
    }
}

/// Runs one window of a population: its currents, then its neurons. A recurrent population runs step by step.
fn step(commands: &mut Commands<'_>, stage: &PopulationKernels, place: &PopulationLayout, window: WindowConstants) {
    // The fused kernel replaces the last current. Otherwise the last currents are those of recurrent connections.
    let apart = if stage.fused.is_some() { 1 } else { place.own };
    let (others, last) = stage.currents.split_at(stage.currents.len() - apart);
    for current in stage.biases.iter().chain(others) {
        commands.run(current, window);
    }
    match &stage.fused {
        Some(fused) => commands.run(fused, window),
        None if last.is_empty() => commands.run(&stage.scan_forward, window),
        None => {
            for moment in window.each_step() {
                for current in last {
                    commands.run(current, moment);
                }
                commands.run(&stage.scan_forward, moment);
            }
        }
    }
}

/// Carries over the states and last spikes of resumed samples.
fn take_along(commands: &mut Commands<'_>, gather: &[Bound; 4], place: &PopulationLayout, whole: WindowConstants) {
    let [take_states, put_states, take_spikes, put_spikes] = gather;
    if whole.resumed == 1 {
        commands.run(take_states, whole);
        commands.run(put_states, whole);
    }
    if place.is_recurrent() {
        commands.run(take_spikes, whole);
        commands.run(put_spikes, whole);
    }
}

/// The immediates of kernels that draw random numbers.
fn draws(key: Key, samples: usize, further: &[u32]) -> Vec<u32> {
    [&[key.words[0], key.words[1], key.epoch, samples as u32], further].concat()
}

/// Copies the output of a group, which is `count` samples from `first` on, into the output `[T, N, K]` of all
/// `samples`.
fn put_output(
    output: &mut [f32],
    layout: &Layout,
    last: &PopulationLayout,
    shape: Shape,
    [first, count, samples]: [usize; 3],
    words: &[u32],
) {
    let (steps, classes) = (layout.plan.steps, last.len);
    for n in 0..count {
        for t in 0..steps {
            for (on_card, class) in host_order(shape).enumerate() {
                let value = if last.fires {
                    (words[(n * last.rows + t / WORD) * classes + on_card] >> (t % WORD) & 1) as f32
                } else {
                    f32::from_bits(words[(n * steps + t) * classes + on_card])
                };
                output[(t * samples + first + n) * classes + class] = value;
            }
        }
    }
}

impl GpuSession {
    /// Reads the run times of the kernels that have run.
    pub(super) fn read_timer(&mut self) -> Result<(), Error> {
        if let Some(timer) = &mut self.timer {
            for (name, nanos) in Timer::take(timer, &self.gpu)? {
                match self.timings.iter_mut().find(|timing| timing.name == name) {
                    Some(timing) => (timing.runs, timing.nanos) = (timing.runs + 1, timing.nanos + nanos),
                    None => self.timings.push(Timing { name, runs: 1, nanos }),
                }
            }
        }
        Ok(())
    }
}
