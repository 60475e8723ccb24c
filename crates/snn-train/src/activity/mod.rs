//! What a network spends on an image: spikes, synaptic operations, energy, and how many of its time steps the answer
//! takes.
//!
//! [`measure()`] shows images and gives an [`ActivityReport`]; [`Comparison`] sets several of them beside each other at the same
//! accuracy; [`page()`] makes a page of HTML with plots of them.
//!
//! Operations are counted as NeuroBench does (Yik et al., *The NeuroBench framework for benchmarking neuromorphic
//! computing algorithms and systems*, Nature Communications 16:1545, 2025; metric `synaptic_operations`): one for each
//! input other than zero and each weight other than zero that it meets, without biases, split by whether the input is
//! spikes (`Effective_ACs`) or numbers (`Effective_MACs`), beside the operations with all zeros (`Dense`). Synapses are
//! those that are there, fewer for neurons at borders. NeuroBench decides by the values of a batch whether they are
//! spikes, 0 and ±1 alone; here it is what the encoder says, and a current takes multiplications whatever its values.

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
