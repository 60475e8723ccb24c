//! The page shown when no run is attached: a list of the runs found, and a field for other paths.

use std::path::PathBuf;
use std::time::SystemTime;
use std::{fs, path::Path};

use egui::{Align, Button, Grid, Key, Layout, RichText, ScrollArea, TextEdit, Ui};
use snn_train::units;

use crate::App;

/// Folder in which `snn train` creates its run folders.
const RUNS: &str = "runs";

/// Seconds per day.
const DAY: f64 = 86400.0;

/// Maximum number of runs listed.
const MOST_RUNS: usize = 12;

/// Draws the choice of runs to follow.
pub(super) fn page(app: &mut App, ui: &mut Ui) {
    ui.add_space(24.0);
    ui.with_layout(Layout::top_down(Align::Center), |ui| {
        ui.set_max_width(520.0);
        ui.with_layout(Layout::top_down(Align::Min), |ui| form(app, ui));
    });
}

fn form(app: &mut App, ui: &mut Ui) {
    ui.heading("Watch a run learn");
    ui.label("A run can be watched while it goes on, or looked back on; nothing in its folder is changed.");
    ui.horizontal(|ui| {
        ui.label("This starts a run and watches it:");
        ui.code("snn train --watch");
    });
    ui.add_space(8.0);
    let label = ui.label("Folder of a run:");
    let mut chosen = None;
    ui.horizontal(|ui| {
        let field =
            TextEdit::singleline(&mut app.header.path_field).hint_text("runs/mnist-lenet-1").desired_width(447.0);
        let field = ui.add(field).labelled_by(label.id);
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let path = app.header.path_field.trim();
        if (ui.add_enabled(!path.is_empty(), Button::new("Attach")).clicked() || is_entered) && !path.is_empty() {
            chosen = Some(PathBuf::from(path));
        }
    });
    ui.add_space(12.0);
    let runs = newest_runs(Path::new(RUNS));
    if runs.is_empty() {
        ui.label(RichText::new(format!("There is no run in ./{RUNS} yet.")).weak());
    } else {
        ui.label(format!("In ./{RUNS}, the newest first:"));
        ScrollArea::vertical().show(ui, |ui| {
            Grid::new("runs").show(ui, |ui| {
                for (changed, folder) in runs {
                    if ui.button(folder.display().to_string()).clicked() {
                        chosen = Some(folder);
                    }
                    ui.label(RichText::new(age(changed)).weak());
                    ui.end_row();
                }
            });
        });
    }
    if let Some(folder) = chosen {
        app.watch(&folder);
    }
}

/// The run folders in `runs` with the time of their last record, newest first.
fn newest_runs(runs: &Path) -> Vec<(SystemTime, PathBuf)> {
    let folders = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.path());
    let dated = folders.filter_map(|folder| {
        let file =
            [folder.join("metrics.jsonl"), folder.join("experiment.ron")].into_iter().find(|file| file.is_file());
        Some((fs::metadata(file?).ok()?.modified().ok()?, folder))
    });
    let mut found: Vec<(SystemTime, PathBuf)> = dated.collect();
    found.sort_by(|one, other| other.cmp(one));
    found.truncate(MOST_RUNS);
    found
}

/// Describes how long ago `changed` was.
fn age(changed: SystemTime) -> String {
    let seconds = changed.elapsed().map_or(0.0, |age| age.as_secs_f64());
    match seconds {
        ..60.0 => "now".to_owned(),
        ..DAY => format!("{} ago", units::duration(seconds)),
        _ => format!("{} days ago", (seconds / DAY).floor()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    #[test]
    fn runs_are_found_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        for (name, seconds) in [("old", 1), ("new", 3), ("middle", 2)] {
            let run = folder.path().join(name);
            fs::create_dir(&run).unwrap();
            let file = File::create(run.join("metrics.jsonl")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        }
        fs::create_dir(folder.path().join("no-run")).unwrap();
        let names: Vec<PathBuf> = newest_runs(folder.path()).into_iter().map(|(_, run)| run).collect();
        assert_eq!(names, ["new", "middle", "old"].map(|name| folder.path().join(name)));
        assert!(newest_runs(&folder.path().join("nowhere")).is_empty());
    }

    #[test]
    fn ages_are_short() {
        let ago = |seconds| age(SystemTime::now() - Duration::from_secs(seconds));
        assert_eq!([ago(5), ago(3700), ago(3 * 86400 + 5)], ["now", "1:01:40 ago", "3 days ago"]);
    }
}
