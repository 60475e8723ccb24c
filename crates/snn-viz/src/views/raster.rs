//! Raster plot: every spike of a population over time.

use egui::{Color32, ColorImage, ComboBox, Ui};
use egui_plot::{PlotImage, PlotPoint};
use snn_core::SpikeTrain;

use super::{explain, plots, population};
use crate::export::csv;
use crate::{App, Palette};

/// Maximum number of rows and columns of the image. If there are more neurons or time steps, several share one.
const MOST: usize = 512;

/// Raster image of the spikes of consecutive neurons: time to the right, the first neuron at the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    /// Number of rows and columns.
    pub size: [usize; 2],
    /// Fraction of neurons and time steps with a spike, for each pixel `[rows, columns]`.
    pub density: Vec<f32>,
    /// Number of neurons per row.
    pub neurons_a_row: usize,
    /// Number of time steps per column.
    pub steps_a_column: usize,
}

impl Raster {
    /// Creates the raster of the neurons `first..first + count` of `train`.
    pub fn new(train: &SpikeTrain, first: usize, count: usize) -> Self {
        let (neurons_a_row, steps_a_column) = (count.div_ceil(MOST).max(1), train.steps().div_ceil(MOST).max(1));
        let size = [count.div_ceil(neurons_a_row).max(1), train.steps().div_ceil(steps_a_column).max(1)];
        let mut density = vec![0.0; size[0] * size[1]];
        for neuron in 0..count {
            for (word, &fired) in train.words(0, first + neuron).0.iter().enumerate() {
                let mut left = fired;
                while left != 0 {
                    let t = word * 32 + left.trailing_zeros() as usize;
                    density[neuron / neurons_a_row * size[1] + t / steps_a_column] += 1.0;
                    left &= left - 1;
                }
            }
        }
        let each = (neurons_a_row * steps_a_column) as f32;
        let density = density.into_iter().map(|count: f32| count / each).collect();
        Self { size, density, neurons_a_row, steps_a_column }
    }

    fn image(&self, palette: Palette) -> ColorImage {
        // A single spike must be visible even if many neurons share a row.
        let colour = |density: &f32| {
            if *density == 0.0 { Color32::TRANSPARENT } else { palette.rate(density.sqrt().max(0.35)) }
        };
        ColorImage::new([self.size[1], self.size[0]], self.density.iter().map(colour).collect())
    }
}

pub(super) fn plot(app: &mut App, ui: &mut Ui) {
    let Some((subject, trial)) = app.subject.clone().zip(app.shown.trial.clone()) else { return };
    let (name, shape) = population::describe(&subject, app.inspect.selected);
    let train = match app.inspect.selected {
        None => trial.input_train(),
        Some(index) => subject.network().populations()[index].neuron.fires().then(|| &trial.trains[index]),
    };
    let Some(train) = train else {
        ui.label("It emits numbers, not spikes.");
        return;
    };
    let (first, count) = match app.inspect.channel {
        Some(channel) => (channel * shape.pixels(), shape.pixels()),
        None => (0, shape.len()),
    };
    let note = match count.div_ceil(MOST) {
        0 | 1 => format!("{count} neurons"),
        more => format!("{count} neurons, {more} in a row"),
    };
    let save = ui
        .horizontal(|ui| {
            plots::heading(ui, "Raster", explain::RASTER);
            channel(app, ui, shape.channels, shape.pixels());
            ui.label(egui::RichText::new(note).weak());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| plots::save_menu(ui, "raster")).inner
        })
        .inner;
    let palette = Palette::of(ui.visuals());
    let what = (app.shown.version, app.inspect.selected, app.inspect.channel, palette.ground);
    let texture = app.textures.get(ui.ctx(), "the raster", what, || Raster::new(train, first, count).image(palette));
    let (steps, rows) = (train.steps() as f64, count as f64);
    let height = ui.available_height() - 4.0;
    let plot = plots::over_time(
        app,
        ui,
        "raster plot",
        height,
        plots::Upright { label: "neuron", is_downward: true },
        move |plot| {
            let centre = PlotPoint::new(steps / 2.0, -(first as f64) - rows / 2.0);
            plot.image(PlotImage::new("spikes", texture, centre, [steps as f32, rows as f32]).allow_hover(false));
        },
    );
    let inside = plot.response.rect;
    if let Some(pos) = plot.response.hover_pos() {
        let at = plot.transform.value_from_position(pos);
        let (neuron, t) = (-at.y, at.x);
        if (first as f64..(first + count) as f64).contains(&neuron) && (0.0..steps).contains(&t) {
            let place = population::place(shape, neuron as usize);
            let fired = if train.get(t as usize, 0, neuron as usize) == 0 { "no spike" } else { "spike" };
            plot.response.on_hover_text_at_pointer(format!("{place}\nstep {}: {fired}", t as usize));
        }
    }
    if let Some(format) = save {
        let file = app.file_name(&format!("{name} raster"));
        app.saving.exporter.save(format, &file, plots::with_axes(ui, inside), || spikes(train, first, count));
    }
}

/// Draws the control that limits the raster to a channel.
fn channel(app: &mut App, ui: &mut Ui, channels: usize, pixels: usize) {
    if channels < 2 || pixels < 2 {
        return;
    }
    let text =
        |channel: Option<usize>| channel.map_or("all channels".to_owned(), |channel| format!("channel {channel}"));
    let combo = ComboBox::from_id_salt("channel").selected_text(text(app.inspect.channel)).show_ui(ui, |ui| {
        for channel in std::iter::once(None).chain((0..channels).map(Some)) {
            ui.selectable_value(&mut app.inspect.channel, channel, text(channel));
        }
    });
    combo.response.on_hover_text("Channel that the raster shows");
}

fn spikes(train: &SpikeTrain, first: usize, count: usize) -> String {
    let shape = train.shape();
    let row = |neuron: usize, t: usize| {
        let (channel, pixel) = (neuron / shape.pixels(), neuron % shape.pixels());
        let place = [neuron, channel, pixel / shape.width, pixel % shape.width, t].map(|number| number as f64);
        place.into_iter().chain([f64::from(train.get(t, 0, neuron))]).collect()
    };
    let of =
        |neuron: usize| (0..train.steps()).filter(move |&t| train.get(t, 0, neuron) != 0).map(move |t| (neuron, t));
    let spikes = (first..first + count).flat_map(of);
    csv(["neuron", "channel", "row", "column", "time_step", "spike"], spikes.map(|(neuron, t)| row(neuron, t)))
}

#[cfg(test)]
mod tests {
    use snn_core::Shape;

    use super::*;

    #[test]
    fn every_spike_has_its_place() {
        let mut train = SpikeTrain::silent(40, 1, Shape::features(3));
        train.set(39, 0, 1, 1);
        train.set(2, 0, 2, -1);
        let raster = Raster::new(&train, 1, 2);
        assert_eq!((raster.size, raster.neurons_a_row, raster.steps_a_column), ([2, 40], 1, 1));
        let at = |row: usize, t: usize| raster.density[row * 40 + t];
        assert_eq!((at(0, 39), at(1, 2), raster.density.iter().sum::<f32>()), (1.0, 1.0, 2.0));
    }

    #[test]
    fn many_neurons_and_steps_share_rows_and_columns() {
        let mut train = SpikeTrain::silent(2000, 1, Shape::features(3000));
        train.set(1999, 0, 2999, 1);
        let raster = Raster::new(&train, 0, 3000);
        assert!(raster.size.iter().all(|size| *size <= MOST), "{:?}", raster.size);
        assert_eq!(raster.density.last(), Some(&(1.0 / (raster.neurons_a_row * raster.steps_a_column) as f32)));
    }
}
