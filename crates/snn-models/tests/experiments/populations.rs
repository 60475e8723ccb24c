//! `Populations` become networks: what they read, by which weights, and what is refused.

use snn_core::Join;

use crate::families::{errors, network, table};

#[test]
fn populations_can_sum_their_sources_and_share_weights() {
    let text = r#"Populations(populations: [
        (name: "a", inputs: [Conv(from: "input", channels: 2, kernel: 5, bias: true)]),
        (name: "b", inputs: [Subsample(from: "a", stride: 1)]),
        (name: "c", inputs: [Conv(from: "a + b", channels: 2, kernel: 3, weight: "w"), Conv(from: "b", channels: 2, kernel: 3, weight: "w")]),
        (name: "d", neuron: LeakyIntegrator, inputs: [Linear(from: "c", features: 10, bias: true)]),
    ])"#;
    insta::assert_snapshot!(table(&network(text).unwrap()), @"
    a | conv 5x5, bias | 2x24x24 | a | 0
    b | identity | 2x24x24 |  | 0
    c | conv 3x3, from a + b + conv 3x3 | 2x22x22 | w + w | 0
    d | linear, bias | 10 | d | 0
    ");
    let message = |inputs: &str| {
        let text = format!(
            "Populations(populations: [
            (name: \"a\", inputs: [Conv(from: \"input\", channels: 2, kernel: 5)]),
            (name: \"b\", neuron: LeakyIntegrator, inputs: [{inputs}])])"
        );
        let error = network(&text).unwrap_err().to_string();
        error.lines().next().unwrap_or_default().trim_start_matches("network.").to_owned()
    };
    let linear = "Linear(from: \"a\", features: 10)";
    assert_eq!(
        message(&[linear; 3].join(", ")),
        "populations[1].inputs[2]: another weight is named \"b.a\"; give this one a name, as in weight: \"...\""
    );
    assert_eq!(
        message("Linear(from: \"a + input\", features: 10)"),
        "populations[1].inputs[0]: b: what is summed up before a map differs in shape: 2x24x24 and 1x28x28"
    );
    let unknown = message("Linear(from: \"a + z\", features: 10)");
    assert!(unknown.contains("unknown source \"z\" in network.populations[1].inputs[0].from"), "{unknown}");
}

#[test]
fn joins_are_read_however_their_symbols_are_spaced() {
    let read = |from: &str| {
        let text = format!(
            "Populations(populations: [
            (name: \"a\", inputs: [Conv(from: \"input\", channels: 2, kernel: 5)]),
            (name: \"b\", inputs: [Subsample(from: \"a\", stride: 1)]),
            (name: \"c\", neuron: Relay, inputs: [Subsample(from: \"{from}\", stride: 1)]),
            (name: \"d\", neuron: LeakyIntegrator, inputs: [Linear(from: \"c\", features: 10)])])"
        );
        network(&text).map(|network| network.populations()[2].inputs[0].join)
    };
    for (from, join) in [
        ("a + b", Join::Sum),
        ("a & b", Join::And),
        ("a&b", Join::And),
        ("a & !b", Join::AndNot),
        ("a &!b", Join::AndNot),
        ("a & ! b", Join::AndNot),
    ] {
        assert_eq!(read(from).unwrap(), join, "{from}");
    }
    let error = read("a & b & a").unwrap_err().to_string();
    assert!(error.contains("AND joins two sources, not 3"), "{error}");
}

#[test]
fn the_weights_of_populations_are_named_after_what_they_connect() {
    let text = r#"Populations(populations: [
        (name: "a", inputs: [Conv(from: "input", channels: 2, kernel: 5)]),
        (name: "b", neuron: Alif, dropout: 0.5, inputs: [
            AvgPool(from: "a", size: 3), Conv(from: "a", channels: 2, kernel: 3, stride: 3),
            Conv(from: "input", channels: 2, kernel: 7, stride: 3), Conv(from: "b", channels: 2, kernel: 3, padding: 1),
        ]),
        (name: "c", neuron: LeakyIntegrator, inputs: [
            Linear(from: "b", features: 10), Linear(from: "a", features: 10),
            Linear(from: "b", features: 10, weight: "again"),
        ]),
    ])"#;
    insta::assert_snapshot!(table(&network(text).unwrap()), @"
    a | conv 5x5 | 2x24x24 | a | 0
    b | mean 3x3 + conv 3x3, stride 3 + conv 7x7, stride 3, from input + conv 3x3, pad 1, from itself | 2x8x8 | b + b.input + b.recurrent | 0.5
    c | linear + linear, from a + linear | 10 | c + c.a + again | 0
    ");
}

#[test]
fn populations_can_spell_a_resnet() {
    let resnet =
        network("ResNet(dropout: 0.25, kappa: 2.0, stem: 2, blocks: [(channels: 3, stride: 2)], features: [])");
    let free = network(
        r#"Populations(populations: [
            (name: "stem", dropout: 0.25, inputs: [Conv(from: "input", channels: 2, kernel: 3, padding: 1)]),
            (name: "pool1", neuron: PoolIf, inputs: [AvgPool(from: "stem", size: 2)]),
            (name: "block1_1", dropout: 0.25, inputs: [Conv(from: "pool1", channels: 3, kernel: 3, padding: 1)]),
            (name: "block1_2", dropout: 0.25, inputs: [
                Conv(from: "block1_1", channels: 3, kernel: 3, stride: 2, padding: 1),
                Conv(from: "pool1", channels: 3, kernel: 1, stride: 2, weight: "block1_2.shortcut"),
            ]),
            (name: "readout", neuron: LeakyIntegrator, inputs: [Linear(from: "block1_2", features: 10)]),
        ])"#,
    );
    let (resnet, free) = (resnet.unwrap(), free.unwrap());
    assert_eq!(table(&resnet), table(&free));
    assert_eq!(resnet.initial_weights(1), free.initial_weights(1));
}

#[test]
fn values_of_populations_have_ranges() {
    let populations = |list: &str| format!("Populations(populations: [{list}])");
    let first = r#"(name: "a", inputs: [Conv(from: "input", channels: 2, kernel: 5)])"#;
    let last = r#"(name: "out", inputs: [Linear(from: "a", features: 10)])"#;
    let texts = [
        String::new(),
        last.replace("\"a\"", "\"input\"").replace("10", "12"),
        format!("{first}, {first}, {last}"),
        format!("{}, {last}", first.replace("\"a\"", "\"\"")),
        format!("{}, {last}", first.replace("\"a\"", "\"a b\"")),
        format!("{}, {last}", first.replace("\"a\"", "\"input\"")),
        format!("{}, {last}", first.replace("name: \"a\", ", "")),
        format!("{}, {last}", first.replace("inputs", "neuron: LeakyIntegrator, inputs")),
        format!("{}, {last}", first.replace("inputs", "dropout: 1, inputs")),
        format!("{first}, {}", last.replace("inputs", "dropout: 0.5, inputs")),
        format!("{first}, {}", last.replace("\"a\"", "\"b\"")),
        format!("{}, {last}", first.replace("\"input\"", "\"out\"")),
        format!("{}, {last}", first.replace("\"input\"", "\"a\"")),
        format!("{}, {last}", first.replace("from: \"input\", ", "")),
        format!("{}, {last}", first.replace("\"input\"", "input")),
        format!("{}, {last}", first.replace("channels: 2", "channels: 0")),
        format!("{}, {last}", first.replace("kernel: 5", "kernel: 0")),
        format!("{}, {last}", first.replace("kernel: 5", "kernel: 29")),
        format!("{}, {last}", first.replace("kernel: 5", "kernel: 5, stride: 0")),
        format!("{}, {last}", first.replace("kernel: 5", "kernel: 5, padding: 1025")),
        format!("{}, {last}", first.replace("kernel: 5", "kernel: 5, weight: \"\"")),
        format!("{}, {last}", first.replace("[Conv(from: \"input\", channels: 2, kernel: 5)]", "[]")),
        format!("{}, {last}", first.replace("Conv(", "Dense(")),
        format!("{}, {last}", first.replace(")]", "), AvgPool(from: \"input\", size: 0)]")),
        format!("{}, {last}", first.replace(")]", "), AvgPool(from: \"input\", size: 2)]")),
        format!("{}, {last}", first.replace(")]", "), Subsample(from: \"input\", stride: 0)]")),
        format!("{}, {last}", first.replace(")]", "), Linear(from: \"input\", features: 0)]")),
        format!(
            "{}, {last}",
            first.replace(")]", "), Conv(from: \"input\", channels: 2, kernel: 3, padding: 1, weight: \"a\")]")
        ),
        format!("{}, {last}", first.replace("inputs", "neuron: Plif, inputs").replace("5)", "5, weight: \"a.leak\")")),
        format!(
            "{first}, {}",
            last.replace("10)", "10), Linear(from: \"out\", features: 10)")
                .replace("inputs", "neuron: LeakyIntegrator, inputs")
        ),
        format!("{first}, {}", last.replace("10)", "10), Linear(from: \"out\", features: 12)")),
    ];
    let texts: Vec<String> = texts.iter().map(|list| populations(list)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    insta::assert_snapshot!(errors(&texts), @"
    network.populations must be a list of at least one population, found none
    network.populations[0]: out: it has 12 neurons, but the data set has 10 classes
    network.populations[1].name must be a name that no other population has, found \"a\"
    network.populations[0].name must be a name of letters, digits and _, found \"\"
    network.populations[0].name must be a name of letters, digits and _, found \"a b\"
    network.populations[0].name must be another name than that of the network's input, found \"input\"
    missing field \"name\" in network.populations[0]
    network.populations[0].neuron must be a neuron that passes on spikes or numbers to others, as all populations but the last need, found LeakyIntegrator
    network.populations[0].dropout must be at least 0 and less than 1, found 1
    network.populations[1].dropout must be 0 in the last population, found 0.5
    unknown source \"b\" in network.populations[1].inputs[0].from
    network.populations[0].inputs[0].from: \"out\" comes later; a population reads the input, earlier populations, or itself
    network.populations[0].inputs[0]: a: its first input cannot be the population itself
    missing field \"from\" in network.populations[0].inputs[0]
    network.populations[0].inputs[0].from must be text in quotes, found input
    network.populations[0].inputs[0].channels must be at least 1, found 0
    network.populations[0].inputs[0].kernel must be 1 to 1024, found 0
    network.populations[0].inputs[0]: a: input 1x28x28: height 28 with padding 0 is smaller than the window of 29
    network.populations[0].inputs[0].stride must be 1 to 1024, found 0
    network.populations[0].inputs[0].padding must be 0 to 1024, found 1025
    network.populations[0].inputs[0].weight must be a name of letters, digits, _ and ., found \"\"
    network.populations[0].inputs must be a list of at least one projection, found none
    unknown projection \"Dense\" in network.populations[0].inputs[0]
    network.populations[0].inputs[1].size must be at least 1, found 0
    network.populations[0].inputs[1]: a: its inputs differ in shape: 2x24x24 and 1x14x14
    network.populations[0].inputs[1].stride must be at least 1, found 0
    network.populations[0].inputs[1].features must be at least 1, found 0
    network.populations[0].inputs[1]: a: its inputs differ in shape: 2x24x24 and 2x28x28
    network.populations[0]: a: another weight is named \"a.leak\"; give this one a name of its own
    network.populations[1].inputs[1]: out: LeakyIntegrator does not fire and cannot feed itself
    network.populations[1].inputs[1]: out: its inputs differ in shape: 10 and 12
    ");
}
