//! What a frame costs while time plays: layout and tessellation of the whole window at 1280 x 800, every map and thumbnail
//! drawn anew at each frame, without what the graphics card does. 16.7 ms is a frame at 60 a second.

#![expect(clippy::print_stdout, reason = "what a measurement found goes there")]

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use egui::{Context, Pos2, RawInput, Rect, vec2};
use snn_models::{Experiment, presets};
use snn_train::Checkpoint;
use snn_viz::{App, MapKind, Settings, StartupSettings, registry};

/// The preset, untrained, as a checkpoint in `folder`.
fn untrained(folder: &std::path::Path, preset: &str) -> StartupSettings {
    let (registry, preset) = (registry().expect("names are unique"), presets::find(preset).expect("it is shipped"));
    let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &[], &registry).expect("it is right");
    let network = experiment.build(&registry).expect("it is right").network;
    let weights = Checkpoint::tensors(&network, &network.initial_weights(1));
    let checkpoint = Checkpoint::of_weights(experiment.to_ron(), weights);
    let path = folder.join(preset.name).with_extension("safetensors");
    checkpoint.save(&path).expect("the folder can be written");
    StartupSettings { path: Some(path), data: Some(folder.to_owned()), ..StartupSettings::default() }
}

/// A random-looking image of bytes.
fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// The largest memory that this process has had, in MB; 0 where the system does not tell.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1000
}

fn frames(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for files");
    for (preset, pixels) in [("mnist-lenet", 784), ("cifar10-vgg9", 3072)] {
        let context = Context::default();
        let start = untrained(folder.path(), preset);
        let mut app = App::new(registry().expect("names are unique"), start, Settings::default(), &context);
        app.settle();
        app.show_drawing(noise(pixels));
        app.settle();
        for (map, kind) in [(MapKind::Membranes, "membranes"), (MapKind::Counts, "counts")] {
            app.settings.map = map;
            criterion.bench_function(&format!("frame, {preset}, {kind}"), |bencher| {
                bencher.iter(|| {
                    app.step();
                    let screen = Rect::from_min_size(Pos2::ZERO, vec2(1280.0, 800.0));
                    let input = RawInput { screen_rect: Some(screen), ..RawInput::default() };
                    let output = context.run_ui(input, |ui| app.ui(ui));
                    black_box(context.tessellate(output.shapes, 1.0));
                });
            });
        }
        println!("{preset}: {} MB at most so far", peak_megabytes());
    }
}

criterion_group!(benches, frames);
criterion_main!(benches);
