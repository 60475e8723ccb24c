//! The state of the viewer and its reactions to user input.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::Context;
use snn_core::registry::Registry;
use snn_core::{Dataset, Traces};

use crate::export::Exporter;
use crate::follow::Follower;
use crate::player::Player;
use crate::sparsity::{MeasurementSlot, Sparsity};
use crate::textures::Textures;
use crate::{
    Answer, Gradients, Membranes, OpenNetwork, Pin, Request, Settings, ShownSample, StartupSettings, Tab, ViewError,
    ViewedTrial, Worker,
};

/// Maximum number of pinned neurons, whose traces are shown; a further one replaces the first.
pub const MOST_PINS: usize = 4;

/// The viewer.
#[derive(Debug)]
pub struct App {
    /// Settings that persist between sessions.
    pub settings: Settings,
    pub(crate) start: StartupSettings,
    pub(crate) worker: Worker,
    pub(crate) subject: Option<Arc<OpenNetwork>>,
    pub(crate) shown: ShownState,
    pub(crate) inspect: InspectState,
    pub(crate) backward: BackwardState,
    pub(crate) sparsity: Sparsity,
    pub(crate) saving: SavingState,
    pub(crate) header: HeaderState,
    pub(crate) textures: Textures,
    /// Whether plots must reset their zoom, as after opening another network.
    pub(crate) fit_plots: bool,
    /// The run that is followed.
    pub(crate) follower: Option<Follower>,
    /// The latest request of each kind, to avoid duplicates.
    asked: Vec<Request>,
}

/// The trial that all views are about, and how it was chosen.
#[derive(Debug, Default)]
pub(crate) struct ShownState {
    pub(crate) trial: Option<Arc<ViewedTrial>>,
    /// Index of the test sample that is or was shown last.
    pub(crate) sample: usize,
    /// The drawn image, if one is shown.
    pub(crate) drawing: Option<Vec<u8>>,
    pub(crate) draw: u32,
    /// Counter of received trials and membranes, from which textures know whether they are outdated.
    pub(crate) version: u64,
}

/// The tab in which a trial is inspected step by step.
#[derive(Debug, Default)]
pub(crate) struct InspectState {
    pub(crate) player: Player,
    /// The open population; `None` for the input.
    pub(crate) selected: Option<usize>,
    /// The channel that the raster is limited to.
    pub(crate) channel: Option<usize>,
    pub(crate) pins: Vec<Pin>,
    pub(crate) membranes: Option<Arc<Membranes>>,
    pub(crate) traces: Vec<(Pin, Traces)>,
}

/// The tab of gradients.
#[derive(Debug, Default)]
pub(crate) struct BackwardState {
    pub(crate) gradients: Option<Arc<Gradients>>,
    /// The class assumed correct when computing gradients; `None` for the true one.
    pub(crate) gradient_label: Option<usize>,
}

/// Pictures and tables that are saved.
#[derive(Debug)]
pub(crate) struct SavingState {
    pub(crate) exporter: Exporter,
    /// Folder and next time step of a series of frames being saved.
    pub(crate) recording: Option<(String, usize)>,
}

/// The line at the top: what is open, and messages.
#[derive(Debug, Default)]
pub(crate) struct HeaderState {
    /// Path that the network was opened from.
    pub(crate) opened: Option<PathBuf>,
    pub(crate) fault: Option<String>,
    pub(crate) notice: Option<String>,
    pub(crate) path_field: String,
}

impl App {
    /// Creates a viewer that uses the names of `registry` and opens what `start` specifies. `context` is asked to
    /// repaint when results arrive.
    pub fn new(registry: Registry, start: StartupSettings, settings: Settings, context: &Context) -> Self {
        context.set_theme(settings.theme);
        let (waker, registry) = (context.clone(), Arc::new(registry));
        let sparsity = Sparsity::new(Arc::clone(&registry), context.clone());
        let worker = Worker::start(registry, move || waker.request_repaint());
        let exports = start.exports.clone().unwrap_or_else(|| PathBuf::from("exports"));
        let mut app = Self {
            settings,
            start: start.clone(),
            worker,
            subject: None,
            shown: ShownState::default(),
            inspect: InspectState::default(),
            backward: BackwardState::default(),
            sparsity,
            saving: SavingState { exporter: Exporter::into_folder(exports), recording: None },
            header: HeaderState {
                path_field: start.path.as_ref().map_or_else(String::new, |path| path.display().to_string()),
                ..HeaderState::default()
            },
            textures: Textures::default(),
            fit_plots: false,
            follower: None,
            asked: Vec::new(),
        };
        app.open(start.path);
        app
    }

    /// Opens a checkpoint or run folder, or the shipped network for `None`. If it is a run, follows it from then on.
    pub fn open(&mut self, path: Option<PathBuf>) {
        // Errors about the folder are reported by the answer to the request.
        self.follower = path.as_deref().and_then(|path| Follower::attach(path).ok()).or(self.follower.take());
        self.open_network(path);
    }

    /// Opens a network without changing which run is followed.
    pub(crate) fn open_network(&mut self, path: Option<PathBuf>) {
        self.header.fault = None;
        self.header.opened.clone_from(&path);
        let StartupSettings { data, steps, .. } = self.start.clone();
        self.worker.ask(Request::Open { path, data, steps });
    }

    /// Follows the run in `folder`, which may be in progress.
    pub fn watch(&mut self, folder: &Path) {
        self.header.fault = None;
        match Follower::attach(folder) {
            Ok(follower) => self.follower = Some(follower),
            Err(error) => self.header.fault = Some(error.to_string()),
        }
    }

    /// The run that is followed.
    pub fn follower(&self) -> Option<&Follower> {
        self.follower.as_ref()
    }

    /// Shows test sample `index`, or the last one if there are fewer.
    pub fn show_sample(&mut self, index: usize) {
        let Some(subject) = &self.subject else { return };
        let samples = subject.samples.as_ref().map_or(0, Dataset::len);
        self.shown.sample = index.min(samples.saturating_sub(1));
        (self.shown.drawing, self.shown.draw) = (None, 0);
        self.show();
    }

    /// Shows a drawn image, as grey values `[H, W]`.
    pub fn show_drawing(&mut self, bytes: Vec<u8>) {
        self.shown.drawing = Some(bytes);
        self.show();
    }

    /// Moves one time step forward, or from the last one to the first.
    pub fn step(&mut self) {
        let last = self.shown.trial.as_ref().map_or(0, |trial| trial.steps() - 1);
        self.inspect.player.seek(if self.inspect.player.t() == last { 0 } else { self.inspect.player.t() + 1 });
    }

    /// Shows the same image with newly drawn random input spikes.
    pub fn draw_anew(&mut self) {
        self.shown.draw = self.shown.draw.wrapping_add(1);
        self.show();
    }

    fn show(&mut self) {
        let picture = self.shown.drawing.clone().map_or(ShownSample::Sample(self.shown.sample), ShownSample::Drawing);
        self.worker.ask(Request::Show(picture, self.shown.draw));
    }

    /// Opens a population; `None` for the input.
    pub fn select(&mut self, population: Option<usize>) {
        if self.inspect.selected != population {
            (self.inspect.selected, self.inspect.channel, self.inspect.membranes) = (population, None, None);
        }
    }

    /// Pins a neuron, or unpins it.
    pub fn toggle_pin(&mut self, pin: Pin) {
        if let Some(at) = self.inspect.pins.iter().position(|other| *other == pin) {
            self.inspect.pins.remove(at);
        } else {
            if self.inspect.pins.len() == MOST_PINS {
                self.inspect.pins.remove(0);
            }
            self.inspect.pins.push(pin);
        }
    }

    /// The open network.
    pub fn subject(&self) -> Option<&Arc<OpenNetwork>> {
        self.subject.as_ref()
    }

    /// The trial that is shown.
    pub fn trial(&self) -> Option<&Arc<ViewedTrial>> {
        self.shown.trial.as_ref()
    }

    /// The time step that is shown.
    pub fn t(&self) -> usize {
        self.inspect.player.t()
    }

    /// The open population; `None` for the input.
    pub fn selected(&self) -> Option<usize> {
        self.inspect.selected
    }

    /// The pinned neurons and their traces.
    pub fn traces(&self) -> &[(Pin, Traces)] {
        &self.inspect.traces
    }

    /// Membrane potentials of the open population, once computed.
    pub fn membranes(&self) -> Option<&Membranes> {
        self.inspect.membranes.as_deref()
    }

    /// Errors and gradients, once computed.
    pub fn gradients(&self) -> Option<&Gradients> {
        self.backward.gradients.as_deref()
    }

    /// The current error message.
    pub fn fault(&self) -> Option<&str> {
        self.header.fault.as_deref()
    }

    /// Waits for the answers to all requests and processes them. For tests and screenshots.
    pub fn settle(&mut self) {
        loop {
            self.worker.wait();
            self.sparsity.wait();
            self.take_answers();
            self.ask_for_what_is_shown();
            if !self.worker.is_busy() && !matches!(self.sparsity.own, MeasurementSlot::Running(_)) {
                break;
            }
        }
    }

    pub(crate) fn take_answers(&mut self) {
        self.sparsity.tick();
        while let Some(answer) = self.worker.answer() {
            let is_current =
                |of: &Arc<ViewedTrial>| self.shown.trial.as_ref().is_some_and(|trial| Arc::ptr_eq(trial, of));
            match answer {
                Answer::Opened(subject) => self.opened(subject),
                Answer::Shown(trial) => self.shown(trial),
                Answer::Membranes(of, membranes) if is_current(&of) => {
                    self.inspect.membranes = Some(Arc::new(membranes));
                    self.shown.version += 1;
                }
                Answer::Traces(of, traces) if is_current(&of) => self.inspect.traces = traces,
                Answer::Gradients(of, gradients) if is_current(&of) => {
                    self.backward.gradients = Some(Arc::new(gradients));
                    self.shown.version += 1;
                }
                Answer::Failed(error) => {
                    if matches!(error, ViewError::NoCheckpoint(_)) {
                        self.settings.tab = Tab::Training;
                    }
                    self.header.fault = Some(error.to_string());
                }
                Answer::Membranes(..) | Answer::Traces(..) | Answer::Gradients(..) => {}
            }
        }
    }

    fn opened(&mut self, subject: Arc<OpenNetwork>) {
        self.textures.clear();
        self.fit_plots = true;
        self.inspect.player = Player::default();
        self.inspect.player.set_steps(subject.steps());
        let has_population = |index: &usize| *index < subject.network().populations().len();
        self.inspect.selected = Some(self.inspect.selected.filter(has_population).unwrap_or(0));
        (self.inspect.channel, self.inspect.pins, self.shown.trial) = (None, Vec::new(), None);
        self.sparsity.forget();
        let blank = vec![0; subject.image().len()];
        let fault = match &subject.samples {
            Ok(_) => None,
            Err(why) if subject.can_be_drawn_for() => Some(format!("no images to show, but they can be drawn: {why}")),
            Err(why) => Some(format!("no images to show: {why}")),
        };
        let is_empty = fault.is_some();
        self.header.fault = fault;
        self.subject = Some(subject);
        if is_empty { self.show_drawing(blank) } else { self.show_sample(self.shown.sample) }
    }

    fn shown(&mut self, trial: Arc<ViewedTrial>) {
        if self.shown.trial.is_none() {
            self.inspect.player.seek(trial.steps() / 2);
            self.inspect.pins = lively(&trial, 0).map(|neuron| Pin { population: 0, neuron }).into_iter().collect();
        }
        self.shown.trial = Some(trial);
        self.shown.version += 1;
        (self.inspect.membranes, self.backward.gradients, self.backward.gradient_label) = (None, None, None);
        self.inspect.traces.clear();
        self.asked.clear();
    }

    /// Requests the membranes, traces and gradients that the window needs and does not have.
    pub(crate) fn ask_for_what_is_shown(&mut self) {
        let Some((subject, trial)) = self.subject.clone().zip(self.shown.trial.clone()) else { return };
        let t = self.inspect.player.t();
        if let Some(population) = self.inspect.selected {
            let neurons = subject.network().populations()[population].shape.len();
            let has =
                self.inspect.membranes.as_ref().is_some_and(|m| m.population == population && m.steps.contains(&t));
            if !has {
                self.ask(Request::Membranes(population, Membranes::window(t, trial.steps(), neurons)));
            }
        }
        if !self.inspect.traces.iter().map(|(pin, _)| pin).eq(&self.inspect.pins) {
            self.ask(Request::Traces(self.inspect.pins.clone()));
        }
        if self.settings.tab == Tab::Sparsity && matches!(self.sparsity.own, MeasurementSlot::Empty) {
            self.sparsity.measure(&subject, self.settings.images);
        }
        if self.settings.tab == Tab::Gradients {
            let label = self.backward.gradient_label.or(trial.label).unwrap_or_else(|| trial.answer(trial.steps() - 1));
            let has = self
                .backward
                .gradients
                .as_ref()
                .filter(|found| found.label == label)
                .is_some_and(|found| found.pinned.iter().map(|(pin, _)| *pin).eq(self.sorted_pins()));
            if !has {
                self.ask(Request::Gradients(label, self.inspect.pins.clone()));
            }
        }
    }

    /// The pins, sorted by population.
    fn sorted_pins(&self) -> Vec<Pin> {
        let mut pins = self.inspect.pins.clone();
        pins.sort_by_key(|pin| pin.population);
        pins
    }

    /// Sends a request, unless it equals the latest of its kind.
    fn ask(&mut self, request: Request) {
        let kind = std::mem::discriminant(&request);
        if self.asked.contains(&request) {
            return;
        }
        self.asked.retain(|earlier| std::mem::discriminant(earlier) != kind);
        self.asked.push(request.clone());
        self.worker.ask(request);
    }

    /// File name for saving something of the shown trial.
    pub(crate) fn file_name(&self, what: &str) -> String {
        let name = self.subject.as_ref().map_or("", |subject| &subject.name);
        match self.shown.trial.as_ref().map(|trial| &trial.picture) {
            Some(ShownSample::Sample(index)) => format!("{name} image {index} {what}"),
            _ => format!("{name} drawing {what}"),
        }
    }

    /// Starts saving a screenshot of the window for every time step.
    pub(crate) fn record_frames(&mut self) {
        let name = self.subject.as_ref().map_or("frames", |subject| &subject.name);
        self.saving.recording = Some((self.saving.exporter.free_folder(&format!("{name} frames")), 0));
    }
}

/// The neuron of a population whose number of spikes is nearest to a quarter of the time steps, the first of equals.
/// Its trace shows both charging and firing. `None` if the population was silent.
fn lively(trial: &ViewedTrial, population: usize) -> Option<usize> {
    let train = trial.trains.get(population)?;
    let spikes = |neuron: usize| train.words(0, neuron).0.iter().map(|word| word.count_ones() as usize).sum::<usize>();
    let counted = (0..train.shape().len()).map(|neuron| (spikes(neuron), neuron)).filter(|(spikes, _)| *spikes > 0);
    counted.min_by_key(|(spikes, _)| (4 * spikes).abs_diff(trial.steps())).map(|(_, neuron)| neuron)
}
