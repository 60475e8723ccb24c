//! `snn show`: an experiment explained.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use console::style;
use snn::{
    core::{Engine, Network, Plan},
    models::{Experiment, summary::Summary},
};

use crate::cli::{ShowArgs, loading, text, text::labelled, words};

/// Memory that the largest batch is given for: 8 GB.
const ROOM: usize = 8_000_000_000;

/// Columns of a terminal that the whole layer table needs.
const WIDE: usize = 106;

pub(crate) fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let named = loading::experiment(args.experiment.as_deref(), &args.overrides.settings())?;
    let experiment = &named.experiment;
    let mut out = io::stdout().lock();
    if args.ron {
        write!(out, "{}", experiment.to_ron())?;
        return Ok(ExitCode::SUCCESS);
    }
    let network = experiment.network()?;
    writeln!(out)?;
    write!(
        out,
        "{}",
        text::header(&[(&named.name, words::network(&network, experiment.steps), named.origin.clone())])
    )?;
    writeln!(out, "\n{}", layers(&network))?;
    equations(&mut out, &network)?;
    writeln!(out, "{}", labelled("input", words::input(experiment)))?;
    writeln!(out, "{}", labelled("loss", words::loss(experiment)))?;
    writeln!(out, "{}", labelled("optimizer", words::optimizer(experiment)))?;
    writeln!(out, "{}", labelled("schedule", words::schedule(experiment)))?;
    writeln!(out, "{}", labelled("training", words::training(experiment)))?;
    writeln!(out, "\n{}", memory(experiment, &network, args.threads)?)?;
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
            row.neuron.to_owned(),
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

/// The update of each kind of neuron, one line each.
fn equations(out: &mut impl Write, network: &Network) -> io::Result<()> {
    let mut kinds: Vec<(&str, String)> = Vec::new();
    for population in network.populations() {
        let kind = (population.neuron.name(), population.neuron.equations());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let width = kinds.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (index, (name, equations)) in kinds.iter().enumerate() {
        let label = if index == 0 { "each step" } else { "" };
        writeln!(out, "{}", labelled(label, format!("{}  {equations}", style(format!("{name:width$}")).cyan())))?;
    }
    Ok(())
}

/// What each engine needs, and what fits.
fn memory(experiment: &Experiment, network: &Network, threads: usize) -> anyhow::Result<String> {
    let (steps, batch) = (experiment.steps, experiment.training.batch);
    let mut rows = Vec::new();
    for name in snn::engines::NAMES {
        let Some(engine) = snn::engines::find(name, threads) else { continue };
        let need = |batch, train| bytes(engine.as_ref(), network, Plan { steps, batch, train, record: false });
        let (one, two) = (need(batch, true)?, need(2 * batch, true)?);
        let each = (two.saturating_sub(one) / batch).max(1);
        let largest = batch + ROOM.saturating_sub(one) / each;
        let largest =
            if one > ROOM { format!("less than {batch}") } else { format!("about {}", text::thousands(largest)) };
        rows.push(vec![name.to_owned(), text::bytes(one), text::bytes(need(batch, false)?), largest]);
    }
    let (train, evaluate) = (format!("training, batch {batch}"), format!("evaluation, batch {batch}"));
    Ok(text::table(&["memory", &train, &evaluate, "largest batch in 8 GB"], &rows, &[1, 2, 3], false))
}

fn bytes(engine: &dyn Engine, network: &Network, plan: Plan) -> Result<usize, snn::core::Error> {
    Ok(engine.compile(network, plan)?.memory().total())
}
