//! All computation, away from the thread that draws: requests go in, answers come out.
//!
//! Only the latest request of a kind counts: who scrubs through images is not kept waiting for those that were passed.

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

/// Something to compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Open a network.
    Open {
        /// Checkpoint or run folder; none for the network that is shipped.
        path: Option<PathBuf>,
        /// Folder of the data set; none for where it is usually found.
        data: Option<PathBuf>,
        /// Time steps; none for as many as it was trained on.
        steps: Option<usize>,
    },
    /// Show it a picture, with one of the random input trains.
    Show(ShownSample, u32),
    /// Membranes of a population over some steps of the present trial.
    Membranes(usize, Range<usize>),
    /// What pinned neurons did in the present trial.
    Traces(Vec<Pin>),
    /// A backward pass through the present trial, as if a class were right; errors of pinned neurons.
    Gradients(usize, Vec<Pin>),
}

/// What was computed; the trial, where there is one, tells what it is of.
#[derive(Debug)]
pub enum Answer {
    /// A network is open.
    Opened(Arc<OpenNetwork>),
    /// A picture was shown.
    Shown(Arc<ViewedTrial>),
    /// Membranes of a population.
    Membranes(Arc<ViewedTrial>, Membranes),
    /// Traces of pinned neurons, `[T, 1]` each.
    Traces(Arc<ViewedTrial>, Vec<(Pin, Traces)>),
    /// Errors and gradients.
    Gradients(Arc<ViewedTrial>, Gradients),
    /// It could not be done.
    Failed(ViewError),
}

/// The thread that computes, and its mail. The thread ends with this value.
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

    /// Asks for something, in place of what was asked for before of the same kind. A new network makes all earlier requests
    /// void, a new picture those about the last one.
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

    /// The next answer that has come.
    pub fn answer(&self) -> Option<Answer> {
        self.mail.lock().answers.pop_front()
    }

    /// Whether there is something that was asked for and is not answered yet.
    pub fn is_busy(&self) -> bool {
        self.mail.lock().is_busy()
    }

    /// Waits until everything is answered that was asked for.
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

    /// The next request, once there is one; none if nobody will ask any more.
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

/// What the thread works on.
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
