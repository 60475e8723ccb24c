//! Names from elsewhere stand beside those of these crates.

use serde::{Deserialize, Serialize};
use snn_core::part::{Part, PartError, range};
use snn_core::registry::{Registry, RegistryError};
use snn_core::{Family, Map, Network, Neuron, Projection, Shape, Source, neuron::Lif, surrogate::Boxcar};
use snn_models::Experiment;
use std::sync::Arc;

/// A network of one hidden layer for each width.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tower {
    widths: Vec<usize>,
    neuron: Option<Part>,
}

#[derive(Debug)]
struct Built(Vec<usize>, Neuron);

impl Family for Built {
    fn build(&self, input: Shape, classes: usize) -> Result<Network, PartError> {
        let mut builder = Network::builder(input);
        let mut source = Source::Input;
        for (index, &features) in self.0.iter().enumerate() {
            range::count(&format!("widths[{index}]"), features, 100)?;
            let inputs = vec![Projection::new(source, Map::Linear { features })];
            source = builder.add(&format!("floor{index}"), self.1.clone(), inputs).unwrap();
        }
        let inputs = vec![Projection::new(source, Map::Linear { features: classes })];
        builder.add("roof", Neuron::readout(), inputs).unwrap();
        builder.build().map_err(|error| PartError::other("widths", error.to_string()))
    }
}

fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry.neurons.add("Sluggish", |lif: &mut Lif, _| {
        range::leak("leak", lif.leak)?;
        Ok(Neuron::new("Sluggish", lif.clone(), snn_core::Gradient::surrogate(Boxcar { width: 1.0 })))
    })?;
    registry.families.add("Tower", |tower: &mut Tower, registry| {
        let neuron = match &mut tower.neuron {
            Some(part) => registry.neurons.make(part, registry).map_err(|error| error.within("neuron"))?,
            None => Neuron::lif(),
        };
        Ok(Arc::new(Built(tower.widths.clone(), neuron)) as Arc<dyn Family>)
    })
}

fn read(network: &str) -> Result<Experiment, String> {
    let registry = crate::registry().with(plugin).unwrap();
    let text = format!(
        "(data: Mnist, steps: 3, network: {network},\ntraining: (epochs: 1, batch: 2, optimizer: Sgd(lr: 1.0)))"
    );
    Experiment::from_ron(&text, "tower.ron", &[("network.neuron.leak", "0.5")], &registry)
        .map_err(|e| crate::abridged(&e))
}

#[test]
fn a_family_from_elsewhere_is_read_overridden_and_written() {
    let text = read("Tower(widths: [4, 5], neuron: Sluggish)").unwrap().to_ron();
    insta::assert_snapshot!(text.lines().skip(2).take(8).collect::<Vec<_>>().join("\n"), @"
    input: Poisson(scale: 1.0),
    steps: 3,
    network: Tower(
        widths: [4, 5],
        neuron: Sluggish(
            leak: 0.5,
            threshold: 1.0,
            reset: Hard(to: 0.0),
    ");
}

#[test]
fn errors_in_names_from_elsewhere_are_shown_in_their_line() {
    let error = |network| read(network).unwrap_err();
    insta::assert_snapshot!(error("Towr(widths: [4])"), @r#"
    unknown network "Towr" in network
     --> tower.ron:1:34
      |
    1 | (data: Mnist, steps: 3, network: Towr(widths: [4]),
      |                                  ^^^^ did you mean Tower?
      |
      = known networks: Sequence, LeNet, Vgg, ...
    "#);
    insta::assert_snapshot!(error("Tower(neuron: Slugish)"), @r#"
    unknown neuron "Slugish" in network.neuron
     --> tower.ron:1:48
      |
    1 | (data: Mnist, steps: 3, network: Tower(neuron: Slugish),
      |                                                ^^^^^^^ did you mean Sluggish?
      |
      = known neurons: Lif, If, PoolIf, ...
    "#);
    insta::assert_snapshot!(error("Tower(neuron: Sluggish(leak: 2.0))"), @"
    network.neuron.leak must be greater than 0 and at most 1, found 2
     --> tower.ron:1:63
      |
    1 | (data: Mnist, steps: 3, network: Tower(neuron: Sluggish(leak: 2.0)),
      |                                                               ^^^
    ");
    insta::assert_snapshot!(error("Tower(neuron: Sluggish(), widths: [4,\n    400])"), @"
    network.widths[1] must be at most 100, found 400
     --> tower.ron:2:5
      |
    2 |     400]),
      |     ^^^
      |
      = with the override network.neuron.leak=0.5
    ");
    insta::assert_snapshot!(error("Tower(neuron: Sluggish(), widths: [4, 4.5])"), @"
    network.widths[1] must be a whole number, found 4.5
     --> tower.ron:1:72
      |
    1 | (data: Mnist, steps: 3, network: Tower(neuron: Sluggish(), widths: [4, 4.5]),
      |                                                                        ^^^
    ");
}
