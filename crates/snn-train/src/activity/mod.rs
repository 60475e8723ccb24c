//! The cost of an inference: spikes, synaptic operations, energy, and how many time steps an answer takes.
//!
//! [`measure()`] runs a network on images and returns an [`ActivityReport`]; [`Comparison`] compares several reports at
//! the same accuracy; [`page()`] renders them as an HTML page with plots.
//!
//! Operations are counted as in NeuroBench (Yik et al., *The NeuroBench framework for benchmarking neuromorphic
//! computing algorithms and systems*, Nature Communications 16:1545, 2025; metric `synaptic_operations`): one per
//! nonzero input and nonzero weight that it meets, without biases. They are split by whether the input is spikes
//! (`Effective_ACs`) or numbers (`Effective_MACs`). `Dense` also counts the operations with zeros. Only existing
//! synapses count, so neurons at borders have fewer. NeuroBench decides from the values of a batch whether they are
//! spikes (only 0 and ±1). Here the encoder decides: a current counts as multiplications even if its values are 0 and
//! ±1.

mod energy;
mod measure;
mod page;
mod report;
mod tally;

pub use energy::{Energy, EnergyTable};
pub use measure::{MeasuredActivity, measure};
pub use page::{MOST_NETWORKS, PageNetwork, page};
pub use report::{
    ActivityReport, Comparison, CurvePoint, Operations, PopulationActivity, ProjectionActivity, RATE_CLASSES,
    SATURATED, SCHEMA,
};
