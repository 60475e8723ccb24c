//! Measures the activity of a network in a separate thread, because it may take long.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use snn_cpu::Cpu;
use snn_train::Event;
use snn_train::activity::{MeasuredActivity, measure};

use crate::{OpenNetwork, ViewError};

/// Maximum batch size. Progress is reported, and a stop is possible, after each batch.
const BATCH: usize = 20;

/// A network with its measured activity.
#[derive(Debug)]
pub struct NetworkMeasurement {
    /// The measured network.
    pub subject: Arc<OpenNetwork>,
    /// The activity report, and the spike count of each neuron.
    pub measured: MeasuredActivity,
}

/// A measurement in progress. Dropping it stops the measurement.
#[derive(Debug)]
pub struct Measurement {
    desk: Arc<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    state: Mutex<MeasurementState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct MeasurementState {
    done: usize,
    images: usize,
    is_stopped: bool,
    is_over: bool,
    result: Option<Result<NetworkMeasurement, ViewError>>,
}

impl Measurement {
    /// Starts measuring the network that `open` returns on the first `images` of its test samples, or on all if there
    /// are fewer. `wake` is called whenever there is news.
    pub fn start(
        open: impl FnOnce() -> Result<Arc<OpenNetwork>, ViewError> + Send + 'static,
        images: usize,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let desk = Arc::new(Desk::default());
        let own = Arc::clone(&desk);
        thread::spawn(move || {
            let result = open().and_then(|subject| own.measure(&subject, images, &wake));
            let mut state = own.lock();
            (state.result, state.is_over) = (result.transpose(), true);
            drop(state);
            own.changed.notify_all();
            wake();
        });
        Self { desk }
    }

    /// Number of images done, and in total; 0 of 0 until the network is open.
    pub fn progress(&self) -> (usize, usize) {
        let state = self.desk.lock();
        (state.done, state.images)
    }

    /// Whether the measurement has ended, by itself or by being stopped.
    pub fn is_over(&self) -> bool {
        self.desk.lock().is_over
    }

    /// Takes the result, once. `None` before the end, and if it was stopped.
    pub fn take(&self) -> Option<Result<NetworkMeasurement, ViewError>> {
        self.desk.lock().result.take()
    }

    /// Stops after the current batch of images, without a result.
    pub fn stop(&self) {
        self.desk.lock().is_stopped = true;
    }

    /// Waits until the measurement has ended.
    pub fn wait(&self) {
        let mut state = self.desk.lock();
        while !state.is_over {
            state = self.desk.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, MeasurementState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the measurement. Returns `None` if it was stopped.
    fn measure(
        &self,
        subject: &Arc<OpenNetwork>,
        images: usize,
        wake: &dyn Fn(),
    ) -> Result<Option<NetworkMeasurement>, ViewError> {
        let samples = subject.samples.as_ref().map_err(|why| ViewError::Data(why.clone()))?;
        let images = images.clamp(1, samples.len().max(1));
        self.lock().images = images;
        let mut built = subject.built.clone();
        built.experiment.training.batch = built.experiment.training.batch.min(BATCH);
        let mut observe = |event: &Event| {
            let mut state = self.lock();
            if let Event::Evaluating { done, .. } = event {
                state.done = *done;
            }
            wake();
            if state.is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let chosen: Vec<u32> = (0..images as u32).collect();
        let found = measure(&Cpu::new(0), &built, &subject.weights, samples, &chosen, &mut observe)?;
        Ok(found.map(|measured| NetworkMeasurement { subject: Arc::clone(subject), measured }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Result<Arc<OpenNetwork>, ViewError> {
        let registry = crate::registry().map_err(|error| ViewError::Data(error.to_string()))?;
        OpenNetwork::open(&registry, None, None, Some(3)).map(Arc::new)
    }

    #[test]
    fn it_counts_images_and_finds_each_neuron_once() {
        let measurement = Measurement::start(shipped, 25, || {});
        measurement.wait();
        assert!(measurement.is_over());
        assert_eq!(measurement.progress(), (25, 25));
        let found = measurement.take().unwrap().unwrap();
        assert_eq!((found.measured.report.images, found.measured.report.steps), (25, 3));
        let neurons = found.measured.neurons.iter().map(Vec::len);
        let shapes = found.measured.report.populations.iter().map(|population| population.shape.len());
        assert!(neurons.eq(shapes));
        assert!(measurement.take().is_none(), "it is given once");
    }

    #[test]
    fn a_stopped_one_finds_nothing() {
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().unwrap();
        let waits = Arc::clone(&gate);
        let open = move || {
            drop(waits.lock());
            shipped()
        };
        let measurement = Measurement::start(open, 60, || {});
        measurement.stop();
        drop(closed);
        measurement.wait();
        assert_eq!(measurement.progress(), (BATCH, 60));
        assert!(measurement.take().is_none());
    }

    #[test]
    fn what_cannot_be_opened_is_told() {
        let nowhere = std::path::PathBuf::from("nowhere.safetensors");
        let measurement = Measurement::start(move || Err(ViewError::Missing(nowhere)), 5, || {});
        measurement.wait();
        let message = measurement.take().unwrap().unwrap_err().to_string();
        assert!(message.starts_with("nowhere.safetensors: there is no such file"), "{message}");
    }
}
