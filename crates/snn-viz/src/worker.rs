//! The thread for all computation, separate from the drawing thread. It receives requests and sends answers.
//!
//! Only the latest request of each kind is processed, so that scrubbing through images does not wait for those already
//! passed.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use snn_core::registry::Registry;
use snn_core::{Engine as _, Plan, Session, Traces};
use snn_cpu::Cpu;

use crate::{Gradients, Membranes, OpenNetwork, Pin, ShownSample, ViewError, ViewedTrial};

/// A request to compute something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Open a network.
    Open {
        /// Checkpoint or run folder; `None` for the shipped network.
        path: Option<PathBuf>,
        /// Folder of the data set; `None` for the default locations.
        data: Option<PathBuf>,
        /// Number of time steps; `None` for the number it was trained on.
        steps: Option<usize>,
    },
    /// Run the network on a sample, with the given random draw of input spikes.
    Show(ShownSample, u32),
    /// Compute membranes of a population over some time steps of the current trial.
    Membranes(usize, Range<usize>),
    /// Compute traces of pinned neurons in the current trial.
    Traces(Vec<Pin>),
    /// Backpropagate through the current trial, assuming that the given class is correct; record errors of the pinned
    /// neurons.
    Gradients(usize, Vec<Pin>),
}

/// A result. If it contains a trial, it belongs to that trial.
#[derive(Debug)]
pub enum Answer {
    /// A network was opened.
    Opened(Arc<OpenNetwork>),
    /// A trial was run.
    Shown(Arc<ViewedTrial>),
    /// Membranes of a population.
    Membranes(Arc<ViewedTrial>, Membranes),
    /// Traces of pinned neurons, `[T, 1]` each.
    Traces(Arc<ViewedTrial>, Vec<(Pin, Traces)>),
    /// Errors and gradients.
    Gradients(Arc<ViewedTrial>, Gradients),
    /// The request failed.
    Failed(ViewError),
}

/// Handle of the worker thread, with its queues. Dropping it ends the thread.
#[derive(Debug)]
pub struct Worker {
    mail: Arc<Mail>,
}

#[derive(Debug, Default)]
struct Mail {
    boxes: Mutex<Boxes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Boxes {
    requests: VecDeque<Request>,
    answers: VecDeque<Answer>,
    is_working: bool,
    is_closed: bool,
}

impl Worker {
    /// Starts the thread. `wake` is called after each answer.
    pub fn start(registry: Arc<Registry>, wake: impl Fn() + Send + 'static) -> Self {
        let mail = Arc::new(Mail::default());
        let inbox = Arc::clone(&mail);
        thread::spawn(move || {
            let mut bench = Bench { registry, subject: None, trial: None, forward: None, backward: None };
            while let Some(request) = inbox.next() {
                let answer = bench.answer(request).unwrap_or_else(Answer::Failed);
                inbox.finish(answer);
                wake();
            }
        });
        Self { mail }
    }

    /// Sends a request, which replaces an earlier one of the same kind. A request for a new network cancels all earlier
    /// requests, and one for a new sample cancels those about the previous sample.
    pub fn ask(&self, request: Request) {
        let mut boxes = self.mail.lock();
        boxes.requests.retain(|earlier| match request {
            Request::Open { .. } => false,
            Request::Show(..) => matches!(earlier, Request::Open { .. }),
            _ => discriminant(earlier) != discriminant(&request),
        });
        boxes.requests.push_back(request);
        self.mail.changed.notify_all();
    }

    /// Takes the next answer, if there is one.
    pub fn answer(&self) -> Option<Answer> {
        self.mail.lock().answers.pop_front()
    }

    /// Whether there are unanswered requests.
    pub fn is_busy(&self) -> bool {
        self.mail.lock().is_busy()
    }

    /// Waits until all requests are answered.
    pub fn wait(&self) {
        let mut boxes = self.mail.lock();
        while boxes.is_busy() {
            boxes = self.mail.changed.wait(boxes).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.mail.lock().is_closed = true;
        self.mail.changed.notify_all();
    }
}

impl Boxes {
    fn is_busy(&self) -> bool {
        self.is_working || !self.requests.is_empty()
    }
}

impl Mail {
    fn lock(&self) -> MutexGuard<'_, Boxes> {
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next request; `None` once the handle is dropped.
    fn next(&self) -> Option<Request> {
        let mut boxes = self.lock();
        loop {
            if boxes.is_closed {
                return None;
            }
            if let Some(request) = boxes.requests.pop_front() {
                boxes.is_working = true;
                return Some(request);
            }
            boxes = self.changed.wait(boxes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self, answer: Answer) {
        let mut boxes = self.lock();
        boxes.is_working = false;
        boxes.answers.push_back(answer);
        self.changed.notify_all();
    }
}

/// State of the thread.
struct Bench {
    registry: Arc<Registry>,
    subject: Option<Arc<OpenNetwork>>,
    trial: Option<Arc<ViewedTrial>>,
    forward: Option<Box<dyn Session>>,
    backward: Option<Box<dyn Session>>,
}

impl Bench {
    fn answer(&mut self, request: Request) -> Result<Answer, ViewError> {
        if let Request::Open { path, data, steps } = request {
            let subject = OpenNetwork::open(&self.registry, path.as_deref(), data.as_deref(), steps)?;
            let plan = subject.built.input.plan(subject.steps(), 1).record();
            self.forward = Some(compile(&subject, plan)?);
            (self.backward, self.trial) = (None, None);
            return Ok(Answer::Opened(Arc::clone(self.subject.insert(Arc::new(subject)))));
        }
        let nothing = || ViewError::Data("no network is open".to_owned());
        let (subject, forward) = self.subject.as_ref().zip(self.forward.as_mut()).ok_or_else(nothing)?;
        if let Request::Show(picture, draw) = request {
            let trial = ViewedTrial::run(forward.as_mut(), subject, picture, draw)?;
            return Ok(Answer::Shown(Arc::clone(self.trial.insert(Arc::new(trial)))));
        }
        let trial = self.trial.as_ref().ok_or_else(|| ViewError::Data("nothing has been shown".to_owned()))?;
        let of = Arc::clone(trial);
        Ok(match request {
            Request::Membranes(population, steps) => {
                Answer::Membranes(of, Membranes::compute(subject, trial, population, steps)?)
            }
            Request::Traces(pins) => {
                let replay = trial.replay(subject)?;
                let trace = |pin: &Pin| Ok((*pin, replay.traces(pin.population, &[pin.neuron])?));
                Answer::Traces(of, pins.iter().map(trace).collect::<Result<_, snn_core::Error>>()?)
            }
            Request::Gradients(label, pins) => {
                let session = match &mut self.backward {
                    Some(session) => session,
                    none => {
                        none.insert(compile(subject, subject.built.input.plan(subject.steps(), 1).train().record())?)
                    }
                };
                Answer::Gradients(of, Gradients::compute(session.as_mut(), subject, trial, label, &pins)?)
            }
            Request::Open { .. } | Request::Show(..) => unreachable!("answered above"),
        })
    }
}

fn compile(subject: &OpenNetwork, plan: Plan) -> Result<Box<dyn Session>, ViewError> {
    let mut session = Cpu::new(0).compile(subject.network(), plan)?;
    session.load(&subject.weights)?;
    Ok(session)
}
