//! Downloads the record of a population from the GPU.

use snn_core::neuron::NeuronOutput;
use snn_core::{Error, Record, Shape, SpikeTrain};

use super::GpuSession;
use crate::buffers::numbers;
use crate::layout::PopulationLayout;
use crate::order::{from_gpu, host_order};
use crate::window::WORD;

impl GpuSession {
    pub(super) fn read_record(&self, population: usize) -> Result<Record, Error> {
        if !self.layout.plan.record {
            return Err(Error::Order("the session was not compiled to record"));
        }
        let last = self.last.as_ref().ok_or(Error::Order("no trial to record"))?;
        let no_such = || Error::size("population", "an index of the network", population);
        let population = self.origins.iter().position(|origin| *origin == Some(population)).ok_or_else(no_such)?;
        let found = &self.network.populations()[population];
        let (place, steps, samples) = (&self.layout.populations[population], self.layout.plan.steps, last.samples);
        let passes_numbers = found.neuron.output() == NeuronOutput::Numbers;
        let mut record = Record {
            spikes: SpikeTrain::silent(steps, samples, found.shape),
            values: vec![0.0; if passes_numbers { steps * samples * place.len } else { 0 }],
            trace: Vec::new(),
            count: Vec::new(),
            correction: Vec::new(),
            membrane: Vec::new(),
            delta: if self.went_back { vec![0.0; steps * samples * place.len] } else { Vec::new() },
        };
        for (index, group) in self.buffers.groups.iter().enumerate() {
            let (first, count) = (index * self.layout.group, self.layout.samples(index, samples));
            if count == 0 {
                break;
            }
            let own = &group.populations[population];
            if place.fires {
                let words: Vec<u32> = numbers(&self.gpu, &own.output, self.layout.output_words(place))?;
                put_spikes(&mut record.spikes, place, found.shape, [first, count, steps], &words);
            }
            if passes_numbers {
                let rows: Vec<f32> = numbers(&self.gpu, &own.output, self.layout.output_words(place))?;
                for (n, rows) in rows.chunks(place.rows * place.len).take(count).enumerate() {
                    for (t, row) in rows.chunks(place.len).enumerate() {
                        let to = &mut record.values[(t * samples + first + n) * place.len..][..place.len];
                        to.copy_from_slice(&from_gpu(row, found.shape));
                    }
                }
            }
            let neurons = self.layout.group * place.len;
            let corrections: Vec<f32> = numbers(&self.gpu, &own.correction, self.layout.correction_words(place))?;
            for (to, row) in [&mut record.correction, &mut record.trace, &mut record.count]
                .into_iter()
                .zip(corrections.chunks(neurons))
            {
                to.extend(from_gpu(&row[..count * place.len], found.shape));
            }
            let state: Vec<f32> = numbers(&self.gpu, &own.state, neurons)?;
            record.membrane.extend(from_gpu(&state[..count * place.len], found.shape));
            if self.went_back {
                let errors: Vec<f32> = numbers(&self.gpu, &own.errors, steps * neurons)?;
                for (to, from) in record.delta.chunks_mut(samples * place.len).zip(errors.chunks(neurons)) {
                    to[first * place.len..(first + count) * place.len]
                        .copy_from_slice(&from_gpu(&from[..count * place.len], found.shape));
                }
            }
        }
        Ok(record)
    }
}

/// Sets the spikes of the samples of a group, which are `count` samples from `first` on.
fn put_spikes(
    train: &mut SpikeTrain,
    place: &PopulationLayout,
    shape: Shape,
    [first, count, steps]: [usize; 3],
    words: &[u32],
) {
    for n in 0..count {
        for (on_card, neuron) in host_order(shape).enumerate() {
            for t in 0..steps {
                let word = words[(n * place.rows + t / WORD) * place.len + on_card];
                if word >> (t % WORD) & 1 == 1 {
                    train.set(t, first + n, neuron, 1);
                }
            }
        }
    }
}
