//! Fuzzing of all file readers with mutated inputs. A reader must not panic, hang, use unbounded memory, or accept
//! inputs that violate its checks.
//!
//! ```sh
//! cargo run --release -p snn-fuzz                                   # all readers, in a minute or two
//! cargo run --profile fuzz -p snn-fuzz -- checkpoint --seconds 600  # one of them, for longer, with checks of overflow
//! ```
//!
//! Equal seeds give equal inputs. An input that fails is saved as a file.

mod mutation;
mod targets;

use std::error::Error;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use clap::Parser;
use peak_alloc::PeakAlloc;
use snn_core::registry::Registry;

use mutation::Inputs;
use targets::{ALL, Bench, Target};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Time after which an execution counts as hanging.
const HANG: Duration = Duration::from_secs(5);

/// Number of faults after which a target is abandoned.
const FAULTS: usize = 5;

/// Try mutated inputs on all that reads files.
#[derive(Debug, Parser)]
struct Arguments {
    /// Readers to try [default: all]
    targets: Vec<String>,
    /// Inputs for each
    #[arg(long, default_value_t = 20_000)]
    executions: u64,
    /// Seconds for each, in place of a number of inputs
    #[arg(long, conflicts_with = "executions")]
    seconds: Option<u64>,
    /// Seed of the mutations
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let known: Vec<&str> = ALL.iter().map(|target| target.name).collect();
    if let Some(unknown) = arguments.targets.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("{unknown}: there is no such target; there are {}", known.join(", ")).into());
    }
    let registry = Registry::new().with(snn_core::plugin)?.with(snn_cpu::plugin)?;
    let registry = registry.with(snn_data::plugin)?.with(snn_models::plugin)?;
    let shared = Path::new("/dev/shm"); // a file system in memory, if the system has one
    let folder = if shared.is_dir() { tempfile::tempdir_in(shared)? } else { tempfile::tempdir()? };
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/snn-data/tests/samples");
    let bench = Bench { registry, folder: folder.path().to_owned(), samples };
    let watch = Watch::new(env::temp_dir().join(format!("snn-fuzz-{}", process::id())));
    let panicked = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&panicked);
    panic::set_hook(Box::new(move |panic| {
        if let Ok(mut told) = told.lock() {
            *told = panic.to_string();
        }
    }));
    let mut out = stdout();
    writeln!(out, "target       executions   accepted  faults  slowest    largest allocation")?;
    let mut faults = 0;
    for target in ALL
        .iter()
        .filter(|target| arguments.targets.is_empty() || arguments.targets.iter().any(|name| name == target.name))
    {
        let tally = try_out(&bench, &watch, &panicked, target, &arguments)?;
        writeln!(
            out,
            "{:<12} {:>10} {:>10} {:>7} {:>6} ms {:>14} kB",
            target.name,
            tally.executions,
            tally.accepted,
            tally.faults.len(),
            tally.slowest.as_millis(),
            tally.largest / 1000
        )?;
        for (reason, path) in &tally.faults {
            writeln!(out, "  {}: {}", reason.escape_debug(), path.display())?;
        }
        out.flush()?;
        faults += tally.faults.len();
    }
    fs::remove_file(&watch.path)?;
    Ok(if faults > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[expect(clippy::disallowed_methods, reason = "what is printed are names and numbers of this program's own")]
fn stdout() -> io::Stdout {
    io::stdout()
}

/// Results of a target.
#[derive(Default)]
struct Tally {
    executions: u64,
    accepted: u64,
    slowest: Duration,
    largest: usize,
    /// Reason of each fault, and the file with its input.
    faults: Vec<(String, PathBuf)>,
}

/// Watchdog that ends the program if an input takes far too long; a check after the execution would never be reached.
/// The input is already saved in a file, which also serves if the program aborts.
struct Watch {
    path: PathBuf,
    begun: Arc<Mutex<Option<Instant>>>,
}

impl Watch {
    fn new(path: PathBuf) -> Self {
        let begun = Arc::new(Mutex::new(None::<Instant>));
        let (shared, file) = (Arc::clone(&begun), path.clone());
        thread::spawn(move || {
            loop {
                thread::sleep(HANG);
                let begun = shared.lock().map_or(None, |begun| *begun);
                if begun.is_some_and(|begun| begun.elapsed() > 2 * HANG) {
                    writeln!(stdout(), "  hangs: {}", file.display()).ok();
                    process::exit(1);
                }
            }
        });
        Self { path, begun }
    }

    fn begin(&self, input: &[u8]) -> io::Result<()> {
        fs::write(&self.path, input)?;
        if let Ok(mut begun) = self.begun.lock() {
            *begun = Some(Instant::now());
        }
        Ok(())
    }

    fn end(&self) {
        if let Ok(mut begun) = self.begun.lock() {
            *begun = None;
        }
    }
}

fn try_out(
    bench: &Bench,
    watch: &Watch,
    panicked: &Mutex<String>,
    target: &Target,
    arguments: &Arguments,
) -> io::Result<Tally> {
    let mut inputs = Inputs::new(arguments.seed, (target.seeds)(bench));
    if inputs.are_missing() {
        return Err(io::Error::other(format!("{}: genuine inputs are missing", target.name)));
    }
    let started = Instant::now();
    let mut tally = Tally::default();
    let goes_on = |tally: &Tally| match arguments.seconds {
        Some(seconds) => started.elapsed() < Duration::from_secs(seconds),
        None => tally.executions < arguments.executions,
    };
    while goes_on(&tally) && tally.faults.len() < FAULTS {
        let (input, is_genuine) = inputs.following(target);
        watch.begin(&input)?;
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let begun = Instant::now();
        let verdict = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(bench, &input)));
        let (took, taken) = (begun.elapsed(), MEMORY.peak_usage().saturating_sub(before));
        watch.end();
        tally.executions += 1;
        tally.slowest = tally.slowest.max(took);
        tally.largest = tally.largest.max(taken);
        let fault = match verdict {
            Err(_) => Some(panicked.lock().map_or_else(|_| "panicked".to_owned(), |told| told.clone())),
            Ok(Err(reason)) => Some(reason),
            Ok(Ok(_)) if took > HANG => Some(format!("took {} s", took.as_secs())),
            Ok(Ok(_)) if taken > target.most => Some(format!("took {taken} bytes of memory")),
            Ok(Ok(false)) if is_genuine => Some("refuses a genuine input".to_owned()),
            Ok(Ok(is_accepted)) => {
                tally.accepted += u64::from(is_accepted);
                if is_accepted && !is_genuine {
                    inputs.keep(input.clone());
                }
                None
            }
        };
        if let Some(reason) = fault {
            let path = env::temp_dir().join(format!("snn-fuzz-{}-{}", target.name, tally.executions));
            fs::write(&path, &input)?;
            tally.faults.push((reason, path));
        }
    }
    Ok(tally)
}
