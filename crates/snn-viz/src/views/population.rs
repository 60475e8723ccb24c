//! Large view of the open population: membranes, spikes or counts of all its neurons.

use egui::{Align, Button, Color32, Layout, Rect, RichText, Sense, Stroke, StrokeKind, Ui, vec2};
use snn_core::{Shape, SpikeTrain};

use super::{explain, icons, map, plots};
use crate::MapKind;
use crate::export::{Format, csv};
use crate::mosaic::{Mosaic, fit};
use crate::{App, Membranes, OpenNetwork, Palette, Pin, ViewedTrial};

/// Colours of pinned neurons, in the order of the pins.
pub(super) fn pin_colours(palette: Palette) -> [Color32; crate::MOST_PINS] {
    [palette.membrane, palette.other, palette.right, palette.fourth]
}

pub(super) fn panel(app: &mut App, ui: &mut Ui) {
    let Some((subject, trial)) = app.subject.clone().zip(app.shown.trial.clone()) else {
        ui.centered_and_justified(|ui| ui.label(if app.worker.is_busy() { "opening" } else { "nothing is open" }));
        return;
    };
    let (name, shape) = describe(&subject, app.inspect.selected);
    let save = header(app, ui, &subject);
    let height = (0.5 * ui.available_height()).max(120.0);
    let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let mosaic = Mosaic::new(shape, room.width() / room.height());
    let rect = fit(room, mosaic.size());
    let t = app.inspect.player.t();
    let palette = Palette::of(ui.visuals());
    let train = train(app.inspect.selected, &trial);
    let membranes = app.inspect.membranes.clone();
    let Some(values) = values(app, &subject, &trial, membranes.as_deref(), t) else {
        ui.painter().text(
            room.center(),
            egui::Align2::CENTER_CENTER,
            "computing the membranes",
            egui::FontId::default(),
            palette.faint,
        );
        return;
    };
    let between = ui.visuals().panel_fill;
    let what = (app.shown.version, app.inspect.selected, t, app.settings.map.name(), between, mosaic.size());
    let texture = app
        .textures
        .get(ui.ctx(), "the population", what, || mosaic.paint(between, |neuron| values.colour(neuron, palette)));
    ui.painter().image(texture, rect, map::WHOLE, Color32::WHITE);
    for (pin, colour) in app.inspect.pins.iter().zip(pin_colours(palette)) {
        if Some(pin.population) == app.inspect.selected {
            let around = mosaic.rect_of(rect, pin.neuron).expand(2.0);
            ui.painter().rect_stroke(around, 1.0, Stroke::new(2.0, colour), StrokeKind::Outside);
        }
    }
    interact(app, ui, rect, mosaic, (&name, shape), train, &values);
    legend(ui, &values, palette);
    if let Some(format) = save {
        let file = app.file_name(&format!("{name} {} step {t}", app.settings.map.name()));
        app.saving.exporter.save(format, &file, rect, || table(&values, shape));
    }
}

/// Name and shape of a population, or of the input.
pub(super) fn describe(subject: &OpenNetwork, population: Option<usize>) -> (String, Shape) {
    match population {
        None => ("input".to_owned(), subject.network().input()),
        Some(index) => {
            let population = &subject.network().populations()[index];
            (population.name.clone(), population.shape)
        }
    }
}

/// Draws name, shape and neuron of a population, with the neuron's equations on hover.
pub(super) fn title(ui: &mut Ui, subject: &OpenNetwork, population: Option<usize>) {
    let (name, shape) = describe(subject, population);
    ui.label(RichText::new(name).heading());
    let neuron = population.map(|index| &subject.network().populations()[index].neuron);
    let kind = neuron.map_or("", |neuron| neuron.name());
    let text = ui.label(RichText::new(format!("{shape}  {kind}")).weak());
    if let Some(neuron) = neuron {
        text.on_hover_text(neuron.equations());
    }
}

fn header(app: &mut App, ui: &mut Ui, subject: &OpenNetwork) -> Option<Format> {
    ui.horizontal(|ui| {
        title(ui, subject, app.inspect.selected);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let save = plots::save_menu(ui, "map");
            let kinds = kinds(app, subject);
            let shown = shown_kind(app, subject);
            for kind in [MapKind::Counts, MapKind::Spikes, MapKind::Membranes] {
                let explanation = match kind {
                    MapKind::Membranes => explain::MEMBRANE,
                    MapKind::Spikes => explain::SPIKES,
                    MapKind::Counts => explain::COUNTS,
                };
                let button = Button::selectable(kind == shown, kind.title());
                if ui.add_enabled(kinds.contains(&kind), button).on_hover_text(explanation).clicked() {
                    app.settings.map = kind;
                }
            }
            save
        })
        .inner
    })
    .inner
}

/// The kinds of maps available for the open population. The input has no membranes, and neurons that do not fire have
/// only membranes.
fn kinds(app: &App, subject: &OpenNetwork) -> &'static [MapKind] {
    match app.inspect.selected {
        None => &[MapKind::Spikes, MapKind::Counts],
        Some(index) if subject.network().populations()[index].neuron.fires() => {
            &[MapKind::Membranes, MapKind::Spikes, MapKind::Counts]
        }
        Some(_) => &[MapKind::Membranes],
    }
}

/// The kind of map to show: the chosen one if available.
fn shown_kind(app: &App, subject: &OpenNetwork) -> MapKind {
    let kinds = kinds(app, subject);
    if kinds.contains(&app.settings.map) { app.settings.map } else { kinds[0] }
}

impl MapKind {
    fn title(self) -> &'static str {
        match self {
            Self::Membranes => "Membranes",
            Self::Spikes => "Spikes",
            Self::Counts => "Spike counts",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Membranes => "membranes",
            Self::Spikes => "spikes",
            Self::Counts => "counts",
        }
    }
}

/// Values of the neurons, and how they are coloured.
enum NeuronValues<'a> {
    /// Potentials, the potential they are scaled by, and the spikes at a time step.
    Membranes(&'a [f32], f32, &'a SpikeTrain, usize),
    Spikes(&'a SpikeTrain, usize),
    /// Spike counts, and the largest count.
    Counts(Vec<u32>, u32),
    /// Numbers of an input, and the value they are scaled by.
    Numbers(&'a [f32], f32),
}

/// The spikes of a population, or of the input unless it is numbers.
fn train(population: Option<usize>, trial: &ViewedTrial) -> Option<&SpikeTrain> {
    population.map_or_else(|| trial.input_train(), |index| Some(&trial.trains[index]))
}

/// The values to show; `None` while they are being computed.
fn values<'a>(
    app: &App,
    subject: &OpenNetwork,
    trial: &'a ViewedTrial,
    membranes: Option<&'a Membranes>,
    t: usize,
) -> Option<NeuronValues<'a>> {
    let Some(train) = train(app.inspect.selected, trial) else {
        let (values, all) = match &trial.input {
            snn_core::Encoded::Spikes(_) => return None,
            snn_core::Encoded::Current(values) => (&values[..], values),
            snn_core::Encoded::Numbers(values) => {
                (values.chunks((values.len() / trial.steps().max(1)).max(1)).nth(t)?, values)
            }
        };
        return Some(NeuronValues::Numbers(values, largest(all)));
    };
    let fires = app.inspect.selected.is_none_or(|index| subject.network().populations()[index].neuron.fires());
    Some(match shown_kind(app, subject) {
        MapKind::Membranes => {
            let membranes = membranes?;
            let values = membranes.at(t)?;
            if fires {
                NeuronValues::Membranes(values, membranes.scale, train, t)
            } else {
                NeuronValues::Numbers(values, membranes.scale)
            }
        }
        MapKind::Spikes => NeuronValues::Spikes(train, t),
        MapKind::Counts => {
            let counts: Vec<u32> = (0..train.shape().len()).map(|neuron| spikes_until(train, neuron, t)).collect();
            let most = counts.iter().copied().max().unwrap_or(0).max(1);
            NeuronValues::Counts(counts, most)
        }
    })
}

/// The largest absolute value, for scaling; 1 if all are 0.
fn largest(values: &[f32]) -> f32 {
    let largest = values.iter().fold(0.0, |most: f32, v| most.max(v.abs()));
    if largest > 0.0 { largest } else { 1.0 }
}

/// Number of spikes of a neuron up to and including time step `t`.
pub(super) fn spikes_until(train: &SpikeTrain, neuron: usize, t: usize) -> u32 {
    let (fired, _) = train.words(0, neuron);
    let whole: u32 = fired[..t / 32].iter().map(|word| word.count_ones()).sum();
    whole + (fired[t / 32] & (u32::MAX >> (31 - t % 32))).count_ones()
}

impl NeuronValues<'_> {
    fn colour(&self, neuron: usize, palette: Palette) -> Color32 {
        match self {
            Self::Membranes(_, _, train, t) if train.get(*t, 0, neuron) != 0 => palette.spike,
            Self::Membranes(values, scale, ..) => palette.level(values[neuron] / scale),
            Self::Spikes(train, t) => map::spike_colour(train.get(*t, 0, neuron), palette),
            Self::Counts(counts, most) => palette.rate(counts[neuron] as f32 / *most as f32),
            Self::Numbers(values, most) => palette.signed(values[neuron] / most),
        }
    }

    fn number(&self, neuron: usize) -> f64 {
        match self {
            Self::Membranes(values, ..) | Self::Numbers(values, _) => f64::from(values[neuron]),
            Self::Spikes(train, t) => f64::from(train.get(*t, 0, neuron)),
            Self::Counts(counts, _) => f64::from(counts[neuron]),
        }
    }

    fn words(&self, neuron: usize) -> String {
        let number = plots::short(self.number(neuron));
        match self {
            Self::Membranes(_, scale, ..) => {
                format!("v = {number} of a threshold of {}", plots::short(f64::from(*scale)))
            }
            Self::Numbers(..) => format!("value {number}"),
            Self::Spikes(..) | Self::Counts(..) => String::new(),
        }
    }
}

/// Draws the legend of the colours.
fn legend(ui: &mut Ui, values: &NeuronValues<'_>, palette: Palette) {
    let text = |text: String| RichText::new(text).size(11.0).weak();
    ui.horizontal(|ui| match values {
        NeuronValues::Membranes(_, scale, ..) => {
            ui.label(text("membrane below 0".to_owned()));
            icons::band(ui, |share| palette.level(-9.0 * (1.0 - share)));
            ui.label(text("0".to_owned()));
            icons::band(ui, |share| palette.level(share));
            ui.label(text(format!("{} threshold", plots::short(f64::from(*scale)))));
            icons::swatch(ui, palette.spike);
            ui.label(text("spike".to_owned()));
        }
        NeuronValues::Spikes(train, _) => {
            icons::swatch(ui, palette.spike);
            ui.label(text("spike at this step".to_owned()));
            if !train.words(0, 0).1.is_empty() {
                icons::swatch(ui, palette.other);
                ui.label(text("negative spike".to_owned()));
            }
        }
        NeuronValues::Counts(_, most) => {
            ui.label(text("spikes so far: 0".to_owned()));
            icons::band(ui, |share| palette.rate(share));
            ui.label(text(most.to_string()));
        }
        NeuronValues::Numbers(_, most) => {
            let most = plots::short(f64::from(*most));
            ui.label(text(format!("-{most}")));
            icons::band(ui, |share| palette.signed(2.0 * share - 1.0));
            ui.label(text(most));
        }
    });
}

/// Describes the neuron under the pointer, and pins it on click.
fn interact(
    app: &mut App,
    ui: &mut Ui,
    rect: Rect,
    mosaic: Mosaic,
    (name, shape): (&str, Shape),
    train: Option<&SpikeTrain>,
    values: &NeuronValues<'_>,
) {
    let response = ui.interact(rect, ui.scope_id().with("neurons"), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Neurons of {name}")));
    let Some(neuron) = response.hover_pos().and_then(|pos| mosaic.neuron_at(rect, pos)) else { return };
    let t = app.inspect.player.t();
    let counted = train.map_or_else(String::new, |train| {
        let (until, all) = (spikes_until(train, neuron, t), spikes_until(train, neuron, train.steps() - 1));
        format!("spikes: {until} so far, {all} in all")
    });
    let lines = [format!("{name}, {}", place(shape, neuron)), values.words(neuron), counted];
    let text = lines.iter().filter(|line| !line.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n");
    ui.painter().rect_stroke(
        mosaic.rect_of(rect, neuron).expand(1.0),
        0.0,
        Stroke::new(1.0, ui.visuals().text_color()),
        StrokeKind::Outside,
    );
    let response = response.on_hover_text_at_pointer(text);
    if let Some(population) = app.inspect.selected.filter(|_| response.clicked()) {
        app.toggle_pin(Pin { population, neuron });
    }
}

/// Position of a neuron: `channel 3, row 5, column 7`, or `neuron 12` in a vector.
pub(super) fn place(shape: Shape, neuron: usize) -> String {
    if shape.pixels() == 1 {
        return format!("neuron {neuron}");
    }
    let (channel, pixel) = (neuron / shape.pixels(), neuron % shape.pixels());
    format!("channel {channel}, row {}, column {}", pixel / shape.width, pixel % shape.width)
}

fn table(values: &NeuronValues<'_>, shape: Shape) -> String {
    let row = |neuron: usize| {
        let (channel, pixel) = (neuron / shape.pixels(), neuron % shape.pixels());
        vec![channel as f64, (pixel / shape.width) as f64, (pixel % shape.width) as f64, values.number(neuron)]
    };
    csv(["channel", "row", "column", "value"], (0..shape.len()).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_counted_up_to_a_step() {
        let mut train = SpikeTrain::silent(70, 1, Shape::features(1));
        for t in [0, 31, 32, 69] {
            train.set(t, 0, 0, 1);
        }
        assert_eq!([0, 30, 31, 32, 68, 69].map(|t| spikes_until(&train, 0, t)), [1, 1, 2, 3, 3, 4]);
    }
}
