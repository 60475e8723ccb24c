//! State of the sparsity tab: the activity of the open network, and of another one to compare with.

use std::path::PathBuf;
use std::sync::Arc;

use egui::Context;
use snn_core::registry::Registry;

use crate::{Measurement, NetworkMeasurement, OpenNetwork, ViewError};

/// Measurements of the open network and of the network it is compared with.
#[derive(Debug)]
pub(crate) struct Sparsity {
    registry: Arc<Registry>,
    context: Context,
    /// Measurement of the open network.
    pub(crate) own: MeasurementSlot,
    /// Measurement of the other network.
    pub(crate) other: MeasurementSlot,
    /// Path of the other network, as entered.
    pub(crate) path: String,
    /// The population that is open, if only the other network has it.
    pub(crate) only_other: Option<String>,
}

/// State of a measurement.
#[derive(Debug, Default)]
pub(crate) enum MeasurementSlot {
    /// Not requested.
    #[default]
    Empty,
    /// In progress.
    Running(Measurement),
    /// Done.
    Found(Arc<NetworkMeasurement>),
    /// Stopped by the user.
    Stopped,
    /// Failed, with the error message.
    Failed(String),
}

impl Sparsity {
    pub(crate) fn new(registry: Arc<Registry>, context: Context) -> Self {
        let path = String::new();
        Self { registry, context, own: MeasurementSlot::Empty, other: MeasurementSlot::Empty, path, only_other: None }
    }

    /// Discards the measurement of the open network, because another one was opened.
    pub(crate) fn forget(&mut self) {
        (self.own, self.only_other) = (MeasurementSlot::Empty, None);
    }

    /// Measures the open network on `images` test images; the other one too, if it was measured on a different number.
    pub(crate) fn measure(&mut self, subject: &Arc<OpenNetwork>, images: usize) {
        let own = Arc::clone(subject);
        self.own = self.start(move || Ok(own), images);
        if let Some(other) = self.other.found().map(|found| Arc::clone(&found.subject)) {
            self.other = self.start(move || Ok(other), images);
        }
    }

    /// Opens the network at the entered path, for the number of time steps it was trained on, and measures it.
    pub(crate) fn compare(&mut self, data: Option<PathBuf>, images: usize) {
        let (registry, path) = (Arc::clone(&self.registry), PathBuf::from(self.path.trim()));
        let open = move || OpenNetwork::open(&registry, Some(&path), data.as_deref(), None).map(Arc::new);
        self.other = self.start(open, images);
    }

    /// Shows the open network alone.
    pub(crate) fn stop_comparing(&mut self) {
        (self.other, self.only_other) = (MeasurementSlot::Empty, None);
    }

    /// Processes new results.
    pub(crate) fn tick(&mut self) {
        self.own.tick();
        self.other.tick();
    }

    /// Waits for all running measurements.
    pub(crate) fn wait(&mut self) {
        for slot in [&self.own, &self.other] {
            if let MeasurementSlot::Running(measurement) = slot {
                measurement.wait();
            }
        }
        self.tick();
    }

    fn start(
        &self,
        open: impl FnOnce() -> Result<Arc<OpenNetwork>, ViewError> + Send + 'static,
        images: usize,
    ) -> MeasurementSlot {
        let waker = self.context.clone();
        MeasurementSlot::Running(Measurement::start(open, images, move || waker.request_repaint()))
    }
}

impl MeasurementSlot {
    /// The measurement, if it is done.
    pub(crate) fn found(&self) -> Option<&Arc<NetworkMeasurement>> {
        match self {
            Self::Found(found) => Some(found),
            _ => None,
        }
    }

    fn tick(&mut self) {
        let Self::Running(measurement) = self else { return };
        if measurement.is_over() {
            *self = match measurement.take() {
                Some(Ok(found)) => Self::Found(Arc::new(found)),
                Some(Err(error)) => Self::Failed(error.to_string()),
                None => Self::Stopped,
            };
        }
    }
}

/// A population by name, with its index in the reports of two networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportRow {
    pub(crate) name: String,
    pub(crate) own: Option<usize>,
    pub(crate) other: Option<usize>,
}

/// Merges two lists of names: equal names become one row. Rows are in the order of the first list, followed by names
/// that only the second has.
pub(crate) fn matched<'a>(own: &[&'a str], other: &[&'a str]) -> Vec<ReportRow> {
    let place = |list: &[&str], name: &str| list.iter().position(|other| *other == name);
    let first = own.iter().enumerate().map(|(at, name)| ReportRow {
        name: (*name).to_owned(),
        own: Some(at),
        other: place(other, name),
    });
    let rest = other.iter().enumerate().filter(|(_, name)| place(own, name).is_none());
    first.chain(rest.map(|(at, name)| ReportRow { name: (*name).to_owned(), own: None, other: Some(at) })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn populations_are_matched_by_name() {
        let rows = matched(&["input", "conv1", "fc"], &["input", "fc", "fc2"]);
        let places: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.own, row.other)).collect();
        let expected =
            [("input", Some(0), Some(0)), ("conv1", Some(1), None), ("fc", Some(2), Some(1)), ("fc2", None, Some(2))];
        assert_eq!(places, expected);
        assert_eq!(matched(&["a"], &[]), [ReportRow { name: "a".to_owned(), own: Some(0), other: None }]);
    }
}
