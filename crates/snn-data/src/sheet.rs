//! Contact sheets: pictures of samples of a data set, class by class, with their augmentations.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use snn_core::{AddressEvent, Augmentation, Dataset, DatasetKind, Shape};

use crate::Loader;

/// The layout of a sheet. Each class has a block: a row of its first images or, for recordings, frames of the first
/// one over time. Below follow the same samples after augmentation, with a row for each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet {
    /// Number of images, or of frames of a recording, in a row of a block.
    pub columns: usize,
    /// Number of blocks side by side.
    pub blocks: usize,
    /// Augmentation of the samples.
    pub augmentation: Augmentation,
    /// Number of epochs whose augmentations are shown, from the first.
    pub epochs: u32,
    /// Seed of the run whose augmentations are shown.
    pub seed: u64,
}

/// An RGB picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixmap {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Red, green and blue of each pixel, row by row.
    pub pixels: Vec<[u8; 3]>,
}

const BACKGROUND: [u8; 3] = [38, 41, 48];
/// Background of the events of a recording.
const DARK: [u8; 3] = [14, 15, 19];
/// Colour of events where the pixel became darker, and where it became brighter.
const BLUE: [f32; 3] = [70.0, 150.0, 255.0];
const RED: [f32; 3] = [255.0, 80.0, 70.0];

/// Pixels around the sheet and between blocks.
const MARGIN: usize = 18;
/// Pixels between samples and their augmentations.
const GAP: usize = 8;
/// Pixels between rows and columns.
const LINE: usize = 3;
/// Images are enlarged to at most this many pixels in width and height; larger images keep their size.
const SIZE: usize = 80;

impl Sheet {
    /// Draws the sheet of a data set. Classes without samples leave empty cells.
    pub fn draw(&self, dataset: &Dataset) -> Pixmap {
        let (shape, columns, blocks) = (dataset.shape(), self.columns.max(1), self.blocks.max(1));
        let epochs = if self.augmentation == Augmentation::None { 0 } else { self.epochs };
        let scale = (SIZE / shape.height.max(shape.width).max(1)).max(1);
        let (cell_width, cell_height) = (shape.width * scale + LINE, shape.height * scale + LINE);
        let block_width = columns * cell_width - LINE + MARGIN;
        let changes = if epochs == 0 { 0 } else { GAP - LINE + epochs as usize * cell_height };
        // Without augmentations each class is a single row, so the rows can be closer together.
        let apart = if epochs == 0 { GAP } else { MARGIN };
        let block_height = cell_height + changes - LINE + apart;
        let bands = dataset.classes().div_ceil(blocks);
        let (width, height) =
            (MARGIN + blocks * block_width, 2 * MARGIN + bands * block_height - apart.min(bands * apart));
        let mut picture = Pixmap { width, height, pixels: vec![BACKGROUND; width * height] };
        for class in 0..dataset.classes() {
            let of_class = (0..dataset.len()).filter(|&index| usize::from(dataset.labels()[index]) == class);
            let samples: Vec<usize> = of_class.take(columns).collect();
            let (left, top) = (MARGIN + class % blocks * block_width, MARGIN + class / blocks * block_height);
            for row in 0..=epochs {
                let epoch = row.checked_sub(1);
                let top = top + row as usize * cell_height + if row > 0 { GAP - LINE } else { 0 };
                for (column, cell) in self.row(dataset, &samples, epoch).iter().enumerate() {
                    picture.place(cell, shape, scale, [left + column * cell_width, top]);
                }
            }
        }
        picture
    }

    /// The cells of a row: samples of one class, original or as augmented in an epoch.
    fn row(&self, dataset: &Dataset, samples: &[usize], epoch: Option<u32>) -> Vec<Vec<[u8; 3]>> {
        let samples = if dataset.kind() == DatasetKind::Images { samples } else { &samples[..samples.len().min(1)] };
        let cells = samples.iter().flat_map(|&sample| {
            let one = [sample as u32];
            let mut loader = match epoch {
                None => Loader::in_order(dataset, one, 1),
                Some(_) => Loader::shuffled(dataset, one, 1, self.seed, self.augmentation),
            };
            let Some(batch) = loader.batch(epoch.unwrap_or(0), 0) else { return Vec::new() };
            match batch.recordings.first() {
                Some(recording) => frames(recording, dataset.shape(), self.columns.max(1)),
                None => vec![colours(dataset, &batch.pixels)],
            }
        });
        cells.collect()
    }
}

/// Colours `[H, W]` of an image `[C, H, W]`; shades of grey unless it has three channels.
fn colours(dataset: &Dataset, image: &[f32]) -> Vec<[u8; 3]> {
    let shape = dataset.shape();
    let byte = |channel: usize, pixel: usize| {
        let values = dataset.values(channel);
        let share = (image[channel * shape.pixels() + pixel] - values[0]) / (values[255] - values[0]);
        (255.0 * share).round() as u8
    };
    let channels = if shape.channels == 3 { [0, 1, 2] } else { [0; 3] };
    (0..shape.pixels()).map(|pixel| channels.map(|channel| byte(channel, pixel))).collect()
}

/// Colours `[count][H, W]` of a recording over time: the more events, the brighter the pixel.
fn frames(recording: &[AddressEvent], shape: Shape, count: usize) -> Vec<Vec<[u8; 3]>> {
    let mut events = vec![[0.0_f32; 2]; count * shape.pixels()];
    let (first, last) = (recording.first().map_or(0, |event| event.time), recording.last().map_or(0, |e| e.time));
    for event in recording {
        let since = u64::from(event.time - first) * count as u64;
        let frame = (since / (u64::from(last - first) + 1)) as usize;
        let (polarity, pixel) = (event.pixel as usize / shape.pixels(), event.pixel as usize % shape.pixels());
        events[frame * shape.pixels() + pixel][polarity.min(1)] += 1.0;
    }
    let colour = |counts: &[f32; 2]| {
        let [dark, bright] = counts.map(|count| 1.0 - (-0.9 * count).exp());
        std::array::from_fn(|c| (f32::from(DARK[c]) + dark * BLUE[c] + bright * RED[c]).min(255.0) as u8)
    };
    events.chunks(shape.pixels().max(1)).map(|frame| frame.iter().map(colour).collect()).collect()
}

impl Pixmap {
    /// Draws a cell `[H, W]`, enlarged by `scale`, with its upper left corner at `left`, `top`.
    fn place(&mut self, cell: &[[u8; 3]], shape: Shape, scale: usize, [left, top]: [usize; 2]) {
        for row in 0..shape.height * scale {
            let from = &cell[row / scale * shape.width..];
            let to = &mut self.pixels[(top + row) * self.width + left..];
            for (column, pixel) in to[..shape.width * scale].iter_mut().enumerate() {
                *pixel = from[column / scale];
            }
        }
    }

    /// Writes the picture as a PNG file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_png(&self, path: &Path) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: Sheet = Sheet { columns: 3, blocks: 2, augmentation: Augmentation::None, epochs: 2, seed: 1 };
    const SHIFT: Augmentation = Augmentation::Shift { pixels: 1, flip: false };

    /// Two white images of class 0 and one of class 2; none of class 1.
    fn images() -> Dataset {
        let dataset = Dataset::new(Shape::new(1, 20, 30), 3, vec![255; 1800], vec![0, 2, 0]).unwrap();
        dataset.normalised(&[0.5], &[0.25]).unwrap()
    }

    fn count(picture: &Pixmap, colour: [u8; 3]) -> usize {
        picture.pixels.iter().filter(|&&pixel| pixel == colour).count()
    }

    #[test]
    fn images_stand_class_by_class() {
        let picture = SHEET.draw(&images());
        assert_eq!((picture.width, picture.height), (18 + 2 * (3 * 63 - 3 + 18), 18 + 40 + 8 + 40 + 18));
        assert_eq!(count(&picture, [255; 3]), 3 * 60 * 40);
        let at = |x: usize, y: usize| picture.pixels[y * picture.width + x];
        assert_eq!(
            [at(17, 18), at(18, 18), at(18 + 63, 18), at(18 + 126, 18)],
            [BACKGROUND, [255; 3], [255; 3], BACKGROUND]
        );
        assert_eq!(at(18, 18 + 48), [255; 3]);
    }

    #[test]
    fn changes_stand_below() {
        let picture = Sheet { augmentation: SHIFT, ..SHEET }.draw(&images());
        assert_eq!(picture.height, 18 + 2 * (40 + 8 + 2 * 43 - 3 + 18));
        let (white, black) = (count(&picture, [255; 3]), count(&picture, [0; 3]));
        assert_eq!(white + black, 3 * 3 * 60 * 40);
        assert!(black > 0, "a shift leaves black");
    }

    #[test]
    fn recordings_stand_over_time() {
        let shape = Shape::new(2, 2, 2);
        let event = |time, pixel| AddressEvent { time, pixel };
        let recording = vec![event(5, 0), event(9, 4)];
        let dataset = Dataset::of_recordings(shape, 1, vec![recording, vec![]], vec![0, 0]).unwrap();
        let frames = SHEET.row(&dataset, &[0, 1], None);
        assert_eq!(frames.len(), 3);
        assert_eq!(frames[1], [DARK; 4]);
        assert!(frames[0][0][2] > 150 && frames[0][0][0] < 80, "blue first: {:?}", frames[0]);
        assert!(frames[2][0][0] > 150 && frames[2][0][2] < 80, "red last: {:?}", frames[2]);
        SHEET.draw(&dataset);
        let longest = super::frames(&[event(0, 0), event(u32::MAX, 4)], shape, 3);
        assert!(longest[0][0] != DARK && longest[2][0] != DARK, "over all the time there is");
    }

    #[test]
    fn pictures_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let (path, picture) = (dir.path().join("sheet.png"), SHEET.draw(&images()));
        picture.write_png(&path).unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, picture.pixels.as_flattened());
        assert!(picture.write_png(&dir.path().join("none/sheet.png")).is_err());
    }
}
