//! A table of the populations. A click opens one.

use egui::{Align2, Color32, FontId, Pos2, Rect, Sense, Ui, pos2, vec2};
use snn_train::activity::PopulationActivity;
use snn_train::units::{count, percent, thousands};

use super::pair::ReportPair;
use crate::export::csv;
use crate::sparsity::ReportRow;
use crate::views::{explain, plots};
use crate::{App, OpenNetwork, Palette};

/// Height of a line, and of each half if there are two networks.
const LINE: f32 = 20.0;
const HALF: f32 = 16.0;

/// The columns after the name: title, width and explanation.
const COLUMNS: [(&str, f32, &str); 6] = [
    ("shape", 84.0, "Channels, rows and columns"),
    ("neurons", 70.0, "Number of neurons"),
    ("spikes", 78.0, explain::SPIKES_AN_IMAGE),
    ("rate", 156.0, explain::MEAN_RATE),
    ("silent", 66.0, explain::SILENT),
    ("saturated", 78.0, explain::SATURATED),
];

/// Index of the column with the bar.
const RATE: usize = 3;

pub(super) fn show(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, pair: &ReportPair) {
    let palette = Palette::of(ui.visuals());
    let note = "spikes are means an image";
    let save = plots::heading_with_save(ui, "Populations", note, explain::POPULATIONS);
    let top = ui.cursor().min;
    head(ui);
    let rows = pair.rows();
    let most = rows.iter().flat_map(|row| pair.populations(row)).flatten().map(|population| population.rate);
    let most = most.fold(f64::MIN_POSITIVE, f64::max);
    for row in &rows {
        let populations = pair.populations(row);
        let is_open = is_open(app, subject, row);
        let line_height = if populations.len() > 1 { HALF } else { LINE };
        let size = vec2(ui.available_width(), line_height * populations.len() as f32 + 2.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let name = spoken(row, &populations);
        response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_open, &name));
        if is_open {
            ui.painter().rect_filled(rect, 3.0, ui.visuals().selection.bg_fill.gamma_multiply(0.35));
        } else if response.hovered() {
            ui.painter().rect_filled(rect, 3.0, ui.visuals().faint_bg_color);
        }
        let sides = pair.sides(palette);
        let strong = ui.visuals().strong_text_color();
        let middle = pos2(rect.left() + 6.0, rect.center().y);
        ui.painter().text(middle, Align2::LEFT_CENTER, &row.name, FontId::proportional(13.0), strong);
        for (line, (population, (_, colour))) in populations.iter().zip(&sides).enumerate() {
            let text_colour = if sides.len() > 1 { *colour } else { ui.visuals().text_color() };
            let y = rect.top() + 1.0 + line_height * (line as f32 + 0.5);
            match population {
                Some(population) => numbers(ui, rect, y, population, most, (text_colour, *colour)),
                None => absent(ui, rect, y, palette.faint),
            }
        }
        if response.clicked() {
            open(app, subject, row);
        }
    }
    let rect = Rect::from_min_max(top, pos2(ui.max_rect().right(), ui.cursor().min.y));
    if let Some(format) = save {
        let file = format!("{} populations", subject.name);
        app.saving.exporter.save(format, &file, rect, || table(pair, &rows));
    }
}

/// Whether the row's population is the open one, whose neurons are shown.
pub(super) fn is_open(app: &App, subject: &OpenNetwork, row: &ReportRow) -> bool {
    match &app.sparsity.only_other {
        Some(name) => row.own.is_none() && row.name == *name,
        None => row.own.is_some() && place(subject, row) == app.inspect.selected,
    }
}

/// Index of a row's population in the open network; `None` for the input.
pub(super) fn place(subject: &OpenNetwork, row: &ReportRow) -> Option<usize> {
    row.own.filter(|&at| at > 0)?;
    subject.network().populations().iter().position(|population| population.name == row.name)
}

fn open(app: &mut App, subject: &OpenNetwork, row: &ReportRow) {
    app.sparsity.only_other = row.own.is_none().then(|| row.name.clone());
    if row.own.is_some() {
        app.select(place(subject, row));
    }
}

fn head(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::hover());
    let colour = ui.visuals().weak_text_color();
    let font = FontId::proportional(11.5);
    ui.painter().text(pos2(rect.left() + 6.0, rect.center().y), Align2::LEFT_CENTER, "name", font.clone(), colour);
    for (index, (title, width, explanation)) in COLUMNS.iter().enumerate() {
        let at = end(rect, index, rect.center().y);
        ui.painter().text(at, Align2::RIGHT_CENTER, title, font.clone(), colour);
        let cell = Rect::from_min_max(pos2(at.x - width + 10.0, rect.top()), pos2(at.x, rect.bottom()));
        ui.interact(cell, ui.scope_id().with(title), Sense::hover()).on_hover_text(*explanation);
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
}

/// Position of the right end of a column.
fn end(rect: Rect, column: usize, y: f32) -> Pos2 {
    let after: f32 = COLUMNS[column + 1..].iter().map(|(_, width, _)| width).sum();
    pos2(rect.right() - 6.0 - after, y)
}

fn numbers(ui: &Ui, rect: Rect, y: f32, population: &PopulationActivity, most: f64, (text, bar): (Color32, Color32)) {
    let spikes = if population.graded { "numbers".to_owned() } else { count(population.spikes) };
    let cells = [
        population.shape.to_string(),
        thousands(population.neurons()),
        spikes,
        percent(population.rate),
        thousands(population.silent),
        thousands(population.saturated),
    ];
    for (column, cell) in cells.iter().enumerate() {
        ui.painter().text(end(rect, column, y), Align2::RIGHT_CENTER, cell, FontId::proportional(13.0), text);
    }
    let right = end(rect, RATE, y).x - 56.0;
    let room = Rect::from_min_max(pos2(end(rect, RATE - 1, y).x + 16.0, y - 4.0), pos2(right, y + 4.0));
    ui.painter().rect_filled(room, 2.0, Palette::of(ui.visuals()).ground);
    let width = room.width() * (population.rate / most) as f32;
    ui.painter().rect_filled(Rect::from_min_size(room.min, vec2(width, room.height())), 2.0, bar);
}

/// Draws a line for a network that lacks the population.
fn absent(ui: &Ui, rect: Rect, y: f32, colour: Color32) {
    let font = FontId::proportional(12.0);
    ui.painter().text(end(rect, 0, y), Align2::RIGHT_CENTER, "not there", font, colour);
}

/// Text of a row for screen readers.
fn spoken(row: &ReportRow, populations: &[Option<&PopulationActivity>]) -> String {
    let side = |population: Option<&PopulationActivity>| match population {
        Some(population) => format!(
            "{} spikes an image, rate {}, {} of {} neurons silent, {} saturated",
            count(population.spikes),
            percent(population.rate),
            thousands(population.silent),
            thousands(population.neurons()),
            thousands(population.saturated)
        ),
        None => "not there".to_owned(),
    };
    format!("{}: {}", row.name, populations.iter().copied().map(side).collect::<Vec<_>>().join("; the other: "))
}

/// CSV: a line for each population of each network. Networks are numbered, and the open one is 1.
fn table(pair: &ReportPair, rows: &[ReportRow]) -> String {
    let head = ["name", "network", "neurons", "spikes", "rate", "silent", "saturated"];
    let mut text = csv(head, []);
    for row in rows {
        for (network, population) in pair.populations(row).into_iter().enumerate() {
            let Some(population) = population else { continue };
            let PopulationActivity { spikes, rate, silent, saturated, .. } = population;
            let neurons = population.neurons();
            let line = format!(",{},{neurons},{spikes},{rate},{silent},{saturated}\n", network + 1);
            text.extend([row.name.clone(), line]);
        }
    }
    text
}
