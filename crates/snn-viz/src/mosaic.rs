//! Mosaics: populations as images, with a tile for each channel, side by side.

use egui::{Color32, ColorImage, Pos2, Rect, pos2, vec2};
use snn_core::Shape;

/// Layout of the neurons of a population in an image. A vector of features is one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mosaic {
    shape: Shape,
    /// Number of tiles per row.
    columns: usize,
    /// Height and width of a tile.
    tile: [usize; 2],
    /// Pixels between tiles.
    gap: usize,
}

impl Mosaic {
    /// The layout of `shape` with the largest scale in a space of the given `aspect` ratio (width over height).
    pub(crate) fn new(shape: Shape, aspect: f32) -> Self {
        let [height, width] = if shape.pixels() == 1 { [1, 1] } else { [shape.height, shape.width] };
        let gap = usize::from(shape.pixels() > 1 && shape.channels > 1);
        let scale = |columns: usize| {
            let rows = shape.channels.div_ceil(columns);
            f32::min(aspect / (columns * (width + gap)) as f32, 1.0 / (rows * (height + gap)) as f32)
        };
        let columns = (1..=shape.channels).max_by(|a, b| scale(*a).total_cmp(&scale(*b))).unwrap_or(1);
        if shape.pixels() == 1 {
            // Features have no positions, so they are laid out in lines, as one tile.
            return Self { shape, columns: 1, tile: [shape.channels.div_ceil(columns), columns], gap };
        }
        Self { shape, columns, tile: [height, width], gap }
    }

    /// Width and height of the image in pixels.
    pub(crate) fn size(&self) -> [usize; 2] {
        let tiles = if self.is_vector() { 1 } else { self.shape.channels };
        let [height, width] = self.tile;
        let rows = tiles.div_ceil(self.columns).max(1);
        [self.columns * (width + self.gap) - self.gap, rows * (height + self.gap) - self.gap]
    }

    /// Column and row of a neuron's pixel.
    pub(crate) fn pixel(&self, neuron: usize) -> [usize; 2] {
        let [height, width] = self.tile;
        if self.is_vector() {
            return [neuron % width, neuron / width];
        }
        let (channel, pixel) = (neuron / self.shape.pixels(), neuron % self.shape.pixels());
        let (left, top) =
            ((channel % self.columns) * (width + self.gap), (channel / self.columns) * (height + self.gap));
        [left + pixel % width, top + pixel / width]
    }

    /// The neuron at a pixel, if any.
    pub(crate) fn neuron(&self, column: usize, row: usize) -> Option<usize> {
        let [height, width] = self.tile;
        let neuron = if self.is_vector() {
            (column < width && row < height).then(|| row * width + column)?
        } else {
            let (tile_x, x) = (column / (width + self.gap), column % (width + self.gap));
            let (tile_y, y) = (row / (height + self.gap), row % (height + self.gap));
            let channel = tile_y * self.columns + tile_x;
            (tile_x < self.columns && x < width && y < height && channel < self.shape.channels)
                .then(|| self.shape.index(channel, y, x))?
        };
        (neuron < self.shape.len()).then_some(neuron)
    }

    /// The neuron at `pos` in an image drawn in `rect`.
    pub(crate) fn neuron_at(&self, rect: Rect, pos: Pos2) -> Option<usize> {
        let [width, height] = self.size();
        let at = (pos - rect.min) / rect.size() * vec2(width as f32, height as f32);
        if at.x < 0.0 || at.y < 0.0 {
            return None;
        }
        self.neuron(at.x as usize, at.y as usize)
    }

    /// The rectangle of a neuron's pixel in an image drawn in `rect`.
    pub(crate) fn rect_of(&self, rect: Rect, neuron: usize) -> Rect {
        let [width, height] = self.size();
        let scale = vec2(rect.width() / width as f32, rect.height() / height as f32);
        let [x, y] = self.pixel(neuron);
        Rect::from_min_size(rect.min + vec2(x as f32, y as f32) * scale, scale)
    }

    /// Paints the image, with a colour for each neuron and the colour `between` in the gaps.
    pub(crate) fn paint(&self, between: Color32, mut colour: impl FnMut(usize) -> Color32) -> ColorImage {
        let [width, height] = self.size();
        let mut image = ColorImage::filled([width, height], between);
        let [rows, columns] = self.tile;
        let mut neuron = 0;
        for tile in 0..if self.is_vector() { 1 } else { self.shape.channels } {
            let (left, top) = (tile % self.columns * (columns + self.gap), tile / self.columns * (rows + self.gap));
            for row in 0..rows {
                let start = (top + row) * width + left;
                for pixel in image.pixels[start..].iter_mut().take(columns.min(self.shape.len() - neuron)) {
                    *pixel = colour(neuron);
                    neuron += 1;
                }
            }
        }
        image
    }

    fn is_vector(&self) -> bool {
        self.shape.pixels() == 1
    }
}

/// The largest rectangle with the proportions of `size` that fits in `room`, at its top and centred horizontally.
pub(crate) fn fit(room: Rect, [width, height]: [usize; 2]) -> Rect {
    let scale = f32::min(room.width() / width.max(1) as f32, room.height() / height.max(1) as f32);
    let size = vec2(width as f32, height as f32) * scale;
    Rect::from_min_size(pos2(room.center().x - size.x / 2.0, room.top()).round(), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_neuron_has_a_pixel_of_its_own() {
        for shape in [Shape::new(20, 28, 28), Shape::new(1, 28, 28), Shape::features(200), Shape::new(7, 1, 3)] {
            for aspect in [0.3, 1.0, 3.5] {
                let mosaic = Mosaic::new(shape, aspect);
                let [width, height] = mosaic.size();
                for neuron in 0..shape.len() {
                    let [x, y] = mosaic.pixel(neuron);
                    assert!(x < width && y < height, "{shape} {aspect}: {x}, {y}");
                    assert_eq!(mosaic.neuron(x, y), Some(neuron), "{shape} {aspect}");
                }
                let found = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
                assert_eq!(found.filter_map(|(x, y)| mosaic.neuron(x, y)).count(), shape.len());
                let colour = |neuron: usize| Color32::from_rgb((neuron >> 16) as u8, (neuron >> 8) as u8, neuron as u8);
                let image = mosaic.paint(Color32::TRANSPARENT, colour);
                for neuron in 0..shape.len() {
                    let [x, y] = mosaic.pixel(neuron);
                    assert_eq!(image.pixels[y * width + x], colour(neuron), "{shape} {aspect}: {neuron}");
                }
            }
        }
    }

    #[test]
    fn a_place_in_the_window_is_the_neuron_drawn_there() {
        let mosaic = Mosaic::new(Shape::new(20, 14, 14), 2.0);
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(300.0, 200.0));
        for neuron in [0, 13, 196, 3919] {
            assert_eq!(mosaic.neuron_at(rect, mosaic.rect_of(rect, neuron).center()), Some(neuron));
        }
        assert_eq!(mosaic.neuron_at(rect, pos2(9.0, 30.0)), None);
    }
}
