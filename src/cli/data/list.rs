//! `snn data list`.

use std::{io::Write as _, process::ExitCode};

use console::style;

use crate::{
    cli::{terminal, text},
    core::{DatasetKind, part::Part, registry::Registry},
    data::published,
};

pub(crate) fn run(registry: &Registry) -> anyhow::Result<ExitCode> {
    let (mut rows, mut is_missing) = (Vec::new(), false);
    for name in registry.data_sets.names() {
        let Ok(data) = registry.data_sets.make(&mut Part::new(name), registry) else {
            rows.push(vec![name.to_owned(), "must be given fields".to_owned()]);
            continue;
        };
        let kind = match data.kind() {
            DatasetKind::Images => "images",
            DatasetKind::Recordings => "recordings",
        };
        let published = published::find(name);
        let (size, place) = match published.map(|published| (published.bytes(), published.place.find(None))) {
            Some((bytes, Ok(folder))) => (text::bytes(bytes as usize), folder.display().to_string()),
            Some((bytes, Err(_))) => {
                is_missing = true;
                (text::bytes(bytes as usize), style("not here").dim().to_string())
            }
            None => (String::new(), String::new()),
        };
        rows.push(vec![
            name.to_owned(),
            kind.to_owned(),
            data.shape().to_string(),
            data.classes().to_string(),
            text::thousands(data.training_images()),
            text::thousands(data.test_images()),
            size,
            place,
        ]);
    }
    let mut out = terminal::stdout();
    let head = ["data set", "kind", "shape", "classes", "training", "test", "download", "where"];
    writeln!(
        out,
        "\n{}",
        text::table_or(&head, &rows, &[3, 4, 5, 6], false, &[&[0, 2, 3, 4, 6, 7], &[0, 2, 4, 7], &[0, 7]])
    )?;
    let hint = if is_missing { "snn data get NAME downloads one, " } else { "" };
    let hint = format!("{hint}snn data check NAME reads it all, snn data show NAME draws it");
    writeln!(out, "{}\n", style(text::wrapped(&hint, 2, 2)).dim())?;
    Ok(ExitCode::SUCCESS)
}
