//! Page section: definitions of the figures, with their sources.

use crate::activity::{ActivityReport, SATURATED};
use crate::units::{count, percent};

pub(super) fn section(report: &ActivityReport) -> String {
    let table = report.energy.table;
    let values = [
        ("{steps}", report.steps.to_string()),
        ("{images}", count(report.images as f64)),
        ("{saturated}", percent(SATURATED)),
        ("{ac}", table.ac.to_string()),
        ("{mac}", table.mac.to_string()),
        ("{neuron_updates}", count(report.neuron_updates as f64)),
        ("{additions}", count(report.unweighted_additions)),
    ];
    let text = include_str!("terms.html").to_owned();
    values.iter().fold(text, |text, (name, value)| text.replace(name, value))
}
