//! Ctrl-C handling: once stops after the current update, twice quits at once.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

/// Exit code of a program that was stopped by Ctrl-C.
pub(crate) const STOPPED: u8 = 130;

/// Flag that is set when the user presses Ctrl-C.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts listening for Ctrl-C, and acknowledges it beside `bar`.
    pub(crate) fn listen(bar: ProgressBar) -> anyhow::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let interrupt = Self(Arc::clone(&asked));
        ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                process::exit(STOPPED.into());
            }
            bar.set_style(ProgressStyle::with_template("  {prefix:.dim}{wide_msg}").unwrap_or_else(|_| bar.style()));
            bar.set_message("stopping after this step; Ctrl-C again quits at once");
            bar.force_draw();
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(interrupt)
    }

    /// Whether the user asked to stop.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
