//! Kernels of projections that are no map: of what joins, takes the largest of windows, or normalises.

use snn_core::{Connection, Join, Norm, Projection, Source};
use snn_shaders as wgsl;

use super::{Constants, Programs, flag};
use crate::kernel::{Extent, Program};
use crate::layout::{Normalised, position};

/// What a projection does, in a network whose stages are populations.
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

/// A kernel that lacks the number of its threads.
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
    /// The current of two joined sources, given the connection from the first.
    pub(super) fn joined(&self, index: usize, mut constants: Constants, projection: &Projection) -> Program {
        if let Some(&Source::Population(other)) = projection.sources.get(1) {
            constants.extend([
                ("OTHER_ROWS", self.layout.populations[other].rows as f64),
                ("OTHER_MASKED", flag(self.masked[other])),
            ]);
        }
        constants.extend(factor(projection.join, 0));
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::JOIN_CURRENT];
        Program::new(self.name(index, "join"), &parts, &constants, self.each_moment(index))
    }

    /// What the errors of population `reader` make of the error of one of the sources that it joins.
    pub(super) fn join_adjoint(&self, index: usize, reader: usize, connection: usize, add: f64) -> Program {
        let own = position(self.network, reader, connection);
        let (_, projection) = self.connection(reader, connection);
        let other = Connection { source: projection.sources[1 - own], ..self.connection(reader, connection).0 };
        let mut constants = self.projection(reader, (other, projection));
        constants.push(("ADD", add));
        constants.extend(factor(projection.join, own));
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::JOIN_ADJOINT];
        Program::new(self.name(index, "join adjoint"), &parts, &constants, self.each_moment(index))
    }

    /// The largest of each window.
    pub(super) fn largest(&self, index: usize, constants: &Constants) -> Program {
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::POOL_LARGEST];
        Program::new(self.name(index, "largest"), &parts, constants, self.each_moment(index))
    }

    /// Its transpose, for the error of population `index`.
    pub(super) fn largest_adjoint(&self, index: usize, constants: &Constants) -> Program {
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::POOL_LARGEST_ADJOINT];
        Program::new(self.name(index, "largest adjoint"), &parts, constants, self.each_moment(index))
    }

    /// A kernel of a normalisation in population `index`.
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
            ("NORM_GROUP", norm.group.min(self.layout.group) as f64), // kernels count in 32 bits
            ("EPSILON", f64::from(norm.epsilon)),
        ]);
        all.extend(constants);
        StageKernel {
            name: self.name(index, kernel.0),
            text: [wgsl::WINDOW, wgsl::NORM_GROUP, kernel.1],
            constants: all,
        }
    }

    /// A normalised current.
    pub(super) fn norm_current(&self, index: usize, norm: &Norm, add: f64) -> Program {
        let kernel = self.norm(index, norm, [("ADD", add)], ("norm", wgsl::NORM_CURRENT));
        kernel.run_by(self.each_moment(index))
    }

    /// What the errors of population `reader` make of the error of what it normalises.
    pub(super) fn norm_adjoint(&self, reader: usize, norm: &Norm, add: f64) -> Program {
        let kernel = self.norm(reader, norm, [("ADD", add)], ("norm adjoint", wgsl::NORM_ADJOINT));
        kernel.run_by(self.each_moment(reader))
    }

    /// The kernels that measure what is normalised, and make mean and variance of it.
    pub(crate) fn measures(&self, index: usize, of: &Normalised) -> [Program; 2] {
        let kernel = |kernel| self.norm(index, &of.norm, [("FIXED", flag(of.is_fixed))], kernel);
        let groups = self.layout.norm_groups(&of.norm);
        [
            kernel(("norm measure", wgsl::NORM_MEASURE)).run_by(Extent::OfMoment(of.channels)),
            kernel(("norm combine", wgsl::NORM_COMBINE)).run_by(Extent::Threads(groups * of.channels)),
        ]
    }

    /// The kernels that sum up the errors of what is normalised, and make gradients and means of the sums.
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

/// What the source at `position` of a join is multiplied by, given the other one, `b`: `OFFSET + SIGN b`.
fn factor(join: Join, position: usize) -> Constants {
    let (offset, sign) = match (join, position) {
        (Join::AndNot, 0) => (1.0, -1.0),
        (Join::AndNot, _) => (0.0, -1.0),
        _ => (0.0, 1.0),
    };
    vec![("OFFSET", offset), ("SIGN", sign)]
}
