//! Warnings about experiments that are valid but probably not intended.

use snn_core::Population;
use snn_core::text::list;

use crate::{Built, Experiment};

impl Experiment {
    /// Returns warnings about settings that are valid but probably not intended. Each one is a sentence with the path
    /// of the value and what to write instead. `built` holds the components of this experiment.
    pub fn advice(&self, built: &Built) -> Vec<String> {
        spiking_among_numbers(self, built).into_iter().collect()
    }
}

/// Warns about populations that spike between populations that pass on numbers, such as the pools of an ANN that are
/// left at their default neuron.
fn spiking_among_numbers(experiment: &Experiment, built: &Built) -> Option<String> {
    let (_, hidden) = built.network.populations().split_last()?;
    let (spiking, graded): (Vec<&Population>, Vec<&Population>) =
        hidden.iter().partition(|population| population.neuron.fires());
    let (first, number) = (spiking.first()?, graded.first()?.neuron.name());
    let is_pool = |population: &&Population| population.inputs.iter().all(|input| input.weight.is_none());
    let has_pools = experiment.network.name != "Populations" && spiking.iter().all(is_pool);
    let (path, write) = if has_pools {
        ("network.pool", format!("pool: {number}"))
    } else {
        ("network", format!("neuron: {number} for them too"))
    };
    let (names, neuron) = (list(spiking.iter().map(|population| &population.name)), first.neuron.name());
    let verb = if spiking.len() == 1 { "spikes" } else { "spike" };
    Some(format!(
        "{path}: {names} {verb} ({neuron}) between layers that pass on numbers ({number}), so that this is no ANN and cannot \
         be converted; write {write}"
    ))
}
