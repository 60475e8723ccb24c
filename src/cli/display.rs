//! Display of a run: a progress bar on a terminal, one line per epoch, or JSON for programs.

use std::{
    io::{self, Write as _},
    ops::ControlFlow,
};

use crate::train::{Calibrated, Event, Observer};
use console::{Term, style};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{interrupt::Interrupt, terminal, text, text::labelled};

/// Weight of the newest update in the moving averages shown beside the bar.
const NEWEST: f64 = 0.1;

/// Terminal width, in columns, from which on there is room for a long bar and every figure.
const WIDE: usize = 100;

/// Who reads standard output, which determines its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A person: a progress bar, and a line per epoch.
    Person,
    /// A program: every event as a line of JSON.
    Program,
    /// Nobody: no events.
    Nobody,
}

/// Prints the events of a run. Stops the run on request, or if nobody reads the output any more.
pub(crate) struct Display {
    bar: ProgressBar,
    interrupt: Interrupt,
    audience: Audience,
    batch: usize,
    /// Number of epochs of the run, and of updates per epoch.
    epochs: usize,
    updates: usize,
    /// Moving averages over the last updates; `None` before the first.
    recent: Option<Recent>,
    counting: bool,
    /// Whether at least one update was made.
    trained: bool,
    /// The error of printing, if it failed.
    failure: Option<io::Error>,
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    loss: f64,
    accuracy: f64,
    millis: f64,
}

impl Recent {
    fn mix(self, newest: Self) -> Self {
        let mix = |old: f64, new: f64| old + NEWEST * (new - old);
        Self {
            loss: mix(self.loss, newest.loss),
            accuracy: mix(self.accuracy, newest.accuracy),
            millis: mix(self.millis, newest.millis),
        }
    }
}

impl Display {
    /// Creates a display for batches of `batch` images. Listens for Ctrl-C.
    pub(crate) fn new(batch: usize, audience: Audience) -> anyhow::Result<Self> {
        let bar = terminal::bar(Some(0), audience == Audience::Person);
        let cells = if usize::from(Term::stderr().size().1) < WIDE { 8 } else { 25 };
        let template = format!("  {{prefix:.dim}}{{bar:{cells}.cyan/black.bright}} {{percent:>3}} %  {{wide_msg}}");
        bar.set_style(ProgressStyle::with_template(&template)?.progress_chars("━╸━"));
        let interrupt = Interrupt::listen(bar.clone())?;
        Ok(Self {
            bar,
            interrupt,
            audience,
            batch,
            epochs: 0,
            updates: 0,
            recent: None,
            counting: false,
            trained: false,
            failure: None,
        })
    }

    /// Finishes the display. Returns the first error that occurred while printing.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.failure.map_or(Ok(()), Err)
    }

    fn print(&mut self, line: &str) {
        let printed = self.bar.suspend(|| writeln!(terminal::stdout(), "{line}"));
        self.note(printed);
    }

    fn note(&mut self, printed: io::Result<()>) {
        if let Err(error) = printed {
            self.failure.get_or_insert(error);
        }
    }

    /// Whether at least one update was made.
    pub(crate) fn has_trained(&self) -> bool {
        self.trained
    }

    fn prefix(&self, label: &str) {
        self.bar.set_prefix(format!("{label:14}"));
    }

    fn epoch_label(&self, epoch: usize) -> String {
        let digits = self.epochs.to_string().len();
        format!("epoch {:>digits$}/{}", epoch + 1, self.epochs)
    }

    fn start(&mut self, epoch: usize, update: usize) {
        self.counting = false;
        if epoch < self.epochs {
            self.prefix(&self.epoch_label(epoch));
            self.bar.set_length(self.updates as u64);
            self.bar.set_position(update as u64);
            self.bar.set_message("");
        }
    }

    fn update(&mut self, epoch: usize, update: usize, newest: Recent) {
        self.trained = true;
        if self.counting {
            self.start(epoch, update);
        }
        let Recent { loss, accuracy, millis } = self.recent.map_or(newest, |recent| recent.mix(newest));
        self.recent = Some(Recent { loss, accuracy, millis });
        let speed = self.batch as f64 / millis * 1000.0;
        let seconds = |updates: usize| updates as f64 * millis / 1000.0;
        let in_epoch = self.updates - update.min(self.updates);
        let in_run = in_epoch + self.updates * self.epochs.saturating_sub(epoch + 1);
        let left = if in_run > in_epoch {
            format!("{}, run {}", text::duration(seconds(in_epoch)), text::duration(seconds(in_run)))
        } else {
            text::duration(seconds(in_epoch))
        };
        if self.interrupt.asked() {
            return;
        }
        self.bar.set_message(format!(
            "{speed:.0} img/s  loss {loss:.3}  acc {}  {}",
            text::percent(accuracy),
            style(format!("{left} left")).dim().for_stderr()
        ));
        self.bar.set_position(update as u64);
    }

    /// Shows progress other than updates: images of an evaluation, populations of a calibration.
    fn count(&mut self, what: &str, done: usize, all: usize) {
        if !self.counting {
            self.counting = true;
            self.prefix(what);
            self.bar.set_message("");
            self.bar.set_length(all as u64);
        }
        self.bar.set_position(done as u64);
    }
}

impl Observer for Display {
    fn on_event(&mut self, event: &Event) -> ControlFlow<()> {
        match self.audience {
            Audience::Person => self.show(event),
            Audience::Program => {
                let printed = terminal::stdout().json(event);
                self.note(printed);
            }
            Audience::Nobody => {}
        }
        if self.interrupt.asked() || self.failure.is_some() || terminal::is_closed() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// A firing rate that misses its target by more than this power of 2 is reported.
const OFF_TARGET: f32 = 0.3;

/// Describes the results of a calibration, population by population, including targets that were not reached.
pub(crate) fn calibration(populations: &[Calibrated]) -> String {
    let rate = |rate: f32| format!("{:.2} %", 100.0 * rate);
    let row = |row: &Calibrated| {
        let (target, scale) = match row.target {
            Some(target) => (rate(target), format!("{:.3}", row.scale)),
            None => (String::new(), String::new()),
        };
        vec![row.population.clone(), rate(row.before), target, rate(row.after), scale]
    };
    let rows: Vec<Vec<String>> = populations.iter().map(row).collect();
    let columns = ["calibration", "rate before", "target", "rate after", "weights times"];
    let table = text::table(&columns, &rows, &[1, 2, 3, 4], false);
    let is_off = |row: &&Calibrated| row.target.is_some_and(|target| (row.after / target).log2().abs() > OFF_TARGET);
    let off: Vec<&str> = populations.iter().filter(is_off).map(|row| row.population.as_str()).collect();
    if off.is_empty() {
        return table;
    }
    let reason = "off target, as scaling its weights further would change little: few of its neurons see input, or other \
                  currents make it fire";
    format!("{table}{}\n", labelled("note", format!("{}: {reason}", off.join(", "))))
}

impl Display {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Started { epochs, updates, epoch, update, .. } => {
                (self.epochs, self.updates) = (*epochs, *updates);
                self.start(*epoch, *update);
            }
            Event::Update { epoch, update, loss, accuracy, millis, .. } => {
                let newest =
                    Recent { loss: f64::from(*loss), accuracy: f64::from(*accuracy), millis: f64::from(*millis) };
                self.update(*epoch, *update, newest);
            }
            Event::Evaluating { done, images } => self.count("evaluation", *done, *images),
            Event::Calibrating { done, populations } => self.count("calibration", *done, *populations),
            Event::Epoch { epoch, loss, accuracy, validation_accuracy, best, spikes, seconds, .. } => {
                let validation = validation_accuracy
                    .map_or_else(String::new, |accuracy| format!("  validation {:>8}", text::percent(accuracy)));
                let best = if *best && validation_accuracy.is_some() { style("best").green() } else { style("    ") };
                let spikes = format!("  spikes/image {:>9}", text::thousands(spikes.round() as u64));
                let line = format!(
                    "train {:>8}  loss {loss:.4}{validation} {best}{}  {:>7}",
                    text::percent(*accuracy),
                    if text::columns() < WIDE { "" } else { &spikes },
                    text::duration(*seconds)
                );
                let line = labelled(&self.epoch_label(*epoch), line);
                self.print(&line);
                self.start(epoch + 1, 0);
            }
            Event::Calibrated { populations } => {
                let table = calibration(populations);
                self.print(&table);
                self.start(0, 0);
            }
            Event::Warning { message, .. } => {
                let line = labelled("warning", style(message).yellow());
                self.print(&line);
            }
            _ => {}
        }
    }
}
