//! `snn data check`.

use std::{fs, io::Write as _, path::Path, process::ExitCode};

use console::style;

use super::{CheckArgs, Named, named};
use crate::{
    cli::{
        memory, terminal,
        text::{self, labelled},
    },
    core::{Content, Dataset, DatasetKind, Splits, registry::Registry},
    data::published::{ChecksumVerdict, Published},
};

pub(crate) fn run(registry: &Registry, args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let named = named(registry, &args.name)?;
    let memory = memory::checked_reading(named.data.as_ref())?;
    let read = named.data.load(args.data.as_deref());
    let names = named.data.files();
    let folder = match (&read, named.published) {
        (Ok(read), _) => Some(read.folder.clone()),
        (Err(_), Some(published)) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            published.place.find_any(&names, args.data.as_deref()).ok()
        }
        (Err(_), None) => None,
    };
    let mut out = terminal::stdout();
    let (mut is_right, mut is_compared) = (true, false);
    if let (Some(folder), Some(published)) = (folder, named.published) {
        let (rows, same, differ) = files(published, &folder, &names);
        (is_right, is_compared) = (differ == 0, same == names.len());
        writeln!(out, "\n{}", text::table(&["file", "size", "against what is published"], &rows, &[1], false))?;
    }
    let read = read.map_err(anyhow::Error::from_boxed)?;
    writeln!(out, "{}", classes(&named, &read))?;
    writeln!(out, "{}", labelled("folder", read.folder.display()))?;
    writeln!(out, "{}", labelled("memory", memory::planned(&memory)))?;
    if let Some(part) = part(&named, &read) {
        writeln!(out, "{}", labelled("read", part))?;
    }
    let verdict = match (is_right, is_compared) {
        (false, _) => style("differs from what is published").red(),
        (true, true) => style("in order").green(),
        (true, false) => style("in order, as far as can be told without published checksums").green(),
    };
    writeln!(out, "{}\n", labelled(&named.name, verdict))?;
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A table row for each of the files `names`, the number of files identical to the published ones, and the number that
/// differ.
fn files(published: &'static Published, folder: &Path, names: &[String]) -> (Vec<Vec<String>>, usize, usize) {
    let (mut same, mut differ) = (0, 0);
    let row = |name: &String| {
        let Ok(path) = published.place.file(folder, name) else {
            return vec![name.clone(), String::new(), style("not here").dim().to_string()];
        };
        if path.is_dir() {
            return vec![name.clone(), String::new(), "a folder".to_owned()];
        }
        let size = fs::metadata(&path).map_or_else(|_| String::new(), |data| text::bytes(data.len() as usize));
        let verdict = match published.compare(name, &path) {
            Ok(ChecksumVerdict::Same) => {
                same += 1;
                style("the same bytes").green().to_string()
            }
            Ok(ChecksumVerdict::SameInside) => {
                same += 1;
                style("the same bytes once decompressed").green().to_string()
            }
            Ok(ChecksumVerdict::Unknown) if !published.place.files.contains(&name.as_str()) => {
                "no file of this name is published".to_owned()
            }
            Ok(ChecksumVerdict::Unknown) => "no checksum known of this form".to_owned(),
            Ok(ChecksumVerdict::Differs { expected, found }) => {
                differ += 1;
                style(format!("differs: md5 {found}, published {expected}")).red().to_string()
            }
            Err(error) => {
                differ += 1;
                style(format!("cannot be read: {error}")).red().to_string()
            }
        };
        vec![path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()), size, verdict]
    };
    let rows = names.iter().map(row).collect();
    (rows, same, differ)
}

/// The number of samples read, and of samples that exist, if some are missing.
fn part(named: &Named, read: &Splits) -> Option<String> {
    let Named { data, .. } = named;
    let counts = [(read.train.len(), data.training_images()), (read.test.len(), data.test_images())];
    let [train, test] = counts.map(|(found, all)| format!("{} of {}", text::thousands(found), text::thousands(all)));
    let what = match data.kind() {
        DatasetKind::Images => "images",
        DatasetKind::Recordings => "recordings",
    };
    let is_part = counts.iter().any(|(found, all)| found < all);
    is_part.then(|| format!("{train} training and {test} test {what}: a part of the set"))
}

/// A table of the number of samples of each class.
fn classes(named: &Named, read: &Splits) -> String {
    let count =
        |dataset: &Dataset, class: usize| dataset.labels().iter().filter(|&&label| usize::from(label) == class).count();
    let row = |class: usize| {
        let [train, test] = [count(&read.train, class), count(&read.test, class)].map(text::thousands);
        vec![class.to_string(), named.data.class_name(class), train, test]
    };
    let mut rows: Vec<Vec<String>> = (0..named.data.classes()).map(row).collect();
    let mut head = vec!["class", "name", "training", "test"];
    let mut total = vec![String::new(), "total".to_owned()];
    total.extend([read.train.len(), read.test.len()].map(text::thousands));
    rows.push(total);
    if named.data.kind() == DatasetKind::Recordings {
        head.push("events a recording");
        for (class, row) in rows.iter_mut().enumerate() {
            row.push(events(&read.train, class, named.data.classes()));
        }
    }
    text::table(&head, &rows, &[0, 2, 3, 4], true)
}

/// Mean number of events per training recording of a class; for the index after the last class, over all recordings.
fn events(dataset: &Dataset, class: usize, classes: usize) -> String {
    let of_class = |&index: &usize| class == classes || usize::from(dataset.labels()[index]) == class;
    let counts = (0..dataset.len()).filter(of_class).map(|index| match dataset.content(index) {
        Content::Recording(events) => events.len(),
        Content::Image(_) => 0,
    });
    let (count, sum) = counts.fold((0, 0), |(count, sum), events| (count + 1, sum + events));
    text::thousands(sum / count.max(1))
}
