//! `snn show`: explains an experiment.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use console::style;

use crate::{
    cli::{
        arguments::{Overrides, threads},
        constants,
        loading::{self, Named},
        memory::{self, Device},
        terminal, text,
        text::labelled,
        words,
    },
    core::{Network, Population, registry::Registry},
    models::summary::Summary,
};

/// Explain an experiment: layers, equations, training, memory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn show                                         the preset mnist-lenet
  snn show my-net.ron --batch 256                  what changes, and whether it fits
  snn show runs/mnist-lenet-1                      what a run trains")]
pub(crate) struct ShowArgs {
    /// Preset, RON file, checkpoint or run folder [default: mnist-lenet]
    #[arg(value_name = "PRESET|FILE.ron|CHECKPOINT|RUN_FOLDER")]
    experiment: Option<String>,
    #[command(flatten)]
    overrides: Overrides,
    /// Print the experiment as RON with all defaults and overrides written out, and nothing else
    #[arg(long)]
    ron: bool,
    /// Threads of the engine [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = threads)]
    threads: usize,
}

/// Memory for which the largest batch is computed: 8 GB.
const ROOM: usize = 8_000_000_000;

/// Columns of the layer table, in three versions for increasingly narrow terminals.
const NARROW: [&[usize]; 3] = [&[0, 2, 4, 5, 7, 8], &[0, 2, 4, 7, 8], &[0, 4, 7]];

pub(crate) fn run(registry: &Registry, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let named = loading::experiment(registry, args.experiment.as_deref(), &args.overrides.settings())?;
    let Named { built, .. } = &named;
    let experiment = &built.experiment;
    let network = &built.network;
    let mut out = terminal::stdout();
    if args.ron {
        write!(out, "{}", experiment.to_ron())?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = (named.name.as_str(), words::network(network, experiment.steps), named.origin.clone());
    write!(out, "\n{}\n{}\n", text::header(&[header]), layers(network))?;
    if let Some(table) = constants::table(network, named.weights.as_ref()) {
        writeln!(out, "{table}")?;
    }
    neurons(&mut out, network)?;
    let lines = [
        ("data", format!("{}: {}", experiment.data.name, built.data.describe())),
        ("input", built.input.describe()),
        ("norm", words::norm(network)),
        ("score", words::score(built)),
        ("loss", built.loss.equation()),
        ("penalty", words::penalty(experiment).unwrap_or_default()),
        ("start", words::start(experiment)),
        ("optimizer", experiment.training.optimizer.equation()),
        ("schedule", experiment.training.schedule.describe()),
        ("training", words::training(built)),
    ];
    for (label, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "{}", labelled(label, text))?;
    }
    for advice in experiment.advice(built) {
        writeln!(out, "{}", labelled("note", advice))?;
    }
    writeln!(out, "\n{}", memory(registry, &named, args.threads))?;
    Ok(ExitCode::SUCCESS)
}

fn layers(network: &Network) -> String {
    let summary = Summary::new(network);
    let head =
        ["population", "map", "neuron", "gradient", "shape", "weights", "fan-in", "parameters", "operations/step"];
    let count = |n: usize| if n == 0 { String::new() } else { text::thousands(n) };
    let blank = |n| vec![String::new(); n];
    let mut rows = vec![[vec!["input".to_owned()], blank(3), vec![summary.input.to_string()]].concat()];
    for (row, population) in summary.rows.iter().zip(network.populations()) {
        rows.push(vec![
            row.name.clone(),
            row.maps.join("\n+ "),
            row.neuron.clone(),
            words::gradient_name(&population.neuron),
            row.shape.to_string(),
            weights(network, population),
            count(row.fan_in),
            count(row.parameters),
            count(row.dense_operations as usize),
        ]);
    }
    let sums = [summary.parameters as u64, summary.dense_operations].map(text::thousands);
    let neurons = format!("{} neurons", text::thousands(summary.neurons));
    rows.push([vec!["total".to_owned()], blank(3), vec![neurons], blank(2), sums.to_vec()].concat());
    text::table_or(&head, &rows, &[6, 7, 8], true, &NARROW)
}

/// Shapes of the weights of a population: one line per map with its bias; trained constants follow on the last line.
fn weights(network: &Network, population: &Population) -> String {
    let shape = |index: usize| {
        let extents = network.tensors()[index].shape.iter().map(usize::to_string);
        extents.collect::<Vec<_>>().join("x")
    };
    let maps = population.inputs.iter().map(|input| {
        let tensors = [input.weight, input.bias].into_iter().flatten();
        tensors.map(shape).collect::<Vec<_>>().join(" + ")
    });
    let mut lines: Vec<String> = maps.collect();
    if let Some(line) = lines.iter_mut().rev().find(|line| !line.is_empty()) {
        let constants = population.parameters.iter().map(|index| format!(" + {}", shape(*index)));
        line.extend(constants);
    }
    lines.join("\n").trim_end().to_owned()
}

/// Prints each kind of neuron with its equations, its gradient, and the populations that use it.
fn neurons(out: &mut impl Write, network: &Network) -> io::Result<()> {
    let mut kinds: Vec<(&str, String, String, Vec<&str>)> = Vec::new();
    for population in network.populations() {
        let neuron = &population.neuron;
        let (name, equations, gradient) = (neuron.name(), neuron.equations(), words::gradient(neuron));
        match kinds.iter_mut().find(|kind| (kind.0, &kind.1, &kind.2) == (name, &equations, &gradient)) {
            Some((.., populations)) => populations.push(&population.name),
            None => kinds.push((name, equations, gradient, vec![&population.name])),
        }
    }
    for (name, equations, gradient, populations) in kinds {
        let populations = style(format!("in {}", populations.join(", "))).dim();
        writeln!(out, "{}", labelled("neuron", format!("{} {populations}", style(name).cyan())))?;
        writeln!(out, "{}", labelled("", equations))?;
        writeln!(out, "{}", labelled("", format!("gradient {gradient}")))?;
    }
    Ok(())
}

/// A table of the memory of training on each engine, by purpose, with the largest batch that fits. Lines below the
/// table say why an engine is missing. `auto` is omitted, since it is one of the others.
fn memory(registry: &Registry, named: &Named, threads: usize) -> String {
    let batch = named.built.experiment.training.batch;
    let (mut head, mut rows, mut notes, mut has_card) = (Vec::new(), Vec::new(), Vec::new(), false);
    for name in registry.engines.names().filter(|name| *name != "auto") {
        let needs = loading::named_engine(registry, name, threads).and_then(|engine| {
            // The estimate does not open a GPU; it assumes one with its own memory.
            let device = if name == "gpu" { Device::Gpu } else { Device::of(engine.as_ref()) };
            let needs = |batch| memory::of_training(&named.built, engine.as_ref(), device, batch);
            Ok((needs(batch)?, needs(2 * batch)?))
        });
        let mut row = vec![name.to_owned()];
        match needs {
            Ok((once, twice)) => {
                let (host, card) = (once.host.total(), once.card.total());
                let fits = [largest(batch, host, twice.host.total()), largest(batch, card, twice.card.total())];
                let largest = match fits.into_iter().flatten().min() {
                    Some(largest) if fits.iter().all(Option::is_some) => format!("about {}", text::thousands(largest)),
                    _ => format!("less than {batch}"),
                };
                let is_here = once.card.parts.is_empty();
                has_card |= !is_here;
                row.extend(once.parts().map(|(_, bytes)| text::bytes(bytes)));
                row.extend([text::bytes(host), if is_here { String::new() } else { text::bytes(card) }, largest]);
                head = once.parts().map(|(what, _)| what).collect();
            }
            Err(error) => {
                notes.push(labelled(name, error) + "\n");
                continue;
            }
        }
        rows.push(row);
    }
    let title = format!("memory, batch {batch}");
    let mut head = [&[title.as_str()], &head[..], &["total", "on the card", "largest batch in 8 GB"]].concat();
    if !has_card {
        head.remove(head.len() - 2);
        for row in &mut rows {
            row.remove(row.len() - 2);
        }
    }
    text::table(&head, &rows, &[1, 2, 3, 4, 5, 6, 7, 8], false) + &notes.concat()
}

/// The largest batch that fits into [`ROOM`], given that a batch of `batch` needs `once` bytes and one of twice the
/// size needs `twice`; `None` if even `batch` does not fit.
fn largest(batch: usize, once: usize, twice: usize) -> Option<usize> {
    let room = ROOM.checked_sub(once)?;
    let each = twice.saturating_sub(once) / batch;
    Some(room.checked_div(each).map_or(usize::MAX, |more| batch.saturating_add(more)))
}
