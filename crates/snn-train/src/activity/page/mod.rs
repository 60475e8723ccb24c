//! The report as one page of HTML with plots: no script, and nothing from elsewhere.

mod curve;
mod html;
mod operations;
mod plots;
mod spikes;
mod terms;
mod units;

use html::{card, escape, facts};
use units::{count, percent};

pub use units::joules;

use super::ActivityReport;

/// A network on the page.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What else is to be said of it, such as `("data", "Mnist: 10,000 test images")`.
    pub facts: &'a [(&'a str, String)],
    /// What was measured.
    pub report: &'a ActivityReport,
}

/// The page about `subject`, and how it compares with `other`. Both are held to their best accuracy less `within`, a share
/// such as 0.01.
pub fn page(subject: &Subject<'_>, other: Option<&Subject<'_>>, within: f64) -> String {
    let Subject { name, report, .. } = subject;
    let about = other.map_or_else(String::new, |other| {
        format!("<p class=\"other\">Compared with <b>{}</b></p>{}", escape(other.name), facts(other.facts))
    });
    let body = [
        format!("<h1>Spike activity of {}</h1>", escape(name)),
        facts(subject.facts),
        about,
        cards(report, within),
        spikes::section(subject, other),
        operations::section(subject, other),
        curve::section(subject, other, within),
        terms::section(report),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>Spike activity of {}</title>\n<style>\n{}</style>\n\
         </head>\n<body>\n{}\n</body>\n</html>\n",
        escape(name),
        include_str!("page.css"),
        body.join("\n")
    )
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
            &joules(energy.snn),
            &format!("{} for an ANN of this shape, {} as much", joules(energy.ann), times(energy.ann / energy.snn)),
        ),
    ];
    if let Some(point) = report.reach(report.best_accuracy() - within).filter(|_| report.steps > 1) {
        let note = format!(
            "{} steps and {} of the spikes come within {} points of the best accuracy",
            point.steps,
            percent(point.spikes / report.spikes.max(f64::MIN_POSITIVE)),
            points(within)
        );
        cards.push(card("early answer", &format!("step {}", point.steps), &note));
    }
    format!("<div class=\"cards\">{}</div>", cards.concat())
}

/// `1.0`, of a share of 0.01.
fn points(within: f64) -> String {
    format!("{:.1}", 100.0 * within)
}

/// `4.7 times`.
fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.*} times", usize::from(ratio < 99.5)) } else { "infinitely".to_owned() }
}
