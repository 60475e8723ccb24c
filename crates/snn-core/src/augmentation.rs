//! Data augmentation of training samples.

use serde::{Deserialize, Serialize};

use crate::dataset::AddressEvent;
use crate::random::{Purpose, Stream};
use crate::shape::Shape;

/// A random change of each training image or recording. It is drawn again in every epoch and applied before
/// normalisation and encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Augmentation {
    /// No change.
    #[default]
    None,
    /// Shifts the image by up to `pixels` rows and columns and fills with black. This is the same as padding it by
    /// `pixels` on every side and taking a random crop of the original size. For a recording, events that leave the
    /// sensor are dropped.
    Shift {
        /// Maximum shift in each direction, in pixels.
        pixels: usize,
        /// Whether each sample is mirrored left to right with probability 1/2.
        #[serde(default)]
        flip: bool,
    },
}

/// The change that an [`Augmentation`] drew for one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DrawnAugmentation {
    /// Shift down, in rows.
    down: i64,
    /// Shift to the right, in columns.
    right: i64,
    /// Whether the sample is mirrored left to right after the shift.
    mirrored: bool,
}

impl Augmentation {
    /// Draws the change of `sample`, its index in the data set, in `epoch` of a run with this `seed`.
    pub fn draw(self, seed: u64, epoch: u32, sample: u32) -> DrawnAugmentation {
        let Self::Shift { pixels, flip } = self else { return DrawnAugmentation::default() };
        let words = Stream::new(seed, Purpose::Augmentation).block(epoch, sample, 0, 0);
        let draw = |word: u32| ((u64::from(word) * (2 * pixels as u64 + 1)) >> 32) as i64 - pixels as i64;
        DrawnAugmentation { down: draw(words[0]), right: draw(words[1]), mirrored: flip && words[2] >> 31 == 1 }
    }
}

impl DrawnAugmentation {
    /// Returns the original row and column of the pixel at `row` and `column` of a changed image of `shape`. `None` if
    /// it comes from outside the image.
    pub fn source(self, shape: Shape, row: usize, column: usize) -> Option<[usize; 2]> {
        let column = if self.mirrored { shape.width - 1 - column } else { column };
        let row = row.checked_add_signed(-self.down as isize)?;
        let column = column.checked_add_signed(-self.right as isize)?;
        (row < shape.height && column < shape.width).then_some([row, column])
    }

    /// Applies the change to an event of a recording of `shape`. `None` if the event leaves the sensor.
    pub fn event(self, shape: Shape, AddressEvent { time, pixel }: AddressEvent) -> Option<AddressEvent> {
        let pixel = pixel as usize;
        let (polarity, row, column) =
            (pixel / shape.pixels(), pixel % shape.pixels() / shape.width, pixel % shape.width);
        let row = row.checked_add_signed(self.down as isize)?;
        let column = column.checked_add_signed(self.right as isize)?;
        if row >= shape.height || column >= shape.width {
            return None;
        }
        let column = if self.mirrored { shape.width - 1 - column } else { column };
        Some(AddressEvent { time, pixel: shape.index(polarity, row, column) as u32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::new(2, 2, 3);

    fn drawn(pixels: usize, flip: bool) -> Vec<DrawnAugmentation> {
        (0..500).map(|sample| Augmentation::Shift { pixels, flip }.draw(1, 0, sample)).collect()
    }

    #[test]
    fn moves_reach_every_distance_and_no_further() {
        for axis in [|change: &DrawnAugmentation| change.down, |change: &DrawnAugmentation| change.right] {
            let mut found: Vec<i64> = drawn(2, false).iter().map(axis).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, [-2, -1, 0, 1, 2]);
        }
    }

    #[test]
    fn about_half_are_mirrored() {
        let mirrored = drawn(0, true).iter().filter(|change| change.mirrored).count();
        assert!((200..300).contains(&mirrored), "{mirrored}");
        assert_eq!(drawn(0, false), vec![DrawnAugmentation::default(); 500]);
    }

    #[test]
    fn events_go_where_pixels_go() {
        for change in drawn(2, true) {
            for pixel in 0..SHAPE.len() {
                let Some(event) = change.event(SHAPE, AddressEvent { time: 7, pixel: pixel as u32 }) else { continue };
                let at = event.pixel as usize;
                let [row, column] = change.source(SHAPE, at % 6 / 3, at % 3).unwrap();
                assert_eq!(SHAPE.index(at / 6, row, column), pixel);
            }
            let kept = (0..6).filter(|&pixel| change.event(SHAPE, AddressEvent { time: 0, pixel }).is_some()).count();
            let filled = (0..6).filter(|&at| change.source(SHAPE, at / 3, at % 3).is_some()).count();
            assert_eq!(kept, filled);
        }
    }

    #[test]
    fn a_move_down_and_to_the_right_then_a_mirror() {
        let change = DrawnAugmentation { down: 1, right: 1, mirrored: true };
        let source = |row, column| change.source(SHAPE, row, column);
        assert_eq!([source(1, 0), source(1, 1), source(1, 2)], [Some([0, 1]), Some([0, 0]), None]);
        assert_eq!(source(0, 0), None);
    }
}
