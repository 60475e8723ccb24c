//! Class scores: bars at the current time step, and lines over time.

use egui::{Align2, FontId, Rect, RichText, Sense, Ui, vec2};
use egui_plot::{Line, PlotPoint, PlotPoints, Text};

use super::{explain, plots};
use crate::export::csv;
use crate::{App, OpenNetwork, Palette, ViewedTrial};

/// Draws a bar for each class, and the answer.
pub(super) fn bars(app: &App, ui: &mut Ui, subject: &OpenNetwork, trial: &ViewedTrial) {
    let t = app.inspect.player.t();
    let (answer, palette) = (trial.answer(t), Palette::of(ui.visuals()));
    ui.horizontal(|ui| {
        plots::heading(ui, "Answer", explain::SCORES);
        if !trial.has_answer(t) {
            ui.label(RichText::new("none yet").weak());
            return;
        }
        ui.label(RichText::new(subject.class_name(answer)).strong().color(palette.membrane));
        match trial.label {
            Some(label) if label == answer => ui.label(RichText::new("right").color(palette.right)),
            Some(label) => {
                let text = format!("wrong: {}", subject.class_name(label));
                ui.label(RichText::new(text).color(palette.wrong))
            }
            None => ui.label(""),
        };
    });
    let scores = &trial.scores[t];
    let most = trial.scores.iter().flatten().fold(f64::MIN_POSITIVE, |most, score| most.max(*score));
    let named = scores.iter().enumerate().map(|(class, score)| (subject.class_name(class), *score, class));
    let height = (216.0 / scores.len().max(1) as f32).clamp(3.0, 21.0);
    for (name, score, class) in named {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let font = FontId::proportional((height - 5.0).clamp(6.0, 12.5));
        let name_width = if name.chars().count() > 2 { 68.0 } else { 18.0 };
        let colour = if class == answer && trial.has_answer(t) { palette.membrane } else { palette.faint };
        let text_colour = if class == answer && trial.has_answer(t) {
            ui.visuals().strong_text_color()
        } else {
            ui.visuals().text_color()
        };
        let is_true = trial.label == Some(class);
        let name = if is_true { format!("{name}*") } else { name };
        ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, &name, font.clone(), text_colour);
        let room = Rect::from_min_max(rect.min + vec2(name_width, 2.0), rect.max - vec2(46.0, 2.0));
        let share = (score / most).clamp(0.0, 1.0) as f32;
        ui.painter().rect_filled(room, 2.0, palette.ground);
        ui.painter().rect_filled(Rect::from_min_size(room.min, vec2(room.width() * share, room.height())), 2.0, colour);
        ui.painter().text(rect.right_center(), Align2::RIGHT_CENTER, format!("{score:.3}"), font, text_colour);
        response.on_hover_text(format!("{name}: score {score:.4}{}", if is_true { ", the right class" } else { "" }));
    }
}

/// Plots all scores over time.
pub(super) fn plot(app: &mut App, ui: &mut Ui) {
    let Some((subject, trial)) = app.subject.clone().zip(app.shown.trial.clone()) else { return };
    let palette = Palette::of(ui.visuals());
    let equation = subject.built.score.equation();
    let explanation = format!("{}\nscore = {equation}", explain::SCORES);
    let save = plots::heading_with_save(ui, "Scores", &equation, &explanation);
    let (answer, has_answer) = (trial.answer(app.inspect.player.t()), trial.has_answer(app.inspect.player.t()));
    let series = |class: usize| trial.scores.iter().enumerate().map(move |(t, row)| [t as f64 + 0.5, row[class]]);
    let classes = 0..subject.network().classes();
    let lines: Vec<(usize, String, Vec<[f64; 2]>)> =
        classes.map(|class| (class, subject.class_name(class), series(class).collect())).collect();
    let text_colour = ui.visuals().strong_text_color();
    let height = (0.42 * ui.available_height()).max(110.0);
    let plot = plots::over_time(app, ui, "scores plot", height, plots::Upright::of("score"), move |plot| {
        for (class, name, points) in lines {
            let is_best = class == answer && has_answer;
            let (colour, width) =
                if is_best { (palette.membrane, 2.5) } else { (palette.faint.gamma_multiply(0.7), 1.0) };
            let end = points.last().map(|[x, y]| [0.98 * x, *y]).unwrap_or_default();
            plot.line(Line::new(name.clone(), PlotPoints::from(points)).color(colour).width(width));
            if is_best {
                let label = RichText::new(name).strong().color(text_colour);
                plot.text(Text::new("", PlotPoint::from(end), label).anchor(Align2::RIGHT_BOTTOM).allow_hover(false));
            }
        }
    });
    if let Some(format) = save {
        let names: Vec<String> = (0..subject.network().classes()).map(|class| subject.class_name(class)).collect();
        let head = std::iter::once("time_step").chain(names.iter().map(String::as_str));
        let rows = trial.scores.iter().enumerate();
        let rows = rows.map(|(t, row)| std::iter::once(t as f64).chain(row.iter().copied()).collect());
        let file = app.file_name("scores");
        app.saving.exporter.save(format, &file, plots::with_axes(ui, plot.response.rect), || csv(head, rows));
    }
}
