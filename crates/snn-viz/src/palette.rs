//! Colours: one accent for spikes, one for membranes, greys for the rest. They are distinguishable with colour vision
//! deficiency.
//!
//! The accents are those of Okabe and Ito (*Color Universal Design*, 2008).

use egui::{Color32, Visuals};

/// The colours of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Spikes.
    pub spike: Color32,
    /// Membrane potentials, and the most important element of a plot.
    pub membrane: Color32,
    /// Negative spikes; the second of two compared networks.
    pub other: Color32,
    /// The last of four pinned neurons.
    pub fourth: Color32,
    /// Correct answers.
    pub right: Color32,
    /// Wrong answers, and warnings.
    pub wrong: Color32,
    /// Background lines: thresholds, classes that do not win.
    pub faint: Color32,
    /// Background of images and maps.
    pub ground: Color32,
}

impl Palette {
    /// The palette of the current theme.
    pub fn of(visuals: &Visuals) -> Self {
        if visuals.dark_mode {
            Self {
                spike: Color32::from_rgb(0xf0, 0x9c, 0x28),
                membrane: Color32::from_rgb(0x56, 0xb4, 0xe9),
                other: Color32::from_rgb(0xcc, 0x79, 0xa7),
                fourth: Color32::from_rgb(0xe8, 0xdc, 0x50),
                right: Color32::from_rgb(0x2f, 0xb7, 0x8c),
                wrong: Color32::from_rgb(0xe8, 0x6a, 0x33),
                faint: Color32::from_gray(0x78),
                ground: Color32::from_gray(0x12),
            }
        } else {
            Self {
                spike: Color32::from_rgb(0xd5, 0x5e, 0x00),
                membrane: Color32::from_rgb(0x00, 0x72, 0xb2),
                other: Color32::from_rgb(0xa8, 0x4f, 0x82),
                fourth: Color32::from_rgb(0x8a, 0x6d, 0x00),
                right: Color32::from_rgb(0x00, 0x8a, 0x63),
                wrong: Color32::from_rgb(0xc0, 0x3a, 0x00),
                faint: Color32::from_gray(0x96),
                ground: Color32::from_gray(0xf2),
            }
        }
    }

    /// Colour of a membrane potential. `level` is the potential divided by the threshold. The colour is that of the
    /// background at 0, the membrane colour at 1, and grey below 0, half way to `faint` at -1.
    pub fn level(&self, level: f32) -> Color32 {
        if level >= 0.0 {
            mix(self.ground, self.membrane, level)
        } else {
            mix(self.ground, self.faint, level / (level - 1.0))
        }
    }

    /// Colour of a count or rate between 0 and 1: from the background colour to the spike colour.
    pub fn rate(&self, share: f32) -> Color32 {
        mix(self.ground, self.spike, share)
    }

    /// Colour of a signed number between -1 and 1: blue below 0, orange above, the background colour at 0.
    pub fn signed(&self, value: f32) -> Color32 {
        mix(self.ground, if value >= 0.0 { self.spike } else { self.membrane }, value.abs())
    }
}

/// Interpolates between `from` (at 0) and `to` (at 1).
fn mix(from: Color32, to: Color32, share: f32) -> Color32 {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let part = |from: u8, to: u8| (f32::from(from) + share * (f32::from(to) - f32::from(from))).round() as u8;
    Color32::from_rgb(part(from.r(), to.r()), part(from.g(), to.g()), part(from.b(), to.b()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_runs_from_the_ground_to_the_accent() {
        for palette in [Palette::of(&Visuals::dark()), Palette::of(&Visuals::light())] {
            let levels = [0.0, 1.0, 7.0].map(|level| palette.level(level));
            assert_eq!(levels, [palette.ground, palette.membrane, palette.membrane]);
            assert_eq!(palette.level(-1.0), mix(palette.ground, palette.faint, 0.5));
            assert_eq!(palette.level(f32::NAN), palette.ground);
        }
    }
}
