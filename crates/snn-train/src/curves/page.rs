//! Renders the learning curves as one HTML page.

use std::iter::once;

use super::{Curves, Epoch};
use crate::page::document;
use crate::page::html::{self, Cell, card, escape, facts, figure, table};
use crate::page::plots::{CLASSES, HeatMap, Line, Lines, accuracy_floor};
use crate::units::{count, duration, percent, significant};

/// Renders the page about the run `name`. `about` holds further facts to show, such as `("engine", "cpu, 2 threads")`.
pub fn page(name: &str, about: &[(&str, String)], curves: &Curves) -> String {
    let body = [
        format!("<h1>Learning of {}</h1>", escape(name)),
        facts(about),
        cards(curves),
        warnings(curves),
        learning(curves),
        activity(curves),
    ];
    document(&format!("Learning of {name}"), &body.join("\n"))
}

fn cards(curves: &Curves) -> String {
    let done = curves.epochs.len();
    let result = match &curves.finished {
        Some(finished) => card(
            "test accuracy",
            &percent(finished.test.accuracy),
            &format!("{} images, weights of epoch {}", count(finished.test.images as f64), finished.best_epoch),
        ),
        None => card("epochs", &format!("{done} of {}", curves.planned), "not finished yet, so not tested"),
    };
    let mut cards = vec![result];
    if let Some((best, accuracy)) = curves.best().and_then(|best| Some((best, best.validation_accuracy?))) {
        cards.push(card(
            "best validation",
            &percent(accuracy),
            &format!("after epoch {} of {}", best.epoch, curves.planned),
        ));
    }
    if let Some(last) = curves.epochs.last() {
        let seconds: f64 = curves.epochs.iter().map(|epoch| epoch.seconds).sum();
        let speed = (done * curves.images) as f64 / seconds.max(f64::MIN_POSITIVE);
        let plural = if curves.epochs.len() == 1 { "" } else { "s" };
        let note = format!("{done} epoch{plural} of {} images", count(curves.images as f64));
        cards.push(card("training accuracy", &percent(last.accuracy), &format!("over epoch {}", last.epoch)));
        cards.push(card("time", &duration(seconds), &format!("{note}, {} a second", significant(speed))));
        cards.push(card("spikes an image", &count(last.spikes), "of all populations, in the last epoch"));
    }
    format!("<div class=\"cards\">{}</div>", cards.concat())
}

fn warnings(curves: &Curves) -> String {
    html::each(&curves.warnings, |warning| format!("<p class=\"warning\">{}</p>", escape(warning)))
}

fn learning(curves: &Curves) -> String {
    let best = curves.best().map(|best| best.epoch);
    let training = |value: &dyn Fn(&super::Stretch) -> f64| Line {
        colour: 0,
        points: curves.stretches.iter().map(|stretch| (stretch.end, value(stretch))).collect(),
        marked: None,
    };
    let validation = |value: &dyn Fn(&Epoch) -> Option<f64>| {
        let at = |epoch: &Epoch| Some((epoch.epoch as f64, value(epoch)?));
        Line {
            colour: 1,
            points: curves.epochs.iter().filter_map(at).collect(),
            marked: curves.epochs.iter().find(|epoch| Some(epoch.epoch) == best).and_then(at),
        }
    };
    let accuracy = Lines {
        axes: ["epochs", "accuracy"],
        series: vec![training(&|stretch| stretch.accuracy), validation(&|epoch| epoch.validation_accuracy)],
        formats: [&significant, &|share| format!("{:.0} %", 100.0 * share)],
        span: accuracy_floor(once(curves.best().and_then(|best| best.validation_accuracy).unwrap_or(0.0)))..1.0,
        level: None,
    };
    let losses = Lines {
        axes: ["epochs", "loss an image"],
        series: vec![training(&|stretch| stretch.loss), validation(&|epoch| epoch.validation_loss)],
        formats: [&significant, &significant],
        span: 0.0..0.0,
        level: None,
    };
    let mut legend = vec![(CLASSES[0], "training")];
    if best.is_some() {
        legend.push((CLASSES[1], "validation"));
    }
    let figures = [figure("Accuracy", &legend, &accuracy.svg()), figure("Loss", &legend, &losses.svg())];
    let loss = |value: f64| format!("{value:.4}");
    let optional = |value: Option<f64>, format: fn(f64) -> String| Cell::number(value.map_or("-".to_owned(), format));
    let row = |epoch: &Epoch| {
        let class = if Some(epoch.epoch) == best { "best" } else { "" };
        let cells = vec![
            Cell::number(epoch.epoch.to_string()),
            Cell::number(percent(epoch.accuracy)),
            Cell::number(loss(epoch.loss)),
            optional(epoch.validation_accuracy, percent),
            optional(epoch.validation_loss, loss),
            Cell::number(count(epoch.spikes)),
            Cell::number(duration(epoch.seconds)),
        ];
        (class, cells)
    };
    let head = ["epoch", "training", "loss", "validation", "loss", "spikes an image", "time"];
    let introduction = "Training: means over updates in a row, with dropout and augmentation, before each update. \
                        Validation: held-out images after each epoch, which choose the best weights; the dot marks them.";
    html::section("Accuracy and loss", introduction, &figures, &table(&head, curves.epochs.iter().map(row)))
}

fn activity(curves: &Curves) -> String {
    let rates = HeatMap {
        axis: "epochs",
        end: curves.stretches.last().map_or(0.0, |stretch| stretch.end),
        rows: (curves.populations.iter().enumerate())
            .map(|(index, name)| {
                (
                    name.clone(),
                    curves
                        .stretches
                        .iter()
                        .map(|stretch| stretch.rates.get(index).copied().unwrap_or(f64::NAN))
                        .collect(),
                )
            })
            .collect(),
        formats: [&significant, &percent],
    };
    let gradient = Lines {
        axes: ["epochs", "norm of the gradient"],
        series: vec![Line {
            colour: 0,
            points: curves.stretches.iter().map(|stretch| (stretch.end, stretch.gradient)).collect(),
            marked: None,
        }],
        formats: [&significant, &significant],
        span: 0.0..0.0,
        level: None,
    };
    let figures =
        [figure("Firing rate by population", &[], &rates.svg()), figure("Gradient of a batch", &[], &gradient.svg())];
    let introduction = "Left: the further a population stands out from the page, the more it fires (spikes per neuron and \
                        time step; at the right, the rate now). One that fades to nothing passes no error on. Right: before clipping.";
    html::section("Activity and gradient", introduction, &figures, "")
}
