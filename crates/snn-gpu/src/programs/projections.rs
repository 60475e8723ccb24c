//! Kernels of projections: currents, backpropagated errors, and weight gradients.

use snn_core::{Connection, Reader, Source, Window};
use snn_shaders as wgsl;

use super::{Constants, InputKind, Programs, Stage, flag, geometry};
use crate::form::KernelForm;
use crate::kernel::{Extent, Program};
use crate::layout::{ErrorStorage, GradientRule};
use crate::wgsl as written;
use crate::window::WORD;

/// Number of rows, and of columns, of a tile. Mirrors shaders/conv/tile.wgsl.
const TILE: usize = 64;

impl Programs<'_> {
    /// The kernel that initialises the currents of a population to its bias number `order`, or adds that bias.
    pub(crate) fn bias(&self, index: usize, order: usize) -> Program {
        let mut constants = self.neurons(index);
        constants.push(("ADD", flag(order > 0)));
        let extent = Extent::OfMoment(self.layout.populations[index].len);
        Program::new(self.name(index, "bias"), &[wgsl::WINDOW, wgsl::BIAS_CURRENT], &constants, extent)
    }

    /// The kernel of the gradient of a bias.
    pub(crate) fn bias_gradient(&self, index: usize) -> Program {
        let extent = Extent::Groups(self.population(index).0.shape.channels);
        let parts = [wgsl::WINDOW, wgsl::BIAS_GRADIENT];
        Program::new(self.name(index, "bias gradient"), &parts, &self.neurons(index), extent)
    }

    /// The kernel of the current of the connection that runs as number `order`.
    pub(crate) fn current(&self, index: usize, order: usize, form: KernelForm) -> Program {
        let (population, place) = self.population(index);
        let (connection, projection) = self.connection(index, place.connections[order]);
        let mut constants = self.projection(index, (connection, projection));
        constants.push(("ADD", flag(order > 0 || place.has_bias)));
        match Stage::of(projection) {
            Stage::Map => {}
            Stage::Join => return self.joined(index, constants, projection),
            Stage::Largest => return self.largest(index, &constants),
            Stage::Norm(norm) => return self.norm_current(index, &norm, flag(order > 0 || place.has_bias)),
        }
        // A recurrent connection runs one step at a time.
        let is_recurrent = connection.is_recurrent;
        let shape = population.shape;
        if let (KernelForm::Cooperative, Some(edge), Some(_), false) =
            (form, self.matrices, projection.weight, is_recurrent)
            && self.hears_spikes(connection)
        {
            return self.cooperative(index, &constants, edge);
        }
        let is_tiled = matches!(form, KernelForm::Tiled | KernelForm::Cooperative) && !is_recurrent;
        let (name, main, extent) = match projection.weight {
            None => ("current", wgsl::POOL_CURRENT, Extent::OfMoment(shape.len())),
            Some(_) if is_tiled => {
                let tiles = shape.pixels().div_ceil(2) * shape.channels.div_ceil(TILE);
                ("current tiled", wgsl::CONV_CURRENT_TILED, Extent::GroupsOfSample(tiles))
            }
            Some(_) => ("current", wgsl::CONV_CURRENT, Extent::OfMoment(shape.len())),
        };
        let tile = if is_tiled { wgsl::CONV_TILE } else { "" };
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, tile, main];
        Program::new(self.name(index, name), &parts, &constants, extent)
    }

    /// The kernel of a current by matrix instructions of `edge` x `edge`.
    fn cooperative(&self, index: usize, constants: &Constants, edge: u32) -> Program {
        let shape = self.population(index).0.shape;
        let matrix = if edge == 8 { wgsl::COOP_EIGHT } else { wgsl::COOP_SIXTEEN };
        let parts = [matrix, wgsl::COOP_HALF, wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::COOP_CURRENT];
        let edge = edge as usize;
        let extent = Extent::GroupsOfPixels(shape.channels.div_ceil(4 * edge), 8 * edge / WORD, shape.pixels());
        Program::new(self.name(index, "current cooperative"), &parts, constants, extent)
    }

    /// Whether a connection reads spikes rather than numbers.
    fn hears_spikes(&self, connection: Connection) -> bool {
        match connection.source {
            Source::Input => matches!(self.input, InputKind::Spikes | InputKind::Signed),
            Source::Population(source) => self.layout.populations[source].fires,
        }
    }

    /// The kernel that backpropagates the errors of a population's reader number `order` to the population.
    pub(crate) fn adjoint(&self, index: usize, order: usize, form: KernelForm) -> Program {
        let (_, place) = self.population(index);
        let Reader { population: reader, connection: number } = place.readers[order];
        let (connection, projection) = self.connection(reader, number);
        let mut constants = self.projection(reader, (connection, projection));
        // The errors of the output are stored before those of any reader are added.
        let add = flag(order > 0 || place.is_last);
        constants.extend([("ADD", add), ("G_OF_TRIAL", flag(place.is_last))]);
        match Stage::of(projection) {
            Stage::Map => {}
            Stage::Join => return self.join_adjoint(index, reader, number, add),
            Stage::Largest => return self.largest_adjoint(index, &constants),
            Stage::Norm(norm) => return self.norm_adjoint(reader, &norm, add),
        }
        let is_tiled = form == KernelForm::Tiled && reader != index;
        let (shape, _) = geometry(projection, self.network.shape(connection.source));
        let (name, main, extent) = match projection.weight {
            None => ("adjoint", wgsl::POOL_ADJOINT, Extent::OfMoment(shape.len())),
            Some(_) if is_tiled => {
                let tiles = shape.pixels().div_ceil(2) * shape.channels.div_ceil(TILE);
                ("adjoint tiled", wgsl::CONV_ADJOINT_TILED, Extent::GroupsOfSample(tiles))
            }
            Some(_) => ("adjoint", wgsl::CONV_ADJOINT, Extent::OfMoment(shape.len())),
        };
        let tile = if is_tiled { wgsl::CONV_TILE } else { "" };
        Program::new(self.name(index, name), &[wgsl::WINDOW, wgsl::PROJECTION, tile, main], &constants, extent)
    }

    /// The kernel that adds to the weight gradient of a connection.
    pub(crate) fn gradient(&self, index: usize, connection: usize, form: KernelForm) -> Program {
        let (connection, projection) = self.connection(index, connection);
        let hears_spikes = self.hears_spikes(connection) && !connection.is_recurrent;
        let (input, output) = (self.network.shape(connection.source), self.population(index).0.shape);
        let (input, window) = geometry(projection, input);
        let taps = window.size[0] * window.size[1];
        let all = Extent::Threads(taps * input.channels * output.channels);
        let tiles = taps * input.channels.div_ceil(TILE) * output.channels.div_ceil(TILE);
        let (name, main, extent) = match form {
            KernelForm::Events if hears_spikes => ("gradient events", wgsl::CONV_GRADIENT_EVENTS, all),
            KernelForm::Tiled => ("gradient tiled", wgsl::CONV_GRADIENT_TILED, Extent::Groups(tiles)),
            _ => ("gradient", wgsl::CONV_GRADIENT, all),
        };
        let mut constants = self.projection(index, (connection, projection));
        constants.push(("ADD", 0.0));
        let tile = if extent == all { "" } else { wgsl::CONV_TILE };
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, tile, main];
        Program::new(self.name(index, name), &parts, &constants, extent)
    }

    /// The kernel that computes the last connection and the neurons together, if `form` is such a form and supports
    /// the connection.
    pub(crate) fn fused(&self, index: usize, form: KernelForm) -> Option<Program> {
        let (population, place) = self.population(index);
        let (connection, projection) = self.connection(index, *place.connections.last()?);
        if place.is_recurrent() || projection.weight.is_none() || !self.hears_spikes(connection) {
            return None;
        }
        let shape = population.shape;
        // One loop iteration per weight of a neuron; with events, also one for each of the source's spikes in a word.
        let (input, Window { size, .. }) = geometry(projection, self.network.shape(connection.source));
        let weights = size[0] * size[1] * input.channels;
        let is_too_long = form == KernelForm::Events && 33 * weights > self.loops.rounds();
        let form = if is_too_long { KernelForm::Fused } else { form };
        let ([currents, main], extent) = match form {
            KernelForm::Plain | KernelForm::Tiled | KernelForm::Cooperative => return None,
            KernelForm::Fused => (
                [wgsl::CONV_FUSED_CURRENTS, wgsl::CONV_FUSED],
                Extent::OfSample(shape.pixels() * shape.channels.div_ceil(4)),
            ),
            KernelForm::Events => {
                let blocks = shape.channels.div_ceil(channels_at_once(shape.channels));
                (["", wgsl::CONV_EVENTS], Extent::GroupsOfSample(shape.pixels() * blocks))
            }
        };
        let mut constants = self.neurons(index);
        constants.extend(self.projection(index, (connection, projection)));
        constants.extend([
            ("ADD", flag(place.connections.len() > 1 || place.has_bias)),
            ("CHANNELS_AT_ONCE", channels_at_once(population.shape.channels) as f64),
        ]);
        let neuron = written::neuron(&population.neuron);
        let parts = [
            wgsl::WINDOW,
            wgsl::PROJECTION,
            wgsl::SOURCE,
            currents,
            wgsl::SCAN_NEURONS,
            &neuron,
            wgsl::SCAN_STEP,
            main,
        ];
        Some(Program::new(self.name(index, form.name()), &parts, &constants, extent))
    }

    /// The kernel that computes the adjoint of the last reader and the neurons together, if `form` is `Events` and the
    /// population supports it.
    pub(crate) fn spike_gated_events(&self, index: usize, form: KernelForm) -> Option<Program> {
        let (_, place) = self.population(index);
        let Reader { population: reader, connection } = *place.readers.last()?;
        let (connection, projection) = self.connection(reader, connection);
        let GradientRule::SpikeGated { threshold, correction } = place.rule else { return None };
        let reader_shape = self.network.populations()[reader].shape;
        let (_, Window { size: kernel, .. }) = geometry(projection, self.network.shape(connection.source));
        // A thread loops over the steps of a word, the kernel pixels, and all channels.
        let is_short = 32 * kernel[0] * kernel[1] * (1 + reader_shape.channels) <= self.loops.rounds();
        let can = place.fires && !place.is_recurrent() && !place.is_last && projection.weight.is_some() && is_short;
        if form != KernelForm::Events || !can {
            return None;
        }
        let mut constants = self.projection(reader, (connection, projection));
        let of_trial = |index: usize| flag(self.layout.populations[index].errors == ErrorStorage::OfTrial);
        constants.extend([
            ("ADD", flag(place.readers.len() > 1)),
            ("OUTPUT_ROWS", place.rows as f64),
            ("THRESHOLD", f64::from(threshold)),
            ("CORRECTED", flag(correction.is_some())),
            ("HEARD_OF_TRIAL", of_trial(reader)),
            ("D_OF_TRIAL", of_trial(index)),
        ]);
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::CONV_SPIKE_GATED_EVENTS];
        Some(Program::new(self.name(index, "spike-gated events"), &parts, &constants, Extent::OfSample(place.len)))
    }
}

/// The number of threads of a workgroup that walks over the events of a pixel.
fn channels_at_once(channels: usize) -> usize {
    channels.next_multiple_of(16).min(64)
}
