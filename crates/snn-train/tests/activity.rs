//! What a network spends, against numbers reckoned by hand and against the evaluation.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use snn_core::reference::Reference;
use snn_core::registry::Registry;
use snn_core::{
    CrossEntropy, DataSource, Dataset, Direct, Encoded, Encoder, Final, Input, Map, Network, Neuron, Projection,
    SampleKey, Shape, Source, SpikeTrain, Splits, Weights,
};
use snn_data::Mnist;
use snn_models::{Built, Experiment};
use snn_train::activity::{ActivityReport, Comparison, EnergyTable, MeasuredActivity, PageNetwork, measure, page};
use snn_train::{Event, evaluate};

/// Where only seed and batch matter.
const ANY: &str = "(
    data: Mnist,
    steps: 4,
    network: Sequence(layers: [Readout(classes: 10)]),
    training: (epochs: 1, batch: 1, optimizer: Sgd(lr: 0.1)),
)";

const PICTURE: Shape = Shape::new(1, 1, 3);

/// Two pictures of three pixels; a bit of a pixel is a spike at the step of its place.
const PICTURES: [[u8; 3]; 2] = [[0b0101, 0, 0b1111], [0b0001, 0, 0b1111]];

#[derive(Debug)]
struct Bits;

impl Encoder for Bits {
    fn encode(&self, image: &[f32], shape: Shape, steps: usize, _: SampleKey) -> Encoded {
        let mut train = SpikeTrain::silent(steps, 1, shape);
        for (neuron, pixel) in image.iter().enumerate() {
            for step in 0..steps {
                train.set(step, 0, neuron, ((pixel * 255.0).round() as u8 >> step & 1) as i8);
            }
        }
        Encoded::Spikes(train)
    }

    fn describe(&self) -> String {
        "bits".to_owned()
    }
}

#[derive(Debug)]
struct Pictures;

impl DataSource for Pictures {
    fn shape(&self) -> Shape {
        PICTURE
    }

    fn classes(&self) -> usize {
        2
    }

    fn training_images(&self) -> usize {
        2
    }

    fn test_images(&self) -> usize {
        2
    }

    fn describe(&self) -> String {
        "two pictures".to_owned()
    }

    fn load(&self, _: Option<&Path>) -> Result<Splits, Box<dyn std::error::Error + Send + Sync>> {
        let pictures = Dataset::new(PICTURE, 2, PICTURES.concat(), vec![0, 1])?;
        Ok(Splits { train: pictures.clone(), test: pictures, folder: "memory".into() })
    }
}

/// A convolution whose windows reach beyond the picture, a population that feeds itself, a pool that leaves a neuron out,
/// and a readout of two projections. Every neuron fires at each step at which it is reached by a spike through a weight
/// other than 0.
fn network() -> (Network, Weights) {
    let mut builder = Network::builder(PICTURE);
    let conv = Map::conv(1, [3, 3], 1, 1);
    let linear = Map::Linear { features: 2 };
    let conv = builder.add("conv", Neuron::lif(), vec![Projection::new(Source::Input, conv)]).unwrap();
    let own = Projection::new(builder.recurrent_source(), linear);
    let both = builder.add("both", Neuron::lif(), vec![Projection::new(conv, linear), own]).unwrap();
    let pool = Projection::new(conv, Map::AvgPool { size: 1, stride: 2 });
    let pool = builder.add("pool", Neuron::pool_if(), vec![pool]).unwrap();
    let inputs = vec![Projection::new(both, linear), Projection::new(pool, linear).named("skip")];
    builder.add("readout", Neuron::readout(), inputs).unwrap();
    let weights = vec![
        vec![9.0, 9.0, 9.0, 0.0, 2.0, 2.0, 9.0, 9.0, 9.0],
        vec![2.0, 2.0, 2.0, 0.0, 0.0, 0.0],
        vec![0.001; 4],
        vec![1e-6; 4],
        vec![1.0, 1e-6, 1e-6, 0.4],
    ];
    (builder.build().unwrap(), weights)
}

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap().with(snn_data::plugin).unwrap().with(snn_models::plugin).unwrap()
}

fn experiment(text: &str) -> Experiment {
    Experiment::from_ron(text, "", &[], &registry()).unwrap()
}

fn report(input: Input, steps: usize, batch: usize) -> ActivityReport {
    measured(input, steps, batch).report
}

fn measured(input: Input, steps: usize, batch: usize) -> MeasuredActivity {
    let mut experiment = experiment(ANY);
    (experiment.steps, experiment.training.batch) = (steps, batch);
    let (network, weights) = network();
    let data = Arc::new(Pictures);
    let loss = Arc::new(CrossEntropy { scale: 1.0 });
    let built = Built { experiment, data, input, network, score: Arc::new(Final {}), loss };
    let pictures = Pictures.load(None).unwrap().test;
    measure(&Reference, &built, &weights, &pictures, &[0, 1], &mut go_on).unwrap().unwrap()
}

fn go_on(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn every_figure_is_as_reckoned_by_hand() {
    let report = report(Input::images(Bits), 4, 2);
    // Spikes of the two pictures. Input: 2 + 0 + 4 and 1 + 0 + 4. Convolution, whose neurons read their own pixel and the
    // next: 2, 4, 4 and 1, 4, 4. The first neuron of "both" fires at every step, the second never. Pool: the outer ones.
    let populations: Vec<_> =
        report.populations.iter().map(|p| (p.name.as_str(), p.spikes, p.rate, p.silent, p.saturated)).collect();
    assert_eq!(
        populations,
        [
            ("input", 5.5, 5.5 / 12.0, 1, 1),
            ("conv", 9.5, 9.5 / 12.0, 0, 2),
            ("both", 4.0, 0.5, 1, 1),
            ("pool", 5.5, 5.5 / 8.0, 0, 1)
        ]
    );
    assert_eq!((report.spikes, report.activation_sparsity), (19.0, 1.0 - 19.0 / 28.0));
    assert_eq!(report.populations[1].histogram, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);

    // Synapses: of the pixels 2 + 3 + 2; of those with a weight other than 0, 1 + 2 + 2. From "conv" to "both" 6, half of
    // them 0. The last spike of "both" to itself comes too late.
    let projections: Vec<_> = (report.projections.iter())
        .map(|p| {
            let o = p.operations;
            (p.source.as_str(), p.target.as_str(), p.weighted, p.synapses, o.dense, o.effective_acs, o.by_mean_fan_out)
        })
        .collect();
    assert_eq!(
        projections,
        [
            ("input", "conv", true, 7, 28.0, 9.5, 5.5 * (7.0 / 3.0)),
            ("conv", "both", true, 6, 24.0, 9.5, 19.0),
            ("both", "both", true, 4, 16.0, 6.0, 8.0),
            ("conv", "pool", false, 2, 8.0, 5.5, 9.5 * (2.0 / 3.0)),
            ("both", "readout", true, 4, 16.0, 8.0, 8.0),
            ("pool", "readout", true, 4, 16.0, 11.0, 11.0),
        ]
    );
    let sums = report.operations;
    assert_eq!((sums.dense, sums.effective_acs, sums.effective_macs), (100.0, 44.0, 0.0));
    assert_eq!((report.unweighted_additions, report.neuron_updates, report.ann_macs), (5.5, 36, 25));
    assert_eq!((report.energy.own, report.energy.ann), (44.0 * 0.9, 25.0 * 4.6));
    let dear = report.clone().priced(EnergyTable { ac: 2.0, mac: 3.0 });
    assert_eq!((dear.energy.own, dear.energy.ann), (88.0, 75.0));
}

#[test]
fn silent_and_saturated_neurons_are_named() {
    let found = measured(Input::images(Bits), 4, 2);
    // Over both pictures, 4 steps each. The convolution's neurons: see above.
    assert_eq!(found.neurons.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2, 2]);
    assert_eq!(found.neurons[1], [3, 8, 8]);
    assert_eq!(found.neurons[2], [8, 0]);
    assert_eq!([0, 1, 2, 3].map(|at| found.silent(at).len()), [1, 0, 1, 0]);
    assert_eq!((found.silent(2), found.saturated(2), found.saturated(1)), (vec![1], vec![0], vec![1, 2]));
    assert_eq!(found.silent(9), Vec::<usize>::new());
}

#[test]
fn accuracy_and_costs_are_known_after_every_step() {
    let report = report(Input::images(Bits), 4, 1);
    // The first class gains 1 with each spike of the first pixel, the second 0.4 with each of the last.
    let accuracies: Vec<f64> = report.curve.iter().map(|point| point.accuracy).collect();
    assert_eq!(accuracies, [0.5, 0.5, 1.0, 1.0]);
    let first = report.curve[0];
    assert_eq!((first.steps, first.input_spikes, first.spikes, first.effective_acs), (1, 2.0, 6.0, 12.0));
    let last = report.curve[3];
    assert_eq!((last.input_spikes, last.spikes, last.effective_acs), (5.5, 19.0, 44.0));
    let there = report.reach(report.best_accuracy() - 0.01).unwrap();
    assert_eq!((there.steps, there.spikes), (3, 15.0));
    assert_eq!(report.reach(1.5), None);
    let short = self::report(Input::images(Bits), 1, 1);
    let compared = |within| Comparison::new([&report, &short, &report].into_iter(), within);
    assert_eq!(compared(0.0), Comparison { accuracy: 0.5, reached: vec![Some(first); 3] });
    assert_eq!(compared(0.9).accuracy, 0.0);
}

#[test]
fn a_current_costs_multiplications() {
    let report = report(Input::images(Direct { scale: 510.0 }), 2, 2);
    let [first, second] = [&report.projections[0], &report.projections[1]];
    // The outer pixels are not 0, at both steps; effective synapses 1 and 2.
    assert_eq!((first.operations.effective_acs, first.operations.effective_macs), (0.0, 6.0));
    assert!(second.operations.effective_acs > 0.0 && second.operations.effective_macs == 0.0);
    let input = &report.populations[0];
    assert_eq!((input.graded, input.spikes, input.rate, input.silent), (true, 0.0, 2.0 / 3.0, 1));
    assert_eq!((report.operations.effective_macs, report.curve[0].effective_macs), (6.0, 3.0));
    assert_eq!(report.curve[1].input_spikes, 0.0);
}

/// Rectified linear units have no spikes: all their operations are multiplications.
#[test]
fn a_network_that_does_not_spike_is_measured_too() {
    let experiment = experiment(
        "(data: Mnist, input: Direct(), steps: 1, network: Sequence(neuron: Relu(), layers: [
            Linear(features: 20), Readout(classes: 10, neuron: LeakyIntegrator(gradient: Exact))]),
            training: (epochs: 1, batch: 4, optimizer: Sgd(lr: 0.1)))",
    );
    let built = experiment.build(&registry()).unwrap();
    let weights = built.network.initial_weights(3);
    let test = mnist();
    let found =
        measure(&Reference, &built, &weights, &test, &[0, 1, 2, 3, 4, 5, 6, 7], &mut go_on).unwrap().unwrap().report;
    let hidden = &found.populations[1];
    assert!(hidden.graded && hidden.rate > 0.1 && hidden.rate < 0.9, "{hidden:?}");
    assert!((found.projections[1].operations.effective_macs - 200.0 * hidden.rate).abs() < 1e-9);
    assert_eq!((found.spikes, found.operations.effective_acs, found.ann_macs), (0.0, 0.0, 784 * 20 + 200));
}

fn mnist() -> Dataset {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist");
    Mnist {}.load(Some(&dir)).unwrap().test
}

/// What the evaluation finds on the same images.
#[test]
fn sums_are_those_of_the_evaluation() {
    let text = "(data: Mnist, steps: 7, network: Sequence(layers: [
        Conv(channels: 3, kernel: 5, stride: 2), AvgPool(size: 3), Linear(features: 9, recurrent: true),
        Readout(classes: 10)]), training: (epochs: 1, batch: 5, optimizer: Sgd(lr: 0.1)))";
    let experiment = experiment(text);
    let built = experiment.build(&registry()).unwrap();
    let weights = built.network.initial_weights(3);
    let test = mnist();
    let chosen: Vec<u32> = (3..15).collect();
    let found = measure(&Reference, &built, &weights, &test, &chosen, &mut go_on).unwrap().unwrap().report;
    let expected = evaluate(&Reference, &built, &weights, &test, &chosen, &mut go_on).unwrap().unwrap();
    assert_eq!((found.images, found.accuracy), (expected.images, expected.accuracy));
    assert_eq!(Some(found.populations[0].spikes), expected.input_spikes);
    assert_eq!(found.spikes, expected.spikes);
    let rates = found.populations[1..].iter().map(|p| (p.name.clone(), p.rate as f32));
    assert_eq!(rates.collect::<Vec<_>>(), expected.rates);
    let last = found.curve.last().unwrap();
    assert_eq!((last.accuracy, last.spikes), (expected.accuracy, expected.spikes));
    assert!((last.effective_acs - found.operations.effective_acs).abs() < 1e-6);
    for projection in &found.projections {
        assert!(projection.operations.effective() <= projection.operations.dense, "{projection:?}");
    }
}

#[test]
fn the_page_stands_alone() {
    let report = report(Input::images(Bits), 4, 2);
    let facts = [("data", "\"two\" <pictures>".to_owned())];
    let subject = PageNetwork { name: "a & b", facts: &facts, report: &report };
    let other = PageNetwork { name: "other", facts: &[], report: &report };
    for html in [page(&subject, &[], 0.01), page(&subject, &[other, other, other], 0.01)] {
        for part in
            ["<h1>Spike activity of a &amp; b</h1>", "&quot;two&quot; &lt;pictures&gt;", "Effective_ACs", "39.6 pJ"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert_eq!(html.matches("<svg ").count(), 6);
        assert_eq!(html.matches("http").count(), html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
        for part in ["<script", "src=", "href=", "url(", "@import", "NaN", "inf<"] {
            assert!(!html.contains(part), "{part} in {html}");
        }
        for tag in ["figure", "table", "tr", "td", "dl", "div", "svg", "h2"] {
            let open = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(open, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}

#[test]
fn images_that_are_not_there_are_refused() {
    let experiment = experiment(ANY);
    let (network, weights) = network();
    let loss = Arc::new(CrossEntropy { scale: 1.0 });
    let input = Input::images(Bits);
    let built = Built { experiment, data: Arc::new(Pictures), input, network, score: Arc::new(Final {}), loss };
    let pictures = Pictures.load(None).unwrap().test;
    let message = |weights: &Weights, images: &[u32]| {
        measure(&Reference, &built, weights, &pictures, images, &mut go_on).unwrap_err().to_string()
    };
    assert_eq!(message(&weights, &[1, 2]), "images to show: must be some of the 2 in the data set, found image 2");
    assert_eq!(message(&weights, &[]), "images to show: must be some of the 2 in the data set, found none");
    assert!(message(&vec![vec![]; 5], &[0, 1]).starts_with("weight \"conv\""));
}

#[test]
fn the_form_of_the_report_is_kept() {
    let json = serde_json::to_string_pretty(&report(Input::images(Bits), 2, 2)).unwrap();
    insta::assert_snapshot!(json);
    let read: ActivityReport = serde_json::from_str(&json).unwrap();
    assert_eq!(read, report(Input::images(Bits), 2, 2));
}
