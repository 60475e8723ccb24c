//! The tab "Training", driven by the names of what is in it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use egui_kittest::Harness;
use egui_kittest::kittest::{AccessKitNode, Queryable as _};
use snn_viz::{App, Settings, StartupSettings, Tab};
use tempfile::TempDir;

/// The end of a run, as it stands in its records.
const FINISHED: &str = "{\"event\":\"Finished\",\"best_epoch\":3,\"test\":{\"images\":10000,\"loss\":0.02,\
    \"accuracy\":0.9932,\"confusion\":[],\"input_spikes\":1.0,\"spikes\":1.0,\"rates\":[]}}\n";

/// A copy of a run that was stopped in its fifth epoch.
fn recorded() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["metrics.jsonl", "experiment.ron"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runs/mnist-lenet").join(name);
        fs::copy(from, folder.path().join(name)).unwrap();
    }
    let metrics = File::options().append(true).open(folder.path().join("metrics.jsonl")).unwrap();
    metrics.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    folder
}

/// A viewer with the tab open that saves into `exports`, or one that has opened `path`.
fn viewer(path: Option<&Path>, exports: Option<&Path>) -> Harness<'static, Option<App>> {
    let start = StartupSettings {
        path: path.map(Path::to_owned),
        exports: exports.map(Path::to_owned),
        ..StartupSettings::default()
    };
    let tab = if path.is_none() { Tab::Training } else { Tab::Inspect };
    // The threads that compute ask for another frame when they are done, which may be at any step.
    let builder = Harness::builder().with_size([1280.0, 800.0]).with_max_steps(200);
    let mut harness = builder.build_ui_state(
        move |ui, app: &mut Option<App>| {
            let app = app.get_or_insert_with(|| {
                let settings = Settings { tab, ..Settings::default() };
                App::new(snn_viz::registry().unwrap(), start.clone(), settings, ui.ctx())
            });
            app.settle();
            app.ui(ui);
        },
        None,
    );
    harness.run();
    harness
}

/// Types `folder` into the field and presses the button.
fn attach(harness: &mut Harness<'static, Option<App>>, folder: &Path) {
    let field = harness.get_by_label("Folder of a run:");
    field.focus();
    field.type_text(&folder.display().to_string());
    harness.run();
    harness.get_by_label("Attach").click();
    harness.run();
}

/// Whether there is a text in the window that contains `part`.
fn says(harness: &Harness<'static, Option<App>>, part: &str) -> bool {
    harness.query_all_by_label_contains(part).next().is_some()
}

#[test]
fn a_run_is_attached_by_its_path() {
    let run = recorded();
    let mut harness = viewer(None, None);
    attach(&mut harness, run.path());
    for text in ["stopped", "5 of 25", "99.40 % (epoch 4)", "cpu, 2 threads, AVX2"] {
        assert!(says(&harness, text), "{text}");
    }
    for chart in ["Loss", "Accuracy", "Firing rates", "Learning rate", "Gradient norm", "Speed"] {
        harness.get_by_label(chart);
    }
    for population in ["conv1", "pool1", "conv2", "pool2", "fc1"] {
        harness.get_by_label(population);
    }
    harness.get_by_label("Detach").click();
    harness.run();
    harness.get_by_label("Attach");
}

#[test]
fn the_numbers_behind_a_chart_are_saved() {
    let (run, exports) = (recorded(), tempfile::tempdir().unwrap());
    let mut harness = viewer(None, Some(exports.path()));
    attach(&mut harness, run.path());
    let is_menu =
        |node: &AccessKitNode<'_>| node.label().is_some_and(|name| name.eq_ignore_ascii_case("save accuracy"));
    harness.get_by(is_menu).click();
    harness.run();
    harness.get_by_label("Save numbers (CSV)").click();
    harness.run();
    let file = fs::read_dir(exports.path()).unwrap().next().unwrap().unwrap();
    assert!(file.file_name().to_string_lossy().ends_with("-accuracy.csv"), "{file:?}");
    let table = fs::read_to_string(file.path()).unwrap();
    assert!(table.starts_with("epoch,update,training,validation\n"), "{table}");
    assert!(table.contains("\n1,NaN,95.75090909090909,99.08\n"), "{table}");
}

#[test]
fn a_run_shows_its_end_once_it_is_recorded() {
    let run = recorded();
    let mut harness = viewer(None, None);
    attach(&mut harness, run.path());
    assert!(!says(&harness, "finished"));
    let mut metrics = File::options().append(true).open(run.path().join("metrics.jsonl")).unwrap();
    metrics.write_all(FINISHED.as_bytes()).unwrap();
    harness.get_by_label("Detach").click();
    harness.run();
    harness.get_by_label("Attach").click();
    harness.run();
    assert!(says(&harness, "finished") && says(&harness, "99.32 %"));
}

#[test]
fn a_folder_without_a_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = viewer(None, None);
    attach(&mut harness, folder.path());
    assert!(says(&harness, "holds no run: there is no experiment.ron in it"));
    harness.get_by_label("Attach");
}

#[test]
fn records_of_another_version_are_said_to_be() {
    let run = recorded();
    fs::write(run.path().join("metrics.jsonl"), "{\"event\":\"Started\",\"schema\":7}\n").unwrap();
    let mut harness = viewer(None, None);
    attach(&mut harness, run.path());
    assert!(says(&harness, "written by another version of snn (records of version 7"));
    assert!(harness.query_by_label("Loss").is_none());
}

#[test]
fn a_run_without_a_checkpoint_is_watched_until_there_is_one() {
    let run = recorded();
    let mut harness = viewer(Some(run.path()), None);
    assert_eq!(harness.state().as_ref().unwrap().settings.tab, Tab::Training);
    assert!(says(&harness, "holds no checkpoint yet") && says(&harness, "stopped"));
    assert!(harness.query_by_label("Open its network").is_none());
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../snn-zoo/zoo/mnist-lenet/weights.safetensors");
    fs::copy(shipped, run.path().join("best.safetensors")).unwrap();
    let app = harness.state_mut().as_mut().unwrap();
    app.watch(run.path());
    harness.run();
    harness.get_by_label("Open its network").click();
    harness.run_steps(3);
    let app = harness.state().as_ref().unwrap();
    assert_eq!(app.settings.tab, Tab::Inspect);
    assert!(app.subject().unwrap().name.ends_with("/best"));
    assert!(app.follower().is_some(), "it is still watched");
}

#[test]
fn what_is_wrong_with_a_run_is_listed() {
    let run = recorded();
    let text = fs::read_to_string(run.path().join("metrics.jsonl")).unwrap();
    let (start, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
    let mut silent: serde_json::Value =
        serde_json::from_str(&last.replace("[\"fc1\",", "[\"fc1\",0.0],[\"rest\",")).unwrap();
    let lines = (1..=20).map(|step| {
        silent["step"] = step.into();
        format!("{silent}\n")
    });
    let lines: String = lines.collect();
    fs::write(run.path().join("metrics.jsonl"), format!("{start}\n{lines}no record\n")).unwrap();
    let mut harness = viewer(None, None);
    attach(&mut harness, run.path());
    assert!(says(&harness, "population \"fc1\" has been silent for 20 updates"));
    assert!(says(&harness, "metrics.jsonl:22: damaged, and passed over"));
}
