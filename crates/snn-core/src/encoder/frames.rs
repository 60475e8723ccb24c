//! Frames of a recording.

use serde::{Deserialize, Serialize};

use crate::{AddressEvent, Shape, SpikeTrain};

/// Cuts a recording of events into one frame a time step. A neuron, one for each polarity and pixel, spikes at a step if
/// the frame holds at least one of its events.
///
/// # Equals
/// `ToFrame` of tonic with `n_time_bins` (`Time`), `n_event_bins` (`Count`) or `time_window` (`Window`), and no overlap;
/// frames of tonic hold numbers of events, here those above 1 count as 1. With `time_window` tonic makes as many frames as
/// the recording fills and drops the rest of it; here there are always `T`, and a last frame that the recording fills in part
/// keeps its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frames {
    /// What a frame is.
    pub by: Slices,
}

/// How a recording is cut. Events that fall into none of the `T` frames are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Slices {
    /// Frames of one length, `⌊(last - first) / T⌋` microseconds, from the first event on.
    #[default]
    Time,
    /// Frames of one number of events, `⌊events / T⌋`.
    Count,
    /// Frames of a given length from the first event on; steps after the end of the recording are silent, and the last frame
    /// before them may be filled in part.
    Window {
        /// Length of a frame in microseconds, at least 1.
        micros: u32,
    },
}

impl Frames {
    /// Frames `[T, N, ...]` of `recordings` `[N]` of a sensor of shape `shape`, each in order of time. An event before the
    /// first one, or outside the sensor, is left out.
    pub fn encode(&self, recordings: &[Vec<AddressEvent>], shape: Shape, steps: usize) -> SpikeTrain {
        let mut train = SpikeTrain::silent(steps, recordings.len(), shape);
        for (sample, events) in recordings.iter().enumerate() {
            let (first, last) = (events.first().map_or(0, |event| event.time), events.last().map_or(0, |e| e.time));
            for (index, event) in events.iter().enumerate() {
                let Some(since) = event.time.checked_sub(first).map(|since| since as usize) else { continue };
                let frames = steps.max(1);
                let (at, length) = match self.by {
                    Slices::Time => (since, last.saturating_sub(first) as usize / frames),
                    Slices::Count => (index, events.len() / frames),
                    Slices::Window { micros } => (since, micros as usize),
                };
                if let Some(step) = at.checked_div(length)
                    && step < steps
                    && (event.pixel as usize) < shape.len()
                {
                    train.set(step, sample, event.pixel as usize, 1);
                }
            }
        }
        train
    }

    /// What it does, in a sentence.
    pub fn describe(&self) -> String {
        let what = match self.by {
            Slices::Time => "equally long frames, one a step".to_owned(),
            Slices::Count => "frames of equally many events, one a step".to_owned(),
            Slices::Window { micros } => format!("frames of {micros} µs, one a step"),
        };
        format!("frames: {what}; a pixel with an event spikes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps at which the pixels of a recording with events at `times`, one pixel each, spike.
    fn steps(by: Slices, times: &[u32], steps: usize) -> Vec<Option<usize>> {
        let events =
            times.iter().enumerate().map(|(pixel, &time)| AddressEvent { time, pixel: pixel as u32 }).collect();
        let train = Frames { by }.encode(&[events], Shape::features(times.len()), steps);
        (0..times.len()).map(|pixel| (0..steps).find(|&step| train.get(step, 0, pixel) == 1)).collect()
    }

    #[test]
    fn frames_by_time_are_equally_long() {
        // 11 µs over 2 steps: frames of 5 µs, and the last two events fall beyond them.
        assert_eq!(
            steps(Slices::Time, &[100, 104, 105, 109, 110, 111], 2),
            [Some(0), Some(0), Some(1), Some(1), None, None]
        );
    }

    #[test]
    fn frames_by_count_hold_equally_many_events() {
        assert_eq!(steps(Slices::Count, &[0, 1, 2, 50, 90], 2), [Some(0), Some(0), Some(1), Some(1), None]);
    }

    #[test]
    fn frames_by_window_end_with_the_trial() {
        assert_eq!(steps(Slices::Window { micros: 10 }, &[7, 16, 17, 37], 3), [Some(0), Some(0), Some(1), None]);
    }

    #[test]
    fn a_last_window_that_is_filled_in_part_keeps_its_events() {
        // tonic makes one frame of these 15 µs, as they do not fill a second one.
        assert_eq!(steps(Slices::Window { micros: 10 }, &[7, 16, 17, 22], 3), [Some(0), Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn events_out_of_order_or_place_are_left_out_and_no_steps_are_no_frames() {
        for by in [Slices::Time, Slices::Count, Slices::Window { micros: 10 }] {
            assert_eq!(steps(by, &[9, 3], 1)[1], None);
            assert_eq!(steps(by, &[3, 9], 0), [None, None]);
            let outside = vec![AddressEvent { time: 0, pixel: 5 }, AddressEvent { time: 9, pixel: 0 }];
            let train = Frames { by }.encode(&[outside], Shape::features(2), 1);
            assert_eq!(train.get(0, 0, 1), 0);
        }
    }

    #[test]
    fn more_steps_than_a_recording_has_leave_it_silent() {
        for by in [Slices::Time, Slices::Count] {
            assert_eq!(steps(by, &[3, 4], 8), [None, None]);
            assert_eq!(steps(by, &[], 8), []);
        }
    }
}
