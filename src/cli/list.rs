//! `snn list`: the names that an experiment can use. `snn presets`: the shipped experiments.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::bail;
use clap::{Args, ValueEnum};
use console::style;

use crate::{
    cli::{terminal, text, words},
    core::{
        Neuron,
        neuron::PEERS,
        part::Part,
        registry::{Catalog, Registry},
    },
    models::{Experiment, choices, elsewhere, presets},
};

/// List what an experiment can use: neurons, layers, optimizers and all else that has a name.
#[derive(Debug, Args)]
#[command(after_help = "\
Kinds:
  networks, layers, shortcuts, projections, neurons, resets, gradients, surrogates, encoders, scores, losses,
  data-sets, optimizers, schedules, starts, augmentations, engines

Examples:
  snn list                 all names
  snn list neurons         equations and gradients
  snn list Lif             its fields, and what it is called in other libraries
  snn list optimizers      optimizers, to paste")]
pub(crate) struct ListArgs {
    /// Kind to list, or name to explain
    #[arg(value_name = "KIND|NAME")]
    what: Option<String>,
    /// One of the kind, to explain
    name: Option<String>,
}

/// List the experiments that are shipped.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn presets
  snn presets mnist-lenet > my-net.ron             a file to change at will")]
pub(crate) struct PresetsArgs {
    /// Print the RON text of this one
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The same
    #[arg(long, value_name = "NAME", conflicts_with = "name", hide = true)]
    print: Option<String>,
}

/// Kinds of things that `snn list` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Networks,
    Layers,
    Shortcuts,
    Projections,
    Neurons,
    Resets,
    Gradients,
    Surrogates,
    Encoders,
    Scores,
    Losses,
    DataSets,
    Optimizers,
    Schedules,
    Starts,
    Augmentations,
    Engines,
}

/// Indentation of descriptions under a name, in columns.
const INDENT: usize = 6;

/// A name with its descriptions.
struct Entry {
    name: String,
    /// Heading in a list.
    head: String,
    /// RON form, with all fields at their defaults.
    form: String,
    /// Lines of description in a list.
    lines: Vec<String>,
    /// Additional lines when the name is explained alone.
    more: Vec<String>,
}

pub(crate) fn run(registry: &Registry, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut out = terminal::stdout();
    let Some(what) = &args.what else {
        overview(&mut out, registry)?;
        return Ok(ExitCode::SUCCESS);
    };
    match (kind(what), &args.name) {
        (Some(kind), None) => list(&mut out, registry, kind)?,
        (Some(kind), Some(name)) => explain(&mut out, registry, &[kind], name)?,
        (None, None) => explain(&mut out, registry, Kind::value_variants(), what)?,
        (None, Some(_)) => bail!("nothing to list is called \"{what}\"; there are {}", kinds()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints all names, by kind.
fn overview(out: &mut impl Write, registry: &Registry) -> io::Result<()> {
    writeln!(out)?;
    for kind in Kind::value_variants() {
        let names: Vec<String> = entries(registry, *kind).into_iter().map(|entry| entry.name).collect();
        writeln!(out, "{}", text::labelled(&called(*kind), names.join(", ")))?;
    }
    let hint = "snn list neurons, snn list layers and so on explain each; snn list Lif says all there is of one";
    writeln!(out, "\n  {}\n", style(hint).dim())
}

/// Prints all names of one kind.
fn list(out: &mut impl Write, registry: &Registry, kind: Kind) -> io::Result<()> {
    writeln!(out)?;
    for entry in entries(registry, kind) {
        write_entry(out, &entry.head, &entry.name, &entry.lines)?;
    }
    if kind == Kind::Neurons {
        let gradient = "mind the gradient: a bare Lif has the paper's, LeakCorrected, where If, Plif and most others \
                        have a surrogate; for one, write Lif(gradient: Atan)";
        let hint = "snn list Lif shows its fields, and what it is called in other libraries";
        writeln!(out, "\n{}", style(text::wrapped(gradient, 2, 2)).dim())?;
        writeln!(out, "{}", style(text::wrapped(hint, 2, 2)).dim())?;
    }
    writeln!(out)
}

/// Explains everything called `name` in the given kinds.
fn explain(out: &mut impl Write, registry: &Registry, kinds_of: &[Kind], name: &str) -> anyhow::Result<()> {
    let mut is_found = false;
    for kind in kinds_of {
        for entry in entries(registry, *kind).iter().filter(|entry| entry.name.eq_ignore_ascii_case(name)) {
            writeln!(out, "\n  {}", style(called(*kind)).dim())?;
            write_entry(out, &entry.form, &entry.name, &[&entry.lines[..], &entry.more].concat())?;
            is_found = true;
        }
    }
    match kinds_of {
        _ if is_found => Ok(writeln!(out)?),
        [_] if elsewhere::meaning(name).is_some() => Ok(foreign(out, name)?),
        [kind] => {
            let known: Vec<String> = entries(registry, *kind).into_iter().map(|entry| entry.name).collect();
            bail!("none of the {} is called \"{name}\"; known: {}", called(*kind), known.join(", "))
        }
        _ if elsewhere::meaning(name).is_some() => Ok(foreign(out, name)?),
        _ => bail!("nothing to list is called \"{name}\"; snn list shows all names, and there are {}", kinds()),
    }
}

/// Explains what corresponds to a word of another library, with all options of the neurons of that name.
fn foreign(out: &mut impl Write, name: &str) -> io::Result<()> {
    let peers =
        PEERS.iter().filter(|peer| peer.note.split('(').next().is_some_and(|there| there.eq_ignore_ascii_case(name)));
    let peers: Vec<_> = peers.collect();
    writeln!(out)?;
    if peers.is_empty() {
        writeln!(out, "{}\n", text::wrapped(&elsewhere::meaning(name).unwrap_or_default(), 2, 2))?;
        return Ok(());
    }
    for peer in &peers {
        writeln!(out, "  {}", style(format!("{}: {}", peer.name, peer.note)).dim())?;
        writeln!(out, "{}\n", text::wrapped(peer.part, INDENT, INDENT))?;
    }
    let here = peers[0].part.split('(').next().unwrap_or_default();
    writeln!(out, "  {}\n", style(format!("snn list {here} says all there is of it")).dim())
}

fn write_entry(out: &mut impl Write, head: &str, name: &str, lines: &[String]) -> io::Result<()> {
    let rest = head.strip_prefix(name).unwrap_or_default();
    writeln!(out, "{}", text::wrapped(&format!("{}{rest}", style(name).bold()), 2, INDENT))?;
    for line in lines.iter().filter(|line| !line.is_empty()) {
        writeln!(out, "{}", text::wrapped(line, INDENT, INDENT))?;
    }
    Ok(())
}

/// The kind called `name`, in the plural or the singular (`neuron`).
fn kind(name: &str) -> Option<Kind> {
    let is_called = |kind: &&Kind| {
        let many = called(**kind);
        let one = many.strip_suffix("es").filter(|one| one.ends_with("ss")).or_else(|| many.strip_suffix('s'));
        name.eq_ignore_ascii_case(&many) || one.is_some_and(|one| name.eq_ignore_ascii_case(one))
    };
    Kind::value_variants().iter().find(is_called).copied()
}

/// Name of a kind on the command line.
fn called(kind: Kind) -> String {
    kind.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn kinds() -> String {
    Kind::value_variants().iter().map(|kind| called(*kind)).collect::<Vec<_>>().join(", ")
}

fn entries(registry: &Registry, kind: Kind) -> Vec<Entry> {
    match kind {
        Kind::Neurons => named(registry, &registry.neurons, neuron),
        Kind::Surrogates => named(registry, &registry.surrogates, |surrogate, entry| {
            let slope = |x: f64| text::significant(surrogate.grad(x));
            let slopes = [-0.5, 0.0, 0.25, 0.5, 1.0, 2.0].map(|x| format!("{} at {x}", slope(x)));
            entry.lines = vec![format!("slope {}, x = v - threshold", surrogate.equation()), slopes.join(", ")];
        }),
        Kind::Encoders => named(registry, &registry.encoders, |encoder, entry| entry.lines.push(encoder.describe())),
        Kind::Scores => named(registry, &registry.scores, |score, entry| {
            entry.lines.push(format!("score {}", score.equation()));
        }),
        Kind::Losses => named(registry, &registry.losses, |loss, entry| entry.lines.push(loss.equation())),
        Kind::Networks => networks(registry),
        Kind::DataSets => named(registry, &registry.data_sets, |data, entry| entry.lines.push(data.describe())),
        Kind::Engines => named(registry, &registry.engines, |engine, entry| entry.lines.push(engine.summary())),
        Kind::Layers
        | Kind::Shortcuts
        | Kind::Projections
        | Kind::Resets
        | Kind::Gradients
        | Kind::Optimizers
        | Kind::Schedules
        | Kind::Starts
        | Kind::Augmentations => chosen(&called(kind)),
    }
}

/// Entries for the names of a catalog. `say` adds the description of what each name makes.
fn named<T>(registry: &Registry, catalog: &Catalog<T>, say: impl Fn(&T, &mut Entry)) -> Vec<Entry> {
    let entry = |name: &str| {
        let mut part = Part::new(name);
        let made = catalog.make(&mut part, registry);
        let form = format!("{name}{}", text::one_line(&part.fields));
        let mut entry = Entry { name: name.to_owned(), head: form.clone(), form, lines: Vec::new(), more: Vec::new() };
        match made {
            Ok(made) => say(&made, &mut entry),
            Err(error) => entry.lines.push(format!("has no defaults: {error}")),
        }
        entry
    };
    catalog.names().map(entry).collect()
}

/// Entries for networks, with examples; those of plug-ins with their defaults.
fn networks(registry: &Registry) -> Vec<Entry> {
    let mut entries = chosen("networks");
    let others = named(registry, &registry.families, |_, _| {});
    let is_new = |other: &Entry| !entries.iter().any(|entry| entry.name == other.name);
    let others: Vec<Entry> = others.into_iter().filter(is_new).collect();
    entries.extend(others);
    entries
}

/// Entries for choices that are not names in the registry.
fn chosen(many: &str) -> Vec<Entry> {
    let entry = |choice: &choices::Choice| Entry {
        name: choice.name().to_owned(),
        head: choice.example.to_owned(),
        form: choice.example.to_owned(),
        lines: vec![choice.equation.to_owned(), choice.meaning.to_owned()],
        more: Vec::new(),
    };
    choices::of(many).into_iter().flat_map(|choices| choices.all).map(entry).collect()
}

/// Describes a neuron. Lists omit its fields, which are many.
fn neuron(neuron: &Neuron, entry: &mut Entry) {
    entry.head.clone_from(&entry.name);
    entry.lines = vec![neuron.equations(), format!("gradient {}", words::gradient_name(neuron))];
    entry.more.push(words::gradient(neuron));
    let trained: Vec<&str> = neuron.parameters().iter().map(|parameter| parameter.name).collect();
    if !trained.is_empty() {
        entry.more.push(format!("trains {}", trained.join(", ")));
    }
    let same = PEERS.iter().filter(|peer| peer.part.split('(').next() == Some(entry.name.as_str()));
    for peer in same {
        entry.more.push(format!("{}: {}", peer.name, peer.note));
        entry.more.push(format!("   {}", peer.part));
    }
}

/// Prints the presets, by data set, or the text of one.
pub(crate) fn presets(registry: &Registry, args: &PresetsArgs) -> anyhow::Result<ExitCode> {
    let mut out = terminal::stdout();
    if let Some(name) = args.name.as_ref().or(args.print.as_ref()) {
        write!(out, "{}", presets::find(name)?.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let all = presets::all();
    let width = all.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    let head = format!("  {:width$}  parameters  steps  epochs", "");
    writeln!(out, "\n{}", style(&head).dim())?;
    for (index, preset) in all.iter().enumerate() {
        if index == 0 || all[index - 1].data != preset.data {
            let gap = if index == 0 { "" } else { "\n" };
            writeln!(out, "{gap}  {}", style(preset.data).dim())?;
        }
        let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &[], registry)?;
        let parameters = text::thousands(experiment.build(registry)?.network.parameters());
        let (steps, epochs) = (experiment.steps, experiment.training.epochs);
        let numbers = format!("{parameters:>10}  {steps:>5}  {epochs:>6}");
        let summary = text::wrapped(preset.summary, head.len() + 3, head.len() + 3);
        writeln!(out, "  {}  {numbers}   {}", style(format!("{:width$}", preset.name)).bold(), summary.trim_start())?;
    }
    let hint = "snn show NAME explains one, snn train NAME trains it, snn presets NAME prints its text";
    writeln!(out, "\n{}\n", style(text::wrapped(hint, 2, 2)).dim())?;
    Ok(ExitCode::SUCCESS)
}
