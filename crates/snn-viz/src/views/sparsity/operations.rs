//! Synaptic operations of each projection, effective and dense, on a logarithmic scale.

use egui::{Align2, Color32, FontId, Rect, ScrollArea, Sense, Ui, pos2, vec2};
use snn_train::activity::ProjectionActivity;
use snn_train::units::{count, percent};

use super::pair::ReportPair;
use crate::views::{explain, plots};
use crate::{App, Palette};

/// Smallest and largest height of a bar, including its gap.
const LINES: [f32; 2] = [14.0, 20.0];

/// A projection of one network or of both.
struct Entry<'a> {
    name: String,
    sides: Vec<Option<&'a ProjectionActivity>>,
}

/// The powers of ten at the ends of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decades {
    first: i32,
    last: i32,
}

impl Decades {
    /// The range that contains all nonzero `values`, with room below so that the bar of the smallest is visible.
    fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let above = values.filter(|value| *value > 0.0).map(f64::log10);
        let (least, most) = above.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if least > most {
            return Self { first: 0, last: 1 };
        }
        let first = (least - 0.3).floor() as i32;
        Self { first, last: (most.ceil() as i32).max(first + 1) }
    }

    /// Position of a value on the axis, from 0 to 1; 0 for all values below.
    fn place(self, value: f64) -> f32 {
        let place = (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) as f32 }
    }
}

pub(super) fn panel(app: &mut App, ui: &mut Ui, pair: &ReportPair) {
    let note = "an image, logarithmic; grey: dense";
    let save = plots::heading_with_save(ui, "Synaptic operations", note, explain::OPERATIONS);
    let entries = entries(pair);
    let all = entries.iter().flat_map(|entry| entry.sides.iter().flatten());
    let values = all.flat_map(|projection| [projection.operations.effective(), projection.operations.dense]);
    let decades = Decades::around(values);
    let top = ui.cursor().min;
    let height = ui.available_height() - 34.0;
    let lines = entries.iter().map(|entry| entry.sides.len()).sum::<usize>().max(1);
    let line = ((height - 8.0 * entries.len() as f32) / lines as f32).clamp(LINES[0], LINES[1]);
    let area = ScrollArea::vertical().id_salt("operations").max_height(height).auto_shrink([false, true]);
    area.show(ui, |ui| {
        for entry in &entries {
            bars(ui, pair, entry, decades, line);
        }
    });
    axis(ui, decades);
    if let Some(format) = save {
        let rect = Rect::from_min_max(top, pos2(ui.max_rect().right(), ui.cursor().min.y));
        let file = format!("{} operations", pair.own.subject.name);
        app.saving.exporter.save(format, &file, rect, || table(&entries));
    }
}

/// Projections of both networks, matched by their source and target.
fn entries(pair: &ReportPair) -> Vec<Entry<'_>> {
    let name = |projection: &ProjectionActivity| format!("{} to {}", projection.source, projection.target);
    let own = &pair.own.measured.report.projections;
    let other = pair.other.as_ref().map(|other| &other.measured.report.projections);
    let mut entries: Vec<Entry<'_>> = own
        .iter()
        .map(|projection| {
            let same = |other: &&ProjectionActivity| name(other) == name(projection) && other.map == projection.map;
            let second = other.map(|other| other.iter().find(same));
            Entry { name: name(projection), sides: std::iter::once(Some(projection)).chain(second).collect() }
        })
        .collect();
    for projection in other.into_iter().flatten() {
        let is_there = |entry: &Entry<'_>| entry.sides.iter().flatten().any(|side| std::ptr::eq(*side, projection));
        if !entries.iter().any(is_there) {
            entries.push(Entry { name: name(projection), sides: vec![None, Some(projection)] });
        }
    }
    entries
}

/// The part of a line that holds the bars.
fn room(rect: Rect) -> Rect {
    let left = rect.left() + (0.34 * rect.width()).min(150.0);
    Rect::from_min_max(pos2(left, rect.top()), pos2(rect.right() - 112.0, rect.bottom()))
}

fn bars(ui: &mut Ui, pair: &ReportPair, entry: &Entry<'_>, decades: Decades, height: f32) {
    let palette = Palette::of(ui.visuals());
    let size = vec2(ui.available_width(), height * entry.sides.len() as f32 + 5.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let (font, small) = (FontId::proportional(12.5), FontId::proportional(11.5));
    let text = ui.visuals().text_color();
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, &entry.name, font, text);
    let sides = pair.sides(palette);
    for (line, (side, (_, colour))) in entry.sides.iter().zip(&sides).enumerate() {
        let y = rect.top() + 2.5 + height * line as f32;
        let line = Rect::from_min_max(pos2(rect.left(), y + 1.5), pos2(rect.right(), y + height - 1.5));
        let Some(projection) = side else {
            ui.painter().text(line.right_center(), Align2::RIGHT_CENTER, "not there", small.clone(), palette.faint);
            continue;
        };
        let (effective, dense) = (projection.operations.effective(), projection.operations.dense);
        bar(ui, room(line), decades.place(dense), palette.faint.gamma_multiply(0.4));
        bar(ui, room(line), decades.place(effective), *colour);
        let colour = if sides.len() > 1 { *colour } else { text };
        let share = percent(effective / dense.max(1.0));
        let middle = line.right_center() - vec2(52.0, 0.0);
        ui.painter().text(middle, Align2::RIGHT_CENTER, count(effective), small.clone(), colour);
        ui.painter().text(line.right_center(), Align2::RIGHT_CENTER, share, small.clone(), colour);
    }
    let told = told(entry);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &told));
    response.on_hover_text(told);
}

fn bar(ui: &Ui, room: Rect, share: f32, colour: Color32) {
    ui.painter().rect_filled(Rect::from_min_size(room.min, vec2(room.width() * share, room.height())), 2.0, colour);
}

/// Describes a projection.
fn told(entry: &Entry<'_>) -> String {
    let side = |projection: &ProjectionActivity| {
        let operations = &projection.operations;
        let what = if projection.weighted { "synaptic operations" } else { "additions, not in the sums" };
        format!(
            "{}, {}: {} of {} dense {what}",
            entry.name,
            projection.map,
            count(operations.effective()),
            count(operations.dense)
        )
    };
    entry.sides.iter().flatten().map(|projection| side(projection)).collect::<Vec<_>>().join("\n")
}

fn axis(ui: &mut Ui, decades: Decades) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let (room, colour) = (room(rect), ui.visuals().weak_text_color());
    let painter = ui.painter();
    painter.hline(room.x_range(), room.top() + 1.0, (1.0, colour));
    let every = ((decades.last - decades.first) / 6 + 1).max(1);
    for power in (decades.first..=decades.last).filter(|power| (power - decades.first) % every == 0) {
        let x = room.left() + room.width() * decades.place(10_f64.powi(power));
        painter.vline(x, (room.top() + 1.0)..=(room.top() + 4.0), (1.0, colour));
        let label = short_count(power);
        painter.text(pos2(x, room.top() + 4.0), Align2::CENTER_TOP, label, FontId::proportional(10.5), colour);
    }
    let middle = pos2(room.center().x, room.top() + 16.0);
    let label = "operations an image, logarithmic";
    painter.text(middle, Align2::CENTER_TOP, label, FontId::proportional(11.0), colour);
}

/// Formats a power of ten: `1`, `100`, `10 k`, `1 M`.
fn short_count(power: i32) -> String {
    let (unit, letter) =
        [(12, "T"), (9, "G"), (6, "M"), (3, "k")].into_iter().find(|(unit, _)| power >= *unit).unwrap_or((0, ""));
    let number = plots::short(10_f64.powi(power - unit));
    if letter.is_empty() { number } else { format!("{number} {letter}") }
}

/// CSV: a line for each projection of each network. Networks are numbered, and the open one is 1.
fn table(entries: &[Entry<'_>]) -> String {
    let mut text = "projection,network,effective,dense\n".to_owned();
    for entry in entries {
        for (network, side) in entry.sides.iter().enumerate() {
            let Some(projection) = side else { continue };
            let (effective, dense) = (projection.operations.effective(), projection.operations.dense);
            text.extend([entry.name.clone(), format!(",{},{effective},{dense}\n", network + 1)]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_hold_all_values() {
        let decades = Decades::around([0.0, 150.0, 3e6].into_iter());
        assert_eq!(decades, Decades { first: 1, last: 7 });
        assert_eq!([0.0, 10.0, 1e4, 1e7].map(|value| decades.place(value)), [0.0, 0.0, 0.5, 1.0]);
        assert_eq!(Decades::around(std::iter::empty()), Decades { first: 0, last: 1 });
    }

    #[test]
    fn powers_are_written_with_their_unit() {
        assert_eq!([-1, 0, 2, 3, 5, 6, 13].map(short_count), ["0.1", "1", "100", "1 k", "100 k", "1 M", "10 T"]);
    }
}
