//! Every value has a range.

use crate::lenet;

#[test]
fn every_range_is_checked() {
    let wrong = [
        ("input.scale", "0"),
        ("input.scale", "inf"),
        ("steps", "0"),
        ("steps", "100000000000"),
        ("network.neuron.threshold", "-1"),
        ("network.neuron.leak", "NaN"),
        ("network.pool.threshold", "0"),
        ("network.pool", "LeakyIntegrator"),
        ("network.dropout", "1"),
        ("network.kappa", "0"),
        ("network.layers", "[]"),
        ("network.layers", "[Linear(features: 10)]"),
        ("network.layers[0]", "Readout(classes: 10)"),
        ("network.layers[0].channels", "0"),
        ("network.layers[0].kernel", "1000000"),
        ("network.layers[0].padding", "99999"),
        ("network.layers[0]", "Conv(channels: 2, kernel: 4, recurrent: true)"),
        ("network.layers[4].neuron", "Lif(gradient: Atan(alpha: -2.0))"),
        ("network.layers[5].classes", "9"),
        ("network.layers[5].neuron.divisor", "0"),
        ("rates", "(target: 2.0, weight: 1.0)"),
        ("rates", "(target: 0.1, weight: 0.0)"),
        ("training.epochs", "0"),
        ("training.chunk", "0"),
        ("training.optimizer.lr", "0"),
        ("training.optimizer.lr", "1e39"),
        ("training.optimizer.momentum", "1"),
        ("training.optimizer.weight_decay", "-1"),
        ("training.optimizer", "Adam(lr: 0.1, betas: (1.0, 0.9))"),
        ("training.schedule", "Steps(at: [], factor: 0)"),
        ("training.schedule", "Steps(at: [3, 1], factor: 0.5)"),
        ("training.schedule", "Steps(at: [3, 3], factor: 0.5)"),
        ("training.schedule", "Cosine(floor: 2)"),
        ("training.schedule", "Cosine(warmup: 25)"),
        ("training.clip", "0"),
        ("training.augmentation", "Shift(pixels: 28)"),
        ("training.limit", "60001"),
        ("training.validation", "60000"),
    ];
    let errors = wrong.map(|setting| {
        let error = lenet(&[setting]).unwrap_err().to_string();
        error.lines().next().unwrap_or_default().to_owned()
    });
    insta::assert_snapshot!(errors.join("\n"), @"
    input.scale must be greater than 0, found 0
    input.scale must be a finite number, found inf
    steps must be at least 1, found 0
    steps must be at most 65536, found 100000000000
    network.neuron.threshold must be greater than 0, found -1
    network.neuron.leak must be greater than 0 and at most 1, found NaN
    network.pool.threshold must be greater than 0, found 0
    network.pool must be a neuron that passes on spikes or numbers to others, as all layers but the Readout need, found LeakyIntegrator
    network.dropout must be at least 0 and less than 1, found 1
    network.kappa must be greater than 0, found 0
    network.layers must be a list that ends in a Readout, found no layer
    network.layers[0]: the last layer must be a Readout
    network.layers[0]: only the last layer can be a Readout
    network.layers[0].channels must be at least 1, found 0
    network.layers[0].kernel must be 1 to 1024, found 1000000
    network.layers[0].padding must be 0 to 1024, found 99999
    network.layers[0].kernel must be odd in a layer that feeds itself, found 4
    network.layers[4].neuron.gradient.alpha must be greater than 0, found -2
    network.layers[5].classes must be 10, as many as the data set has, found 9
    network.layers[5].neuron.divisor must be greater than 0, found 0
    rates.target must be at least 0 and at most 1, found 2
    rates.weight must be greater than 0, found 0
    training.epochs must be at least 1, found 0
    training.chunk must be at least 1, found 0
    training.optimizer.lr must be greater than 0, found 0
    training.optimizer.lr must be a finite number, found inf
    training.optimizer.momentum must be at least 0 and less than 1, found 1
    training.optimizer.weight_decay must be at least 0, found -1
    training.optimizer.betas[0] must be at least 0 and less than 1, found 1
    training.schedule.factor must be greater than 0, found 0
    training.schedule.at must be epochs in rising order, found [3, 1]
    training.schedule.at must be epochs in rising order, found [3, 3]
    training.schedule.floor must be at least 0 and at most 1, found 2
    training.schedule.warmup must be less than the 25 epochs of the run, found 25
    training.clip must be greater than 0, found 0
    training.augmentation.pixels must be at most 27, found 28
    training.limit must be at most 60000, found 60001
    training.validation must be less than the 60000 training images of Mnist, found 60000
    ");
}

#[test]
fn parts_that_do_not_go_together_are_refused() {
    let wrong: [&[(&str, &str)]; 7] = [
        &[("input", "Latency(first: 50)")],
        &[("steps", "8"), ("input", "Latency(first: 3)"), ("steps", "3")],
        &[("input", "Latency(curve: Logarithmic, threshold: 0.5, tau: 100.0)")],
        &[("loss", "CountMse")],
        &[("loss", "VanRossum")],
        &[("loss", "CountMse(correct: 5.0)")],
        &[("network.neuron", "Lif(leak: 1.0, decay_input: true)")],
    ];
    let errors = wrong.map(|settings| {
        let error = lenet(settings).unwrap_err().to_string();
        error.lines().next().unwrap_or_default().to_owned()
    });
    insta::assert_snapshot!(errors.join("\n"), @"
    input.first must be less than the 50 steps of a trial, found 50
    input.first must be less than the 3 steps of a trial, found 3
    input.tau must be smaller, as a value of 1 would spike at step 69 of 50, counted from 0, found 100
    loss: CountMse counts spikes, but the neuron LeakyIntegrator of the last layer never fires; give the Readout a neuron that fires, such as neuron: Lif, or take MembraneMse or CrossEntropy
    loss: VanRossum counts spikes, but the neuron LeakyIntegrator of the last layer never fires; give the Readout a neuron that fires, such as neuron: Lif, or take MembraneMse or CrossEntropy
    loss.correct must be at least 0 and at most 1, as a neuron spikes at most once a step, found 5
    network.neuron.decay_input must be false where the leak is 1, as the input is weighted with 1 - leak, found true
    ");
    lenet(&[("loss", "CountMse"), ("network.layers[5].neuron", "Lif(gradient: Atan)")]).unwrap();
}
