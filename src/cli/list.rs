//! `snn list`: the names of the registry. `snn presets`: the experiments that are shipped.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use console::style;

use crate::{
    cli::{Kind, ListArgs, PresetsArgs, text, words},
    core::{
        Neuron,
        neuron::PEERS,
        registry::{Catalog, Part, Registry},
    },
    models::presets,
};

/// Columns by which what is said of a name stands apart from it.
const INDENT: usize = 6;

pub(crate) fn run(registry: &Registry, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    writeln!(out)?;
    match args.kind {
        None => {
            names(&mut out, "neurons", &registry.neurons)?;
            names(&mut out, "surrogates", &registry.surrogates)?;
            names(&mut out, "encoders", &registry.encoders)?;
            names(&mut out, "readouts", &registry.readouts)?;
            names(&mut out, "losses", &registry.losses)?;
            names(&mut out, "networks", &registry.families)?;
            names(&mut out, "data sets", &registry.data_sets)?;
            names(&mut out, "engines", &registry.engines)?;
            let hint = "snn list neurons, snn list surrogates and so on explain each";
            writeln!(out, "\n  {}", style(hint).dim())?;
        }
        Some(Kind::Neurons) => {
            explain(&mut out, registry, &registry.neurons, |neuron| {
                vec![neuron.equations(), format!("gradient {}", words::gradient(neuron)), trained(neuron)]
            })?;
            peers(&mut out)?;
        }
        Some(Kind::Surrogates) => explain(&mut out, registry, &registry.surrogates, |surrogate| {
            let slope = |x: f64| text::significant(surrogate.grad(x));
            let slopes = [-0.5, 0.0, 0.25, 0.5, 1.0, 2.0].map(|x| format!("{} at {x}", slope(x)));
            vec![format!("slope {}, x = v - threshold", surrogate.equation()), slopes.join(", ")]
        })?,
        Some(Kind::Encoders) => {
            explain(&mut out, registry, &registry.encoders, |encoder| vec![encoder.describe()])?;
        }
        Some(Kind::Readouts) => {
            explain(&mut out, registry, &registry.readouts, |readout| vec![format!("score {}", readout.equation())])?;
        }
        Some(Kind::Losses) => explain(&mut out, registry, &registry.losses, |loss| vec![loss.equation()])?,
        Some(Kind::Networks) => explain(&mut out, registry, &registry.families, |_| Vec::new())?,
        Some(Kind::DataSets) => {
            explain(&mut out, registry, &registry.data_sets, |data| vec![data.describe()])?;
        }
        Some(Kind::Engines) => {
            explain(&mut out, registry, &registry.engines, |engine| vec![engine.describe()])?;
        }
    }
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}

/// The names of one kind.
fn names<T>(out: &mut impl Write, kind: &str, catalog: &Catalog<T>) -> io::Result<()> {
    writeln!(out, "{}", text::labelled(kind, catalog.names().collect::<Vec<_>>().join(", ")))
}

/// Each name with its fields at their defaults, as RON writes them, and what is said of it.
fn explain<T>(
    out: &mut impl Write,
    registry: &Registry,
    catalog: &Catalog<T>,
    say: impl Fn(&T) -> Vec<String>,
) -> io::Result<()> {
    for name in catalog.names() {
        let mut part = Part::new(name);
        let lines = match catalog.make(&mut part, registry) {
            Ok(made) => say(&made),
            Err(error) => vec![format!("has no defaults: {error}")],
        };
        let (name, fields) = (style(&part.name).bold(), text::one_line(&part.fields));
        writeln!(out, "{}", text::wrapped(&format!("{name}{fields}"), 2, INDENT))?;
        for line in lines.iter().filter(|line| !line.is_empty()) {
            writeln!(out, "{}", text::wrapped(line, INDENT, INDENT))?;
        }
    }
    Ok(())
}

/// The constants that a neuron trains.
fn trained(neuron: &Neuron) -> String {
    let names: Vec<&str> = neuron.parameters().iter().map(|parameter| parameter.name).collect();
    if names.is_empty() { String::new() } else { format!("trains {}", names.join(", ")) }
}

/// Neurons of other libraries.
fn peers(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n  {}\n", style("neurons of other libraries, to paste").dim())?;
    for peer in PEERS {
        writeln!(out, "{}", text::wrapped(&style(peer.part).bold().to_string(), 2, INDENT))?;
        writeln!(out, "{}", text::wrapped(&format!("{}: {}", peer.name, peer.note), INDENT, INDENT))?;
    }
    Ok(())
}

pub(crate) fn presets(args: &PresetsArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if let Some(name) = &args.print {
        write!(out, "{}", presets::find(name)?.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let all = presets::all();
    let width = all.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    writeln!(out)?;
    for preset in all {
        let name = style(format!("{:width$}", preset.name)).bold();
        writeln!(out, "  {name}   {}", preset.summary)?;
    }
    let hint = "snn show NAME explains one, snn train NAME trains it, snn presets --print NAME gives its text";
    writeln!(out, "\n  {}\n", style(hint).dim())?;
    Ok(ExitCode::SUCCESS)
}
