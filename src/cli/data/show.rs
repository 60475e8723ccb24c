//! `snn data show`.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use super::{ShowArgs, named};
use crate::{
    cli::{
        memory, terminal,
        text::{self, labelled},
    },
    core::{Augmentation, DatasetKind, registry::Registry},
    data::sheet::Sheet,
    models::{Experiment, presets},
};

/// Number of samples, or frames of a recording, side by side over the whole width.
const COLUMNS: usize = 12;

pub(crate) fn run(registry: &Registry, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let named = named(registry, &args.name)?;
    let augmentation = augmentation(registry, &args.augment)?;
    let memory = memory::checked_reading(named.data.as_ref())?;
    let read = named.data.load(args.data.as_deref()).map_err(anyhow::Error::from_boxed)?;
    // With augmentation, blocks are tall, so two of them share the width.
    let blocks = if augmentation == Augmentation::None { 1 } else { 2 };
    let sheet = Sheet { columns: COLUMNS / blocks, blocks, augmentation, epochs: args.epochs, seed: args.seed };
    let picture = sheet.draw(&read.train);
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.png", named.name.to_lowercase())));
    picture.write_png(&path).with_context(|| format!("{}: cannot be written", path.display()))?;

    let mut out = terminal::stdout();
    let size = format!("{} x {} pixels", text::thousands(picture.width), text::thousands(picture.height));
    writeln!(out, "\n{}", labelled("picture", format!("{}, {size}", path.display())))?;
    let classes: Vec<String> = (0..named.data.classes()).map(|class| named.data.class_name(class)).collect();
    let order = if blocks == 1 { "from top to bottom" } else { "row by row, two beside each other" };
    writeln!(out, "{}", labelled("memory", memory::planned(&memory)))?;
    writeln!(out, "{}", labelled("classes", format!("{order}: {}", classes.join(", "))))?;
    let what = match named.data.kind() {
        DatasetKind::Images => "the first training images of a class",
        DatasetKind::Recordings => "the first training recording of a class, over time: red grew brighter, blue darker",
    };
    writeln!(out, "{}", labelled("each", what))?;
    if blocks > 1 {
        let epochs =
            format!("the same in epochs 1 to {} of a run with seed {}: {}", args.epochs, args.seed, args.augment);
        writeln!(out, "{}", labelled("below", epochs))?;
    }
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}

/// Parses `text` as an augmentation of an experiment, with the same error messages.
fn augmentation(registry: &Registry, text: &str) -> anyhow::Result<Augmentation> {
    let preset = &presets::all()[0];
    let settings = [("training.augmentation", text)];
    let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &settings, registry)?;
    Ok(experiment.training.augmentation)
}
