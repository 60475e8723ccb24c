//! Renders the activity report as an HTML page with plots.

mod curve;
mod operations;
mod spikes;
mod terms;

use super::ActivityReport;
use crate::page::document;
use crate::page::html::{card, each, escape, facts};
use crate::page::plots::CLASSES;
use crate::units::{count, joules, percent, points, significant};

/// A network on the page.
#[derive(Debug, Clone, Copy)]
pub struct PageNetwork<'a> {
    /// Name of the network.
    pub name: &'a str,
    /// Further facts to show, as label and text, such as `("data", "Mnist: 10,000 test images")`.
    pub facts: &'a [(&'a str, String)],
    /// The measured report.
    pub report: &'a ActivityReport,
}

/// Maximum number of networks on a page: one colour for each, with one reserved for the ANN.
pub const MOST_NETWORKS: usize = CLASSES.len() - 1;

/// Renders the page about `subject`, compared with `others`. At most [`MOST_NETWORKS`] networks are shown in all; the
/// rest are left out. The networks are compared at one target accuracy: the lowest of their best accuracies minus
/// `within`, a fraction such as 0.01.
pub fn page(subject: &PageNetwork<'_>, others: &[PageNetwork<'_>], within: f64) -> String {
    let PageNetwork { name, report, .. } = subject;
    let others = &others[..others.len().min(MOST_NETWORKS - 1)];
    let about = each(others, |other| {
        format!("<p class=\"other\">Compared with <b>{}</b></p>{}", escape(other.name), facts(other.facts))
    });
    let all: Vec<&PageNetwork<'_>> = [subject].into_iter().chain(others).collect();
    let body = [
        format!("<h1>Spike activity of {}</h1>", escape(name)),
        facts(subject.facts),
        about,
        cards(report, within),
        spikes::section(&all),
        operations::section(&all),
        curve::section(&all, within),
        terms::section(report),
    ];
    document(&format!("Spike activity of {name}"), &body.join("\n"))
}

fn cards(report: &ActivityReport, within: f64) -> String {
    let ActivityReport { operations, energy, .. } = report;
    let share = percent(operations.effective() / operations.dense.max(1.0));
    let mut cards = vec![
        card(
            "accuracy",
            &percent(report.accuracy),
            &format!("{} images, {} steps each", count(report.images as f64), report.steps),
        ),
        card(
            "spikes an inference",
            &count(report.spikes),
            &format!("{} of neurons and steps are silent", percent(report.activation_sparsity)),
        ),
        card(
            "synaptic operations",
            &count(operations.effective()),
            &format!("{share} of {} with all zeros", count(operations.dense)),
        ),
        card(
            "energy of these",
            &joules(energy.own),
            &format!("{} for an ANN of this shape{}", joules(energy.ann), times(energy.ratio())),
        ),
    ];
    if let Some(point) = report.reach(report.best_accuracy() - within).filter(|_| report.steps > 1) {
        let note = format!(
            "{} steps and {} of the spikes come within {} of the best accuracy",
            point.steps,
            percent(point.spikes / report.spikes.max(f64::MIN_POSITIVE)),
            points(within)
        );
        cards.push(card("early answer", &format!("step {}", point.steps), &note));
    }
    format!("<div class=\"cards\">{}</div>", cards.concat())
}

/// Legend of colour classes and network names; empty if there is only one network.
fn legend<'a>(all: &[&PageNetwork<'a>]) -> Vec<(&'static str, &'a str)> {
    if all.len() == 1 { Vec::new() } else { CLASSES.into_iter().zip(all.iter().map(|network| network.name)).collect() }
}

/// Formats a ratio, as in `, 4.7 times as much`; empty for `None`.
fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!(", {} times as much", significant(ratio)))
}
