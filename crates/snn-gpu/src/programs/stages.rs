//! Kernels of projections that have no map: joins, max pools and normalisations.

use snn_core::{Connection, Join, Norm, Projection, Source};
use snn_shaders as wgsl;

use super::{Constants, Programs, flag};
use crate::kernel::{Extent, Program};
use crate::layout::{Normalised, position};

/// The operation of a projection, in a network whose stages are populations of their own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stage {
    Map,
    Join,
    Largest,
    Norm(Norm),
}

impl Stage {
    pub(crate) fn of(projection: &Projection) -> Self {
        match (projection.join, projection.pool, projection.norm) {
            (_, _, Some(norm)) => Self::Norm(norm),
            (_, Some(_), _) => Self::Largest,
            (Join::Sum, ..) => Self::Map,
            _ => Self::Join,
        }
    }
}

/// A kernel without its number of threads.
struct StageKernel {
    name: String,
    text: [&'static str; 3],
    constants: Constants,
}

impl StageKernel {
    fn run_by(self, extent: Extent) -> Program {
        Program::new(self.name, &self.text, &self.constants, extent)
    }
}

impl Programs<'_> {
    /// The kernel of the current of two joined sources, given the connection from the first.
    pub(super) fn joined(&self, index: usize, mut constants: Constants, projection: &Projection) -> Program {
        if let Some(&Source::Population(other)) = projection.sources.get(1) {
            constants.extend([
                ("OTHER_ROWS", self.layout.populations[other].rows as f64),
                ("OTHER_MASKED", flag(self.masked[other])),
            ]);
        }
        let [offset, factor, other] = projection.join.terms().unwrap_or_default().map(f64::from);
        constants.extend([("OFFSET", offset), ("FACTOR", factor), ("OTHER", other)]);
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::JOIN_CURRENT];
        Program::new(self.name(index, "join"), &parts, &constants, self.each_moment(index))
    }

    /// The kernel that backpropagates the errors of population `reader` to one of the sources that it joins.
    pub(super) fn join_adjoint(&self, index: usize, reader: usize, connection: usize, add: f64) -> Program {
        let own = position(self.network, reader, connection);
        let (_, projection) = self.connection(reader, connection);
        let other = Connection { source: projection.sources[1 - own], ..self.connection(reader, connection).0 };
        let mut constants = self.projection(reader, (other, projection));
        constants.push(("ADD", add));
        let [offset, factor] = projection.join.slope_terms(own).map(f64::from);
        constants.extend([("OFFSET", offset), ("FACTOR", factor)]);
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::JOIN_ADJOINT];
        Program::new(self.name(index, "join adjoint"), &parts, &constants, self.each_moment(index))
    }

    /// The kernel of a max pool.
    pub(super) fn largest(&self, index: usize, constants: &Constants) -> Program {
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::POOL_LARGEST];
        Program::new(self.name(index, "largest"), &parts, constants, self.each_moment(index))
    }

    /// The transpose of a max pool, which computes the errors of population `index`.
    pub(super) fn largest_adjoint(&self, index: usize, constants: &Constants) -> Program {
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::POOL_LARGEST_ADJOINT];
        Program::new(self.name(index, "largest adjoint"), &parts, constants, self.each_moment(index))
    }

    /// Prepares a kernel of a normalisation in population `index`.
    fn norm(
        &self,
        index: usize,
        norm: &Norm,
        constants: [(&'static str, f64); 1],
        kernel: (&str, &'static str),
    ) -> StageKernel {
        let (population, place) = self.population(index);
        let mut all = self.trial();
        all.extend([
            ("LEN", place.len as f64),
            ("CHANNELS", population.shape.channels as f64),
            ("NORM_GROUP", norm.group.min(self.layout.group) as f64), // kernels use 32-bit integers
            ("EPSILON", f64::from(norm.epsilon)),
        ]);
        all.extend(constants);
        StageKernel {
            name: self.name(index, kernel.0),
            text: [wgsl::WINDOW, wgsl::NORM_GROUP, kernel.1],
            constants: all,
        }
    }

    /// The kernel of a normalised current.
    pub(super) fn norm_current(&self, index: usize, norm: &Norm, add: f64) -> Program {
        let kernel = self.norm(index, norm, [("ADD", add)], ("norm", wgsl::NORM_CURRENT));
        kernel.run_by(self.each_moment(index))
    }

    /// The kernel that backpropagates the errors of population `reader` through its normalisation.
    pub(super) fn norm_adjoint(&self, reader: usize, norm: &Norm, add: f64) -> Program {
        let kernel = self.norm(reader, norm, [("ADD", add)], ("norm adjoint", wgsl::NORM_ADJOINT));
        kernel.run_by(self.each_moment(reader))
    }

    /// The kernels that measure the current to be normalised, and combine the measurements to mean and variance.
    pub(crate) fn measures(&self, index: usize, of: &Normalised) -> [Program; 2] {
        let kernel = |kernel| self.norm(index, &of.norm, [("FIXED", flag(of.is_fixed))], kernel);
        let groups = self.layout.norm_groups(&of.norm);
        [
            kernel(("norm measure", wgsl::NORM_MEASURE)).run_by(Extent::OfMoment(of.channels)),
            kernel(("norm combine", wgsl::NORM_COMBINE)).run_by(Extent::Threads(groups * of.channels)),
        ]
    }

    /// The kernels that sum the errors of a normalised current, and combine the sums to gradients and means.
    pub(crate) fn error_measures(&self, index: usize, of: &Normalised) -> [Program; 2] {
        let kernel = |kernel| self.norm(index, &of.norm, [("FIXED", flag(of.is_fixed))], kernel);
        [
            kernel(("norm measure errors", wgsl::NORM_MEASURE_ERRORS)).run_by(Extent::OfMoment(of.channels)),
            kernel(("norm combine errors", wgsl::NORM_COMBINE_ERRORS)).run_by(Extent::Threads(of.channels)),
        ]
    }

    fn each_moment(&self, index: usize) -> Extent {
        Extent::OfMoment(self.layout.populations[index].len)
    }
}
