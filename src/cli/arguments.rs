//! Arguments that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Changes to the experiment.
#[derive(Debug, Args)]
pub(crate) struct Overrides {
    /// Set any value of the experiment, in RON; may be given several times
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,
    /// Time steps each image is shown for (steps)
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// Passes over the training images (training.epochs)
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Images of one update of the weights (training.batch)
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
}

/// Images that a trained network is tried on.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Images to show
    #[arg(long, value_enum, default_value_t = Split::Test)]
    pub(crate) split: Split,
    /// Use only N images, the first ones of each class
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// Where and how to run.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Folder with the data set [default: where snn data list finds it]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) compute: Compute,
    /// Print JSON for other programs, nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to compute on.
#[derive(Debug, Args)]
pub(crate) struct Compute {
    /// What to compute on: cpu; gpu, a graphics card; or auto, a card that is not software if there is one, else the CPU.
    /// snn list engines and snn devices show what there is
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub(crate) engine: String,
    /// Threads of the CPU; results do not depend on it [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = threads)]
    pub(crate) threads: usize,
    /// Vector instructions of --engine cpu [default: the best that the processor has]; results are the same bits at one
    /// level, whatever the processor, and differ in their last bits between levels
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub(crate) level: Option<Level>,
}

/// Levels of vector instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// What every processor has
    Portable,
    /// AVX2 with FMA
    Avx2,
    /// AVX-512
    Avx512,
}

impl Level {
    /// The value of the engine's field `level`.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Portable => "Portable",
            Self::Avx2 => "Avx2",
            Self::Avx512 => "Avx512",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Split {
    /// Images the training never sees
    Test,
    /// Training images held out to choose the best checkpoint
    Validation,
    /// Images the training learns from
    Train,
}

/// Maximum number of threads that can be requested; far more than is useful.
const MOST_THREADS: usize = 1024;

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if threads <= MOST_THREADS => Ok(threads),
        _ => Err(format!("a whole number up to {MOST_THREADS}, or 0 for one a core")),
    }
}

pub(crate) fn batch(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&batch| batch > 0).ok_or_else(|| "a whole number of at least 1".to_owned())
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE, such as training.epochs=3")?;
    Ok((path.trim().to_owned(), value.trim().to_owned()))
}
