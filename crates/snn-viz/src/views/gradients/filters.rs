//! The weights of a population, or their gradients, as images.

use egui::{ComboBox, Rect, RichText, Sense, Stroke, StrokeKind, Ui, vec2};
use snn_core::{Map, Network, Shape};

use super::super::{explain, plots};
use super::maps;
use crate::export::csv;
use crate::mosaic::Mosaic;
use crate::{App, Gradients, OpenNetwork, Palette};

/// Maximum number of tiles in an image, or of rows of a matrix.
const MOST: usize = 100;

/// Layout of the weights of a projection in tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filters {
    /// Index of the weight.
    pub(super) weight: usize,
    /// Number of tiles shown, with their height and width.
    tiles: Shape,
    /// Total number of tiles.
    all: usize,
    /// Number of input channels, one of which is shown.
    channels: usize,
    /// Whether the tiles are the rows of a matrix, drawn as one image.
    is_matrix: bool,
}

impl Filters {
    /// The layout for the first convolution or linear projection of a population; `None` if it has no weights.
    pub(super) fn of(network: &Network, population: usize) -> Option<Self> {
        let mut connections = network.connections(population);
        let (connection, projection, weight) =
            connections.find_map(|(connection, projection)| Some((connection, projection, projection.weight?)))?;
        let source = network.shape(connection.source);
        let (all, height, width, channels) = match projection.map {
            Map::Conv(conv) => {
                let [height, width] = conv.window.size;
                (conv.channels, height, width, conv.seen(source.channels))
            }
            Map::Linear { features } if source.pixels() > 1 => (features, source.height, source.width, source.channels),
            Map::Linear { features } => {
                let tiles = Shape::new(1, features.min(MOST), source.len());
                return Some(Self { weight, tiles, all: features, channels: 1, is_matrix: true });
            }
            _ => return None,
        };
        Some(Self { weight, tiles: Shape::new(all.min(MOST), height, width), all, channels, is_matrix: false })
    }

    /// Index in the weight tensor of pixel `at` of the image, for an input channel.
    fn index(self, channel: usize, at: usize) -> usize {
        let pixels = self.tiles.pixels();
        (at / pixels * self.channels + channel) * pixels + at % pixels
    }

    /// Description of what is shown.
    fn note(self) -> String {
        let [height, width] = [self.tiles.height, self.tiles.width];
        let (all, shown) = (self.all, self.all.min(MOST));
        let first = if all > shown { format!("the first {shown} of {all}") } else { all.to_string() };
        if self.is_matrix {
            return format!("{first} neurons downwards, {width} inputs across");
        }
        format!("{first}, {height}x{width} each")
    }

    /// Description of the position of a pixel in the weight tensor.
    fn place(self, channel: usize, at: usize) -> String {
        let (pixels, width) = (self.tiles.pixels(), self.tiles.width);
        let (row, column) = (at % pixels / width, at % width);
        if self.is_matrix {
            return format!("neuron {row}, input {column}");
        }
        format!("output {}, input channel {channel}, row {row}, column {column}", at / pixels)
    }
}

pub(super) fn panel(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, found: &Gradients, index: usize) {
    let network = subject.network();
    let Some(filters) = Filters::of(network, index) else {
        plots::heading(ui, "Filters", explain::FILTERS);
        ui.label(RichText::new("This population has no weights of its own.").weak());
        return;
    };
    let (palette, name) = (Palette::of(ui.visuals()), &network.tensors()[filters.weight].name);
    let save = plots::heading_with_save(ui, "Filters", &format!("{name}: {}", filters.note()), explain::FILTERS);
    let (shows_gradients, channel) = controls(ui, filters);
    let values = if shows_gradients { &found.weights[filters.weight] } else { &subject.weights[filters.weight] };
    let value = |at: usize| values[filters.index(channel, at)];
    let largest = (0..filters.tiles.len()).map(|at| value(at).abs()).filter(|v| v.is_finite()).fold(0.0, f32::max);
    let scale = largest.max(f32::MIN_POSITIVE);
    maps::signed_scale(ui, largest);
    let height = (ui.available_height() - 4.0).max(60.0);
    let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let mosaic = Mosaic::new(filters.tiles, room.width() / room.height());
    let picture = (&format!("Filters of {name}")[..], (shows_gradients, channel));
    let colour = |at| palette.signed(maps::strength(value(at) / scale));
    let (rect, response) = maps::picture(app, ui, picture, room, mosaic, colour);
    if let Some(at) = response.hover_pos().and_then(|pos| mosaic.neuron_at(rect, pos)) {
        let around: Rect = mosaic.rect_of(rect, at).expand(1.0);
        ui.painter().rect_stroke(around, 0.0, Stroke::new(1.0, ui.visuals().text_color()), StrokeKind::Outside);
        let at_weight = filters.index(channel, at);
        let (weight, gradient) = (subject.weights[filters.weight][at_weight], found.weights[filters.weight][at_weight]);
        response.on_hover_text_at_pointer(format!(
            "{}\nweight {}, dL/dW {}",
            filters.place(channel, at),
            plots::short(f64::from(weight)),
            plots::short(f64::from(gradient))
        ));
    }
    if let Some(format) = save {
        let what = if shows_gradients { "gradients" } else { "weights" };
        let row = |at: usize| vec![filters.index(channel, at) as f64, f64::from(value(at))];
        let rows = (0..filters.tiles.len()).map(row);
        let file = format!("{} {name} {what}", subject.name);
        app.saving.exporter.save(format, &file, rect, || csv(["index", "value"], rows));
    }
}

/// Draws the controls: weights or gradients, and the input channel.
fn controls(ui: &mut Ui, filters: Filters) -> (bool, usize) {
    let id = egui::Id::unique("filters");
    let (mut shows_gradients, mut channel) = ui.data(|data| data.get_temp::<(bool, usize)>(id)).unwrap_or((false, 0));
    channel = channel.min(filters.channels - 1);
    ui.horizontal(|ui| {
        ui.selectable_value(&mut shows_gradients, false, "Weights").on_hover_text(explain::FILTERS);
        ui.selectable_value(&mut shows_gradients, true, "Their gradients").on_hover_text(explain::WEIGHT_GRADIENT);
        if filters.channels > 1 {
            let label = ui.label("input channel");
            let choice = ComboBox::from_id_salt("input channel").selected_text(channel.to_string()).width(56.0);
            let choice = choice.show_ui(ui, |ui| {
                for other in 0..filters.channels {
                    ui.selectable_value(&mut channel, other, other.to_string());
                }
            });
            choice.response.labelled_by(label.id);
        }
    });
    ui.data_mut(|data| data.insert_temp(id, (shows_gradients, channel)));
    (shows_gradients, channel)
}

#[cfg(test)]
mod tests {
    use snn_core::{Neuron, Projection, Source};

    use super::*;

    fn network() -> Network {
        let mut builder = Network::builder(Shape::new(2, 4, 4));
        let conv = Map::conv(3, [3, 2], 1, 0);
        let conv = builder.add("conv", Neuron::lif(), vec![Projection::new(Source::Input, conv)]).unwrap();
        let pool = Map::Subsample { stride: 1 };
        let pool = builder.add("pool", Neuron::lif(), vec![Projection::new(conv, pool)]).unwrap();
        let linear = |features| Map::Linear { features };
        let hidden = builder.add("hidden", Neuron::lif(), vec![Projection::new(pool, linear(120))]).unwrap();
        builder.add("readout", Neuron::readout(), vec![Projection::new(hidden, linear(5))]).unwrap();
        builder.build().unwrap()
    }

    #[test]
    fn each_tile_holds_one_input_channel_of_one_output() {
        let network = network();
        let conv = Filters::of(&network, 0).unwrap();
        assert_eq!((conv.tiles, conv.channels, conv.note().as_str()), (Shape::new(3, 3, 2), 2, "3, 3x2 each"));
        // [3, 2, 3, 2]: the last output, second channel, last pixel, is the last weight.
        assert_eq!(conv.index(1, conv.tiles.len() - 1), 35);
        assert_eq!((conv.index(0, 0), conv.index(1, 0), conv.index(0, 6)), (0, 6, 12));
        assert_eq!(conv.place(1, 17), "output 2, input channel 1, row 2, column 1");
    }

    #[test]
    fn linear_weights_are_images_of_what_they_read() {
        let network = network();
        assert_eq!(Filters::of(&network, 1), None);
        let hidden = Filters::of(&network, 2).unwrap();
        assert_eq!((hidden.tiles, hidden.channels), (Shape::new(100, 2, 3), 3));
        assert_eq!(hidden.note(), "the first 100 of 120, 2x3 each");
        assert_eq!(hidden.index(2, 6), 18 + 12);
        let readout = Filters::of(&network, 3).unwrap();
        assert_eq!((readout.tiles, readout.channels), (Shape::new(1, 5, 120), 1));
        assert_eq!((readout.index(0, 599), readout.place(0, 599).as_str()), (599, "neuron 4, input 119"));
    }
}
