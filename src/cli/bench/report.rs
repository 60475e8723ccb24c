//! The report of `snn bench`, as text.

use console::{measure_text_width, style};

use crate::{
    cli::{
        bench::{Measured, share},
        text, words,
    },
    core::{Engine, Peak, Timing},
    train::Throughput,
};

/// Maximum number of kernels shown; those that take less time are summed up.
const KERNELS: usize = 20;

/// Columns that are omitted if the terminal is too narrow for all.
const MINOR: [&str; 3] = ["best", "steps", "of the input"];

/// A kernel, and its fraction of the total time.
pub(super) type KernelRow<'a> = (&'a Timing, f64);

/// The whole report.
pub(super) fn text(engine: &dyn Engine, peak: Option<Peak>, measured: &[Measured]) -> String {
    let peaks = peak.map(|Peak { multiply_adds, bandwidth }| {
        let sums = format!("{} multiply-adds/s in f32", text::scaled(multiply_adds).trim_end());
        (sums + &format!(", {}B/s of memory read and written", text::scaled(bandwidth)), "measured".to_owned())
    });
    let bench = ("bench", "initial weights; a step is a batch".to_owned(), String::new());
    let mut lines = vec![bench, ("engine", engine.describe(), String::new())];
    lines.extend(peaks.map(|(text, aside)| ("peak", text, aside)));
    let mut parts = vec![format!("\n{}", text::header(&lines))];
    for Measured { named, images, results } in measured {
        let (network, steps) = (&named.built.network, named.built.experiment.steps);
        let batch = format!("batch {}", named.built.experiment.training.batch);
        let header = text::header(&[
            (named.name.as_str(), words::network(network, steps), batch),
            ("shown", images.clone(), String::new()),
        ]);
        parts.push(format!("\n{header}\n{}", figures(peak, results)));
        for result in results.iter().filter(|result| !result.timings.is_empty()) {
            parts.push(format!("\n{}", kernels(result)));
        }
    }
    let counted = "multiply-adds/s: as if computed densely, those of all weights x images x time steps, three times as many \
                   for training (currents, errors, gradients); spikes that are 0 are counted, though an engine may skip \
                   them";
    parts.push(format!("\n{}\n\n", style(text::wrapped(counted, 2, 2)).dim()));
    parts.concat()
}

fn figures(peak: Option<Peak>, results: &[Throughput]) -> String {
    let row = |result: &Throughput| {
        let mut row = vec![
            result.work.name().to_owned(),
            text::figures(result.median()),
            text::figures(result.best()),
            result.millis.len().to_string(),
            text::figures(result.images_per_second()),
            text::scaled(result.multiply_adds_per_second()).trim_end().to_owned(),
        ];
        row.extend(share(result, peak).map(|share| format!("{:.1} %", 100.0 * share)));
        let spikes = |spikes: f64| text::thousands(spikes.round() as u64);
        let input = result.input_spikes.map_or_else(|| "numbers".to_owned(), spikes);
        row.extend([spikes(result.spikes), input, text::bytes(result.memory.total())]);
        row
    };
    let mut head = vec!["", "ms/step", "best", "steps", "images/s", "multiply-adds/s"];
    head.extend(peak.map(|_| "of peak"));
    head.extend(["spikes/image", "of the input", "memory"]);
    let rows: Vec<Vec<String>> = results.iter().map(row).collect();
    let right: Vec<usize> = (1..head.len()).collect();
    let table = text::table(&head, &rows, &right, false);
    if table.lines().all(|line| measure_text_width(line) <= text::columns()) {
        return table;
    }
    let is_kept = |column: &usize| !MINOR.contains(&head[*column]);
    let kept: Vec<usize> = (0..head.len()).filter(is_kept).collect();
    let narrow = |row: &Vec<String>| kept.iter().map(|&column| row[column].clone()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(narrow).collect();
    text::table(&kept.iter().map(|&column| head[column]).collect::<Vec<_>>(), &rows, &right[..kept.len() - 1], false)
}

/// Time per step of each kernel.
fn kernels(result: &Throughput) -> String {
    let steps = result.millis.len() as f64;
    let rows = widest_first(&result.timings);
    let (all, all_runs) = sums(&rows);
    // All rows have the same number of decimals: about four digits in the sum.
    let (millis, sum) = (|nanos: f64| nanos / 1e6 / steps, all / 1e6 / steps);
    let shown = |nanos: f64| match millis(nanos) {
        value if sum >= 1000.0 => text::thousands(value.round() as u64),
        value if sum >= 100.0 => format!("{value:.1}"),
        value if sum >= 10.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    };
    let line = |name: &str, nanos: f64, runs: usize, share: f64| {
        let bar = "━".repeat((20.0 * share).round() as usize);
        let runs = text::significant(runs as f64 / steps);
        vec![name.to_owned(), shown(nanos), format!("{:.1} %", 100.0 * share), runs, bar]
    };
    let mut lines: Vec<Vec<String>> = rows
        .iter()
        .take(KERNELS)
        .map(|(timing, share)| line(&timing.name, timing.nanos, timing.runs, *share))
        .collect();
    if let Some(rest) = rows.get(KERNELS..).filter(|rest| !rest.is_empty()) {
        let (nanos, runs) = sums(rest);
        lines.push(line(&format!("{} others", rest.len()), nanos, runs, nanos / all));
    }
    let mut sum = line("all kernels", all, all_runs, 1.0);
    sum.truncate(4);
    lines.push(sum);
    let title = format!("{}, kernel", result.work.name());
    text::table(&[&title, "ms/step", "share", "runs/step", ""], &lines, &[1, 2, 3], true)
}

/// Total nanoseconds and runs.
fn sums(rows: &[KernelRow<'_>]) -> (f64, usize) {
    (rows.iter().map(|(timing, _)| timing.nanos).sum(), rows.iter().map(|(timing, _)| timing.runs).sum())
}

/// Kernels with their fractions of the time, slowest first.
pub(super) fn widest_first(timings: &[Timing]) -> Vec<KernelRow<'_>> {
    let all: f64 = timings.iter().map(|timing| timing.nanos).sum();
    let mut rows: Vec<KernelRow<'_>> = timings.iter().map(|timing| (timing, timing.nanos / all.max(1.0))).collect();
    rows.sort_by(|(a, _), (b, _)| b.nanos.total_cmp(&a.nanos));
    rows
}
