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
    pub(crate) trial: Option<Arc<ViewedTrial>>,
    pub(crate) player: Player,
    /// The open population; `None` for the input.
    pub(crate) selected: Option<usize>,
    /// The channel that the raster is limited to.
    pub(crate) channel: Option<usize>,
    pub(crate) pins: Vec<Pin>,
    pub(crate) membranes: Option<Arc<Membranes>>,
    pub(crate) traces: Vec<(Pin, Traces)>,
    pub(crate) gradients: Option<Arc<Gradients>>,
    /// The class assumed correct when computing gradients; `None` for the true one.
    pub(crate) gradient_label: Option<usize>,
    pub(crate) sparsity: Sparsity,
    /// Index of the test sample that is or was shown last.
    pub(crate) sample: usize,
    /// The drawn image, if one is shown.
    pub(crate) drawing: Option<Vec<u8>>,
    pub(crate) draw: u32,
    pub(crate) exporter: Exporter,
    pub(crate) textures: Textures,
    /// Whether plots must reset their zoom, as after opening another network.
    pub(crate) fit_plots: bool,
    /// Counter of received trials and membranes, from which textures know whether they are outdated.
    pub(crate) version: u64,
    /// The run that is followed.
    pub(crate) follower: Option<Follower>,
    /// Folder and next time step of a series of frames being saved.
    pub(crate) recording: Option<(String, usize)>,
    /// The latest request of each kind, to avoid duplicates.
    asked: Vec<Request>,
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
            trial: None,
            player: Player::default(),
            selected: None,
            channel: None,
            pins: Vec::new(),
            membranes: None,
            traces: Vec::new(),
            gradients: None,
            gradient_label: None,
            sparsity,
            sample: 0,
            drawing: None,
            draw: 0,
            exporter: Exporter::into_folder(exports),
            textures: Textures::default(),
            fit_plots: false,
            version: 0,
            follower: None,
            recording: None,
            asked: Vec::new(),
            opened: None,
            fault: None,
            notice: None,
            path_field: start.path.as_ref().map_or_else(String::new, |path| path.display().to_string()),
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
        self.fault = None;
        self.opened.clone_from(&path);
        let StartupSettings { data, steps, .. } = self.start.clone();
        self.worker.ask(Request::Open { path, data, steps });
    }

    /// Follows the run in `folder`, which may be in progress.
    pub fn watch(&mut self, folder: &Path) {
        self.fault = None;
        match Follower::attach(folder) {
            Ok(follower) => self.follower = Some(follower),
            Err(error) => self.fault = Some(error.to_string()),
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
        self.sample = index.min(samples.saturating_sub(1));
        (self.drawing, self.draw) = (None, 0);
        self.show();
    }

    /// Shows a drawn image, as grey values `[H, W]`.
    pub fn show_drawing(&mut self, bytes: Vec<u8>) {
        self.drawing = Some(bytes);
        self.show();
    }

    /// Moves one time step forward, or from the last one to the first.
    pub fn step(&mut self) {
        let last = self.trial.as_ref().map_or(0, |trial| trial.steps() - 1);
        self.player.seek(if self.player.t() == last { 0 } else { self.player.t() + 1 });
    }

    /// Shows the same image with newly drawn random input spikes.
    pub fn draw_anew(&mut self) {
        self.draw = self.draw.wrapping_add(1);
        self.show();
    }

    fn show(&mut self) {
        let picture = self.drawing.clone().map_or(ShownSample::Sample(self.sample), ShownSample::Drawing);
        self.worker.ask(Request::Show(picture, self.draw));
    }

    /// Opens a population; `None` for the input.
    pub fn select(&mut self, population: Option<usize>) {
        if self.selected != population {
            (self.selected, self.channel, self.membranes) = (population, None, None);
        }
    }

    /// Pins a neuron, or unpins it.
    pub fn toggle_pin(&mut self, pin: Pin) {
        if let Some(at) = self.pins.iter().position(|other| *other == pin) {
            self.pins.remove(at);
        } else {
            if self.pins.len() == MOST_PINS {
                self.pins.remove(0);
            }
            self.pins.push(pin);
        }
    }

    /// The open network.
    pub fn subject(&self) -> Option<&Arc<OpenNetwork>> {
        self.subject.as_ref()
    }

    /// The trial that is shown.
    pub fn trial(&self) -> Option<&Arc<ViewedTrial>> {
        self.trial.as_ref()
    }

    /// The time step that is shown.
    pub fn t(&self) -> usize {
        self.player.t()
    }

    /// The open population; `None` for the input.
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// The pinned neurons and their traces.
    pub fn traces(&self) -> &[(Pin, Traces)] {
        &self.traces
    }

    /// Membrane potentials of the open population, once computed.
    pub fn membranes(&self) -> Option<&Membranes> {
        self.membranes.as_deref()
    }

    /// Errors and gradients, once computed.
    pub fn gradients(&self) -> Option<&Gradients> {
        self.gradients.as_deref()
    }

    /// The current error message.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
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
            let is_current = |of: &Arc<ViewedTrial>| self.trial.as_ref().is_some_and(|trial| Arc::ptr_eq(trial, of));
            match answer {
                Answer::Opened(subject) => self.opened(subject),
                Answer::Shown(trial) => self.shown(trial),
                Answer::Membranes(of, membranes) if is_current(&of) => {
                    self.membranes = Some(Arc::new(membranes));
                    self.version += 1;
                }
                Answer::Traces(of, traces) if is_current(&of) => self.traces = traces,
                Answer::Gradients(of, gradients) if is_current(&of) => {
                    self.gradients = Some(Arc::new(gradients));
                    self.version += 1;
                }
                Answer::Failed(error) => {
                    if matches!(error, ViewError::NoCheckpoint(_)) {
                        self.settings.tab = Tab::Training;
                    }
                    self.fault = Some(error.to_string());
                }
                Answer::Membranes(..) | Answer::Traces(..) | Answer::Gradients(..) => {}
            }
        }
    }

    fn opened(&mut self, subject: Arc<OpenNetwork>) {
        self.textures.clear();
        self.fit_plots = true;
        self.player = Player::default();
        self.player.set_steps(subject.steps());
        let has_population = |index: &usize| *index < subject.network().populations().len();
        self.selected = Some(self.selected.filter(has_population).unwrap_or(0));
        (self.channel, self.pins, self.trial) = (None, Vec::new(), None);
        self.sparsity.forget();
        let blank = vec![0; subject.image().len()];
        let fault = match &subject.samples {
            Ok(_) => None,
            Err(why) if subject.can_be_drawn_for() => Some(format!("no images to show, but they can be drawn: {why}")),
            Err(why) => Some(format!("no images to show: {why}")),
        };
        let is_empty = fault.is_some();
        self.fault = fault;
        self.subject = Some(subject);
        if is_empty { self.show_drawing(blank) } else { self.show_sample(self.sample) }
    }

    fn shown(&mut self, trial: Arc<ViewedTrial>) {
        if self.trial.is_none() {
            self.player.seek(trial.steps() / 2);
            self.pins = lively(&trial, 0).map(|neuron| Pin { population: 0, neuron }).into_iter().collect();
        }
        self.trial = Some(trial);
        self.version += 1;
        (self.membranes, self.gradients, self.gradient_label) = (None, None, None);
        self.traces.clear();
        self.asked.clear();
    }

    /// Requests the membranes, traces and gradients that the window needs and does not have.
    pub(crate) fn ask_for_what_is_shown(&mut self) {
        let Some((subject, trial)) = self.subject.clone().zip(self.trial.clone()) else { return };
        let t = self.player.t();
        if let Some(population) = self.selected {
            let neurons = subject.network().populations()[population].shape.len();
            let has = self.membranes.as_ref().is_some_and(|m| m.population == population && m.steps.contains(&t));
            if !has {
                self.ask(Request::Membranes(population, Membranes::window(t, trial.steps(), neurons)));
            }
        }
        if !self.traces.iter().map(|(pin, _)| pin).eq(&self.pins) {
            self.ask(Request::Traces(self.pins.clone()));
        }
        if self.settings.tab == Tab::Sparsity && matches!(self.sparsity.own, MeasurementSlot::Empty) {
            self.sparsity.measure(&subject, self.settings.images);
        }
        if self.settings.tab == Tab::Gradients {
            let label = self.gradient_label.or(trial.label).unwrap_or_else(|| trial.answer(trial.steps() - 1));
            let has = self
                .gradients
                .as_ref()
                .filter(|found| found.label == label)
                .is_some_and(|found| found.pinned.iter().map(|(pin, _)| *pin).eq(self.sorted_pins()));
            if !has {
                self.ask(Request::Gradients(label, self.pins.clone()));
            }
        }
    }

    /// The pins, sorted by population.
    fn sorted_pins(&self) -> Vec<Pin> {
        let mut pins = self.pins.clone();
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
        match self.trial.as_ref().map(|trial| &trial.picture) {
            Some(ShownSample::Sample(index)) => format!("{name} image {index} {what}"),
            _ => format!("{name} drawing {what}"),
        }
    }

    /// Starts saving a screenshot of the window for every time step.
    pub(crate) fn record_frames(&mut self) {
        let name = self.subject.as_ref().map_or("frames", |subject| &subject.name);
        self.recording = Some((self.exporter.free_folder(&format!("{name} frames")), 0));
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
