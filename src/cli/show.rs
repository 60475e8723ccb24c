//! `snn show`: an experiment explained.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use console::style;

use crate::{
    cli::{
        ShowArgs,
        loading::{self, Named},
        text,
        text::labelled,
        words,
    },
    core::{Engine, Network, Plan, registry::Registry},
    models::summary::Summary,
};

/// Memory that the largest batch is given for: 8 GB.
const ROOM: usize = 8_000_000_000;

/// Columns of a terminal that the whole layer table needs.
const WIDE: usize = 106;

pub(crate) fn run(registry: &Registry, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let named = loading::experiment(registry, args.experiment.as_deref(), &args.overrides.settings())?;
    let Named { experiment, built, .. } = &named;
    let network = &built.network;
    let mut out = io::stdout().lock();
    if args.ron {
        write!(out, "{}", experiment.to_ron())?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = (named.name.as_str(), words::network(network, experiment.steps), named.origin.clone());
    write!(out, "\n{}\n{}\n", text::header(&[header]), layers(network))?;
    neurons(&mut out, network)?;
    let lines = [
        ("data", format!("{}: {}", experiment.data.name, built.data.describe())),
        ("input", built.encoder.describe()),
        ("readout", words::readout(built)),
        ("loss", built.loss.equation()),
        ("penalty", words::penalty(experiment).unwrap_or_default()),
        ("optimizer", words::optimizer(experiment)),
        ("schedule", words::schedule(experiment)),
        ("training", words::training(experiment, built)),
    ];
    for (label, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "{}", labelled(label, text))?;
    }
    writeln!(out, "\n{}", memory(registry, &named, args.threads))?;
    Ok(ExitCode::SUCCESS)
}

fn layers(network: &Network) -> String {
    let summary = Summary::new(network);
    let head = ["population", "map", "neuron", "shape", "weights", "fan-in", "parameters", "operations/step"];
    let count = |n: usize| if n == 0 { String::new() } else { text::thousands(n) };
    let mut rows = vec![vec!["input".to_owned(), String::new(), String::new(), summary.input.to_string()]];
    for row in &summary.rows {
        let shape = |shape: &Vec<usize>| shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        rows.push(vec![
            row.name.clone(),
            row.maps.clone(),
            row.neuron.clone(),
            row.shape.to_string(),
            row.weights.iter().map(shape).collect::<Vec<_>>().join(" + "),
            count(row.fan_in),
            count(row.parameters),
            count(row.dense_operations as usize),
        ]);
    }
    rows.push(vec![
        "total".to_owned(),
        String::new(),
        String::new(),
        format!("{} neurons", text::thousands(summary.neurons)),
        String::new(),
        String::new(),
        text::thousands(summary.parameters),
        text::thousands(summary.dense_operations),
    ]);
    if text::columns() >= WIDE {
        return text::table(&head, &rows, &[5, 6, 7], true);
    }
    let narrow =
        |row: &[String]| [0, 2, 3, 4, 6, 7].map(|column| row.get(column).cloned().unwrap_or_default()).to_vec();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| narrow(row)).collect();
    text::table(&[0, 2, 3, 4, 6, 7].map(|column| head[column]), &rows, &[4, 5], true)
}

/// What each kind of neuron does, and how error passes back through it.
fn neurons(out: &mut impl Write, network: &Network) -> io::Result<()> {
    let mut kinds: Vec<(&str, String, String)> = Vec::new();
    for neuron in network.populations().iter().map(|population| &population.neuron) {
        let kind = (neuron.name(), neuron.equations(), words::gradient(neuron));
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    for (name, equations, gradient) in kinds {
        writeln!(out, "{}", labelled("neuron", format!("{}  {equations}", style(name).cyan())))?;
        writeln!(out, "{}", labelled("", format!("gradient {gradient}")))?;
    }
    Ok(())
}

/// What each engine needs, and what fits.
fn memory(registry: &Registry, named: &Named, threads: usize) -> String {
    let batch = named.experiment.training.batch;
    let mut rows = Vec::new();
    for name in registry.engines.names() {
        let needs = loading::named_engine(registry, name, threads).and_then(|engine| needs(engine.as_ref(), named));
        rows.push(match needs {
            Ok([train, evaluate, each]) if train <= ROOM => {
                let largest = batch + (ROOM - train) / each;
                vec![
                    name.to_owned(),
                    text::bytes(train),
                    text::bytes(evaluate),
                    format!("about {}", text::thousands(largest)),
                ]
            }
            Ok([train, evaluate, _]) => {
                vec![name.to_owned(), text::bytes(train), text::bytes(evaluate), format!("less than {batch}")]
            }
            Err(error) => vec![name.to_owned(), "-".to_owned(), "-".to_owned(), error.to_string()],
        });
    }
    let (train, evaluate) = (format!("training, batch {batch}"), format!("evaluation, batch {batch}"));
    text::table(&["engine's memory", &train, &evaluate, "largest batch in 8 GB"], &rows, &[1, 2, 3], false)
}

/// Bytes of a training session, of an evaluation session, and of each further image in training.
fn needs(engine: &dyn Engine, named: &Named) -> anyhow::Result<[usize; 3]> {
    let training = &named.experiment.training;
    let (steps, batch) = (named.experiment.steps, training.batch);
    let plan = |batch| Plan { chunk: training.chunk, ..Plan::new(steps, batch) };
    let bytes = |plan| engine.compile(&named.built.network, plan).map(|session| session.memory().total());
    let (one, two) = (bytes(plan(batch).train())?, bytes(plan(2 * batch).train())?);
    Ok([one, bytes(plan(batch))?, (two.saturating_sub(one) / batch).max(1)])
}
