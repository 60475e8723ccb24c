//! Binds the kernels of a network to the buffers of a session, for one kind of input and one choice of dropout masks.

use snn_core::{Connection, Error, Network, Norm, Projection, Reader, Source};

use super::buffers::{Buffers, Group, SUMS};
use crate::device::Gpu;
use crate::form::Forms;
use crate::kernel::{Bound, Kernels, Program};
use crate::layout::{GradientRule, Layout, position};
use crate::programs::{Loops, Programs, Stage};

/// The bound kernels of a group of samples.
#[derive(Debug)]
pub(crate) struct GroupKernels {
    pub(crate) encode: Bound,
    pub(crate) count_input: Bound,
    pub(crate) populations: Vec<PopulationKernels>,
}

/// The bound kernels of a population.
#[derive(Debug)]
pub(crate) struct PopulationKernels {
    /// Statistics of normalised currents over all steps, computed before the currents.
    pub(crate) measures: Vec<Bound>,
    /// Kernels that initialise currents to biases.
    pub(crate) biases: Vec<Bound>,
    /// Kernels of the currents, in the order in which they run.
    pub(crate) currents: Vec<Bound>,
    pub(crate) scan_forward: Bound,
    /// The kernel of the last current and the neurons together, if the form has one.
    pub(crate) fused: Option<Bound>,
    /// Whether that kernel loops over all words by itself.
    pub(crate) is_whole: bool,
    pub(crate) correction: Option<Bound>,
    pub(crate) count: Bound,
    /// The kernel that draws dropout masks, if there are any.
    pub(crate) mask: Option<Bound>,
    /// For resumed trials, see [`Programs::gather`].
    pub(crate) gather: Option<[Bound; 4]>,
    /// The kernels of the backward pass, in a session for training.
    pub(crate) backward: Option<BackwardKernels>,
}

/// The bound kernels of a population's backward pass.
#[derive(Debug)]
pub(crate) struct BackwardKernels {
    /// Kernels of the errors of each reader, in the order of [`crate::layout::PopulationLayout::readers`].
    pub(crate) adjoints: Vec<Bound>,
    pub(crate) scan: Bound,
    /// The kernel of the last adjoint and the neurons together, if the form has one.
    pub(crate) spike_gated: Option<Bound>,
    /// Kernels of weight gradients, one for each connection, and of bias gradients.
    pub(crate) gradients: Vec<Bound>,
    /// Number of pairs of a sample and an output pixel that these kernels sum in one dispatch.
    pub(crate) pairs_at_once: usize,
    pub(crate) constants: Option<Bound>,
    /// Kernels that sum the errors of normalised currents, once those of all steps are known.
    pub(crate) measures: Vec<Bound>,
}

/// Binds kernels to buffers.
pub(crate) struct Binder<'a> {
    pub(crate) gpu: &'a Gpu,
    pub(crate) kernels: &'a Kernels,
    pub(crate) network: &'a Network,
    pub(crate) layout: &'a Layout,
    pub(crate) buffers: &'a Buffers,
    pub(crate) programs: Programs<'a>,
    /// The forms of each population.
    pub(crate) forms: &'a [Forms],
}

impl Binder<'_> {
    /// Binds the kernels of each group.
    pub(crate) fn stages(&self) -> Result<Vec<GroupKernels>, Error> {
        self.buffers.groups.iter().map(|group| self.group(group)).collect()
    }

    /// Binds the kernels of a population for the first group.
    pub(crate) fn stage_of_first(&self, index: usize) -> Result<PopulationKernels, Error> {
        let group = self.buffers.groups.first().ok_or(Error::Order("a session without samples"))?;
        self.stage(group, index)
    }

    fn bind(&self, program: &Program, buffers: &[wgpu::BindingResource<'_>]) -> Result<Bound, Error> {
        self.kernels.get(self.gpu, program)?.bind(self.gpu, buffers, program.extent)
    }

    fn group(&self, group: &Group) -> Result<GroupKernels, Error> {
        let whole = wgpu::Buffer::as_entire_binding;
        let encode = [&group.values, &group.samples, &group.input].map(whole);
        let count = [whole(&group.input), whole(&self.buffers.nothing), sums(group, 0)];
        Ok(GroupKernels {
            encode: self.bind(&self.programs.encode(), &encode)?,
            count_input: self.bind(&self.programs.count(Source::Input), &count)?,
            populations: (0..self.layout.populations.len())
                .map(|index| self.stage(group, index))
                .collect::<Result<_, _>>()?,
        })
    }

    fn stage(&self, group: &Group, index: usize) -> Result<PopulationKernels, Error> {
        let (own, programs) = (&group.populations[index], &self.programs);
        let place = &self.layout.populations[index];
        let whole = wgpu::Buffer::as_entire_binding;
        let mask = self.mask(group, index);
        let trained = self.trained(index);
        let neurons = [whole(&own.state), whole(&own.output), whole(&own.saved), trained];
        let scan = [&[whole(&self.buffers.current)], &neurons[..]].concat();
        let correction = [whole(&own.output), mask.clone(), whole(&own.decay), whole(&own.correction)];
        let is_corrected = self.layout.correction_words(place) > 0;
        let correction = match programs.correction(index).filter(|_| is_corrected) {
            Some(program) => Some(self.bind(&program, &correction)?),
            None => None,
        };
        Ok(PopulationKernels {
            measures: self.measures(group, index)?,
            biases: self.biases(index, &self.buffers.weights, |order, bias| {
                let current = self.buffers.current.as_entire_binding();
                self.bind(&programs.bias(index, order), &[bias, current])
            })?,
            currents: (0..place.connections.len())
                .map(|order| self.current(group, index, order))
                .collect::<Result<_, _>>()?,
            scan_forward: self.bind(&programs.scan_forward(index), &scan)?,
            fused: self.fused(group, index, &neurons)?,
            is_whole: place.connections.len() == 1 && !place.has_bias && self.programs.loops == Loops::Long,
            correction,
            count: self.bind(
                &programs.count(Source::Population(index)),
                &[whole(&own.output), mask.clone(), sums(group, 1 + index)],
            )?,
            mask: if programs.masked[index] {
                Some(self.bind(&programs.masks(index), &[whole(&group.samples), mask])?)
            } else {
                None
            },
            gather: if self.layout.plan.stream { Some(self.gather(group, index)?) } else { None },
            backward: if self.layout.plan.train { Some(self.backward(group, index)?) } else { None },
        })
    }

    /// Binds a kernel for each bias of a population; `bind` gets its number and its part of `buffer`.
    fn biases(
        &self,
        index: usize,
        buffer: &wgpu::Buffer,
        bind: impl Fn(usize, wgpu::BindingResource<'_>) -> Result<Bound, Error>,
    ) -> Result<Vec<Bound>, Error> {
        let biases = self.network.populations()[index].inputs.iter().filter_map(|projection| projection.bias);
        biases.enumerate().map(|(order, bias)| bind(order, self.layout.arena.binding(buffer, bias))).collect()
    }

    /// The connection with index `connection` of a population, and the projection that it belongs to.
    fn connection(&self, index: usize, connection: usize) -> (Connection, &Projection) {
        let connection = self.network.graph().connections(index)[connection];
        (connection, &self.network.populations()[index].inputs[connection.projection])
    }

    /// Binds the current of the connection that runs as number `order`.
    fn current(&self, group: &Group, index: usize, order: usize) -> Result<Bound, Error> {
        let (connection, projection) = self.connection(index, self.layout.populations[index].connections[order]);
        let [source, mask] = self.source(group, connection.source);
        let mut buffers = match Stage::of(projection) {
            Stage::Norm(norm) => vec![source, self.found(group, index, &norm)],
            _ => vec![source, mask],
        };
        if Stage::of(projection) == Stage::Join {
            buffers.extend(projection.sources.get(1).into_iter().flat_map(|other| self.source(group, *other)));
        }
        buffers.extend(projection.weight.map(|weight| self.layout.arena.binding(&self.buffers.weights, weight)));
        buffers.push(self.buffers.current.as_entire_binding());
        self.bind(&self.programs.current(index, order, self.forms[index].forward), &buffers)
    }

    /// The statistics of a normalisation of population `index`.
    fn found<'a>(&'a self, group: &'a Group, index: usize, norm: &Norm) -> wgpu::BindingResource<'a> {
        let norms = self.layout.populations[index].norms.iter().zip(&group.populations[index].norms);
        let mut found = norms.filter(|(of, _)| of.norm.tensors == norm.tensors).map(|(_, own)| &own.found);
        found.next().unwrap_or(&self.buffers.nothing).as_entire_binding()
    }

    /// Binds the kernels that compute the statistics of a population's normalisations.
    fn measures(&self, group: &Group, index: usize) -> Result<Vec<Bound>, Error> {
        let whole = wgpu::Buffer::as_entire_binding;
        let mut bound = Vec::new();
        for (norm, own) in self.layout.populations[index].norms.iter().zip(&group.populations[index].norms) {
            let [measure, combine] = self.programs.measures(index, norm);
            if !norm.is_fixed {
                bound.push(self.bind(&measure, &[&group.populations[norm.source].output, &own.measured].map(whole))?);
            }
            let tensors =
                norm.norm.tensors.all().map(|tensor| self.layout.arena.binding(&self.buffers.weights, tensor));
            let buffers: Vec<_> =
                [whole(&own.measured)].into_iter().chain(tensors).chain([whole(&own.found)]).collect();
            bound.push(self.bind(&combine, &buffers)?);
        }
        Ok(bound)
    }

    /// Binds the kernels that sum the errors of a population's normalisations.
    fn error_measures(&self, group: &Group, index: usize) -> Result<Vec<Bound>, Error> {
        let whole = wgpu::Buffer::as_entire_binding;
        let mut bound = Vec::new();
        let own = &group.populations[index];
        for (norm, of_norm) in self.layout.populations[index].norms.iter().zip(&own.norms) {
            let [measure, combine] = self.programs.error_measures(index, norm);
            let source = &group.populations[norm.source].output;
            let buffers = [source, &own.errors, &of_norm.found, &of_norm.measured].map(whole);
            bound.push(self.bind(&measure, &buffers)?);
            let gradient = |tensor| self.layout.arena.binding(&self.buffers.gradients, tensor);
            let [scale, shift, ..] = norm.norm.tensors.all().map(gradient);
            bound.push(self.bind(&combine, &[whole(&of_norm.measured), whole(&of_norm.found), scale, shift])?);
        }
        Ok(bound)
    }

    fn fused(
        &self,
        group: &Group,
        index: usize,
        neurons: &[wgpu::BindingResource<'_>],
    ) -> Result<Option<Bound>, Error> {
        let Some(program) = self.programs.fused(index, self.forms[index].forward) else { return Ok(None) };
        let Some(&last) = self.layout.populations[index].connections.last() else { return Ok(None) };
        let (connection, projection) = self.connection(index, last);
        let [source, mask] = self.source(group, connection.source);
        let Some(weight) = projection.weight else { return Ok(None) };
        let weight = self.layout.arena.binding(&self.buffers.weights, weight);
        let buffers = [&[source, mask, weight, self.buffers.current.as_entire_binding()], neurons].concat();
        Ok(Some(self.bind(&program, &buffers)?))
    }

    /// Binds the kernels that carry over resumed samples, with the buffer of currents as temporary storage.
    fn gather(&self, group: &Group, index: usize) -> Result<[Bound; 4], Error> {
        let own = &group.populations[index];
        let through = |buffer| [&group.from, &self.buffers.current, buffer].map(wgpu::Buffer::as_entire_binding);
        let [take_states, put_states, take_spikes, put_spikes] = self.programs.gather(index);
        Ok([
            self.bind(&take_states, &through(&own.state))?,
            self.bind(&put_states, &through(&own.state))?,
            self.bind(&take_spikes, &through(&own.output))?,
            self.bind(&put_spikes, &through(&own.output))?,
        ])
    }

    fn spike_gated(&self, group: &Group, index: usize) -> Result<Option<Bound>, Error> {
        let (own, place) = (&group.populations[index], &self.layout.populations[index]);
        let Some(program) = self.programs.spike_gated_events(index, self.forms[index].backward) else {
            return Ok(None);
        };
        let Some(&Reader { population: reader, connection }) = place.readers.last() else { return Ok(None) };
        let Some(weight) = self.connection(reader, connection).1.weight else { return Ok(None) };
        let whole = wgpu::Buffer::as_entire_binding;
        let buffers = [
            whole(&group.populations[reader].errors),
            self.layout.arena.binding(&self.buffers.weights, weight),
            whole(&own.output),
            whole(&self.buffers.g),
            self.mask(group, index),
            whole(&own.correction),
            whole(&own.carried),
            whole(&own.errors),
        ];
        Ok(Some(self.bind(&program, &buffers)?))
    }

    fn backward(&self, group: &Group, index: usize) -> Result<BackwardKernels, Error> {
        let population = &self.network.populations()[index];
        let (own, place) = (&group.populations[index], &self.layout.populations[index]);
        let whole = wgpu::Buffer::as_entire_binding;
        let g = whole(if place.is_last { &group.output_errors } else { &self.buffers.g });
        let adjoint = |(order, &Reader { population: reader, connection }): (usize, &Reader)| {
            let (_, projection) = self.connection(reader, connection);
            let errors = whole(&group.populations[reader].errors);
            let mut buffers = match Stage::of(projection) {
                Stage::Map => vec![errors],
                Stage::Join => {
                    let other = projection.sources[1 - position(self.network, reader, connection)];
                    self.source(group, other).into_iter().chain([errors]).collect()
                }
                Stage::Largest => self.source(group, Source::Population(index)).into_iter().chain([errors]).collect(),
                Stage::Norm(norm) => vec![whole(&own.output), errors, self.found(group, reader, &norm)],
            };
            buffers.extend(projection.weight.map(|weight| self.layout.arena.binding(&self.buffers.weights, weight)));
            buffers.push(g.clone());
            self.bind(&self.programs.adjoint(index, order, self.forms[index].backward), &buffers)
        };
        let mask = self.mask(group, index);
        let errors = whole(&own.errors);
        let scan = match place.rule {
            GradientRule::SpikeGated { .. } => {
                vec![whole(&own.output), g.clone(), mask, whole(&own.correction), whole(&own.carried), errors.clone()]
            }
            GradientRule::Unrolled { .. } => vec![
                whole(&self.buffers.current),
                whole(&own.output),
                whole(&own.saved),
                self.trained(index),
                g.clone(),
                mask,
                whole(&own.carried),
                errors.clone(),
            ],
        };
        let mut gradients = Vec::new();
        for (number, (connection, projection)) in self.network.connections(index).enumerate() {
            let is_trained = |weight: &usize| self.network.tensors()[*weight].is_trained();
            let Some(weight) = projection.weight.filter(is_trained) else { continue };
            let [source, mask] = self.source(group, connection.source);
            let gradient = self.layout.arena.binding(&self.buffers.gradients, weight);
            let program = self.programs.gradient(index, number, self.forms[index].gradient);
            gradients.push(self.bind(&program, &[source, mask, errors.clone(), gradient])?);
        }
        gradients.extend(self.biases(index, &self.buffers.gradients, |_, gradient| {
            self.bind(&self.programs.bias_gradient(index), &[errors.clone(), gradient])
        })?);
        let constants = match self.programs.constants(index) {
            Some(program) => {
                let gradient = self.layout.arena.constants(&self.buffers.gradients, &population.parameters);
                Some(self.bind(&program, &[whole(&own.carried), self.trained(index), gradient])?)
            }
            None => None,
        };
        Ok(BackwardKernels {
            adjoints: place.readers.iter().enumerate().map(adjoint).collect::<Result<_, _>>()?,
            scan: self.bind(&self.programs.scan_backward(index), &scan)?,
            spike_gated: self.spike_gated(group, index)?,
            gradients,
            pairs_at_once: self.programs.loops.pairs_at_once(),
            constants,
            measures: self.error_measures(group, index)?,
        })
    }

    /// The output of `source`, and its dropout mask.
    fn source<'a>(&'a self, group: &'a Group, source: Source) -> [wgpu::BindingResource<'a>; 2] {
        match source {
            Source::Input => [&group.input, &self.buffers.nothing].map(wgpu::Buffer::as_entire_binding),
            Source::Population(index) => [group.populations[index].output.as_entire_binding(), self.mask(group, index)],
        }
    }

    fn mask<'a>(&'a self, group: &'a Group, index: usize) -> wgpu::BindingResource<'a> {
        let mask = group.populations[index].mask.as_ref().filter(|_| self.programs.masked[index]);
        mask.unwrap_or(&self.buffers.nothing).as_entire_binding()
    }

    /// The trainable constants of a population.
    fn trained(&self, index: usize) -> wgpu::BindingResource<'_> {
        match &self.network.populations()[index].parameters[..] {
            [] => self.buffers.nothing.as_entire_binding(),
            indices => self.layout.arena.constants(&self.buffers.weights, indices),
        }
    }
}

/// The spike counts of the input (index 0) or of a population (its index plus 1).
fn sums(group: &Group, index: usize) -> wgpu::BindingResource<'_> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer: &group.sums,
        offset: (4 * SUMS * index) as u64,
        size: wgpu::BufferSize::new(4 * SUMS as u64),
    })
}
