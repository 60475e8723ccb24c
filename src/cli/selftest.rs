//! `snn selftest`: checks a GPU against the reference engine.

use std::{io::Write as _, process::ExitCode, time::Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::{
    cli::{driver, terminal, text},
    core::{Engine as _, agreement::BOUND, part::Part, registry::Registry},
    gpu::{
        GpuEngine, GpuOptions,
        selftest::{self, SelftestCheck},
    },
};

/// Check a graphics card against the reference engine.
///
/// Small networks of every neuron, surrogate and map there is, with drawn and direct input, run on the card and on the
/// reference engine; all must agree but for rounding, and a spike may differ only where rounding decides over it. Ends with
/// status 1 if a check fails.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn selftest                                        the card that --engine gpu takes
  snn selftest --engine 'gpu(adapter: \"llvmpipe\")'    another one
  snn selftest --json | jq '.checks[] | select(.failure)'")]
pub(crate) struct SelftestArgs {
    /// The card, as an engine
    #[arg(long, value_name = "NAME", default_value = "gpu")]
    engine: String,
    /// Print JSON for other programs, nothing else
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(registry: &Registry, args: &SelftestArgs) -> anyhow::Result<ExitCode> {
    let engine = engine(&args.engine).with_context(|| format!("--engine {}", args.engine))?;
    let started = Instant::now();
    let bar = bar(selftest::subjects(registry)?.len() * selftest::variants(&engine).len(), args.json)?;
    let checks = selftest::run(&engine, registry, &mut |what| {
        bar.set_message(what.to_owned());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let (checks, seconds) = (checks?, started.elapsed().as_secs_f64());

    let failed = checks.iter().filter(|check| !check.is_passed()).count();
    let mut out = terminal::stdout();
    if args.json {
        let record = json!({
            "engine": engine.describe(), "passed": failed == 0, "seconds": seconds, "bound": BOUND,
            "checks": checks,
        });
        out.json(&record)?;
    } else {
        let header = text::header(&[
            ("selftest", engine.describe(), "against the reference engine".to_owned()),
            ("differences", "relative to the largest magnitude".to_owned(), format!("{BOUND:.0e} is allowed")),
        ]);
        writeln!(out, "\n{header}\n{}", table(&checks))?;
        writeln!(out, "{}", verdict(&checks, failed, seconds))?;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Creates the engine that `text` describes; only a GPU can be checked.
fn engine(text: &str) -> anyhow::Result<GpuEngine> {
    let mut part = Part::parse(text)?;
    if part.name != "gpu" {
        bail!("only the engine gpu can be checked, for example gpu(adapter: \"0\")");
    }
    let engine = GpuEngine::new(part.resolve::<GpuOptions>()?);
    driver::apart(|| engine.open())?;
    Ok(engine)
}

/// A progress bar over all checks, if somebody watches.
fn bar(checks: usize, is_json: bool) -> anyhow::Result<ProgressBar> {
    let bar = terminal::bar(Some(checks as u64), !is_json);
    let template = "  {bar:25.cyan/black.bright} {percent:>3} %  {wide_msg}";
    bar.set_style(ProgressStyle::with_template(template)?.progress_chars("━╸━"));
    Ok(bar)
}

fn table(checks: &[SelftestCheck]) -> String {
    let is_one = checks.iter().all(|check| check.kernels == checks[0].kernels);
    let mut head = vec!["what", "name", "spikes", "flips", "output", "states", "errors", "gradients", "result"];
    if !is_one {
        head.insert(0, "kernels");
    }
    let row = |check: &SelftestCheck| {
        let share = |share: Option<f32>| share.map_or_else(|| "-".to_owned(), difference);
        let result = if check.is_passed() { style("passed").green() } else { style("failed").red().bold() };
        let numbers = [text::thousands(check.spikes), text::thousands(check.flips)];
        let shares = [check.output, check.states, check.errors, check.gradients].map(share);
        let kernels = (!is_one).then(|| check.kernels.to_owned());
        let names = [check.kind.to_owned(), check.name.clone()];
        kernels.into_iter().chain(names).chain(numbers).chain(shares).chain([result.to_string()]).collect()
    };
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    let first = head.len() - 7;
    text::table(&head, &rows, &(first..head.len() - 1).collect::<Vec<_>>(), false)
}

/// Formats a difference as `2e-7`, or `0`.
fn difference(share: f32) -> String {
    if share == 0.0 { "0".to_owned() } else { format!("{share:.0e}") }
}

/// Summary of the failed checks with reasons, or of success.
fn verdict(checks: &[SelftestCheck], failed: usize, seconds: f64) -> String {
    let time = style(text::duration(seconds)).dim();
    if failed == 0 {
        return format!("  {} {time}\n", style(format!("all {} checks passed", checks.len())).green().bold());
    }
    let mut lines = format!("  {} {time}\n", style(format!("{failed} of {} checks failed", checks.len())).red().bold());
    for check in checks {
        if let Some(failure) = &check.failure {
            lines.push_str(&text::labelled(check.kind, format!("{} ({}): {failure}", check.name, check.kernels)));
            lines.push('\n');
        }
    }
    lines.push_str(&text::wrapped(
        "do not trust results of this card: a newer driver may do better, and --engine cpu needs none",
        2,
        2,
    ));
    lines.push('\n');
    lines
}
