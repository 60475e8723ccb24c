//! Frames of event recordings.

use serde::{Deserialize, Serialize};

use crate::dataset::AddressEvent;
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

/// Cuts an event recording into one frame for each time step. There is one input neuron for each polarity and pixel. It
/// spikes at a step if the frame holds at least one of its events; with `counts`, its input is the number of these
/// events. Every event is in a frame, unless the trial ends before it (`Window`).
///
/// # Equals
/// `ToFrame` of tonic with `n_time_bins` (`Time`), `n_event_bins` (`Count`) or `time_window` (`Window`) and no overlap,
/// if `T` divides the duration or the number of events. Frames of tonic hold event counts, as with `counts` here. tonic
/// drops a remainder at the end, and all of a recording that is shorter than `T`; here every event is assigned to a
/// frame. With `time_window` tonic makes as many frames as the recording fills; here there are always `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frames {
    /// How the recording is cut into frames.
    pub by: Slices,
    /// Whether frames hold event counts rather than spikes.
    pub counts: bool,
}

/// How a recording is cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Slices {
    /// Frames of equal duration, `(last - first) / T` microseconds, starting at the first event. The last event is in
    /// the last frame.
    #[default]
    Time,
    /// Frames with equal numbers of events, `events / T`. If `T` does not divide the number of events, frames differ by
    /// at most one.
    Count,
    /// Frames of a given duration, starting at the first event. Steps after the end of the recording are silent, and
    /// the last frame before them may be partly filled. Events after the last step are ignored: the trial is then
    /// shorter than the recording.
    Window {
        /// Duration of a frame in microseconds, at least 1.
        micros: u32,
    },
}

impl Frames {
    /// Encodes `recordings` `[N]` as spikes `[T, N, ...]`. The events of each recording must be in order of time, and
    /// `shape` is that of the sensor. Events with an earlier time than the first one, or outside the sensor, are
    /// ignored.
    pub fn encode(&self, recordings: &[Vec<AddressEvent>], shape: Shape, steps: usize) -> SpikeTrain {
        let mut train = SpikeTrain::silent(steps, recordings.len(), shape);
        for (sample, events) in recordings.iter().enumerate() {
            for (index, event) in events.iter().enumerate() {
                if let Some(step) = self.step(events, index, steps)
                    && (event.pixel as usize) < shape.len()
                {
                    train.set(step, sample, event.pixel as usize, 1);
                }
            }
        }
        train
    }

    /// Counts the events of `recordings` `[N]` in the frames of [`Frames::encode`]: numbers `[T, N, ...]`. `shape` is
    /// that of the sensor.
    pub fn count(&self, recordings: &[Vec<AddressEvent>], shape: Shape, steps: usize) -> Vec<f32> {
        let mut counts = vec![0.0; steps * recordings.len() * shape.len()];
        for (sample, events) in recordings.iter().enumerate() {
            for (index, event) in events.iter().enumerate() {
                if let Some(step) = self.step(events, index, steps)
                    && (event.pixel as usize) < shape.len()
                {
                    counts[(step * recordings.len() + sample) * shape.len() + event.pixel as usize] += 1.0;
                }
            }
        }
        counts
    }

    /// The time step of the event at `index` of a recording in order of time. `None` if it is in no frame.
    fn step(self, events: &[AddressEvent], index: usize, steps: usize) -> Option<usize> {
        let (first, last) = (events.first()?.time, events.last()?.time);
        let since = u64::from(events.get(index)?.time.checked_sub(first)?);
        let (at, all) = match self.by {
            Slices::Time => (since, u64::from(last.saturating_sub(first))),
            Slices::Count => (index as u64, events.len() as u64),
            Slices::Window { micros } => {
                return since.checked_div(micros.into()).map(|step| step as usize).filter(|&step| step < steps);
            }
        };
        // The frame is proportional to the position within the recording. The end of the recording belongs to the last
        // frame.
        let step = (u128::from(at) * steps as u128).checked_div(all.into()).unwrap_or(0);
        Some((step as usize).min(steps.checked_sub(1)?))
    }

    /// A one-sentence description.
    pub fn describe(&self) -> String {
        let what = match self.by {
            Slices::Time => "equally long frames, one a step".to_owned(),
            Slices::Count => "frames of equally many events, one a step".to_owned(),
            Slices::Window { micros } => format!("frames of {micros} µs, one a step"),
        };
        let input =
            if self.counts { "the input of a pixel is its number of events" } else { "a pixel with an event spikes" };
        format!("frames: {what}; {input}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The steps at which the pixels of a recording spike; each pixel has one event, at one of `times`.
    fn steps(by: Slices, times: &[u32], steps: usize) -> Vec<Option<usize>> {
        let events =
            times.iter().enumerate().map(|(pixel, &time)| AddressEvent { time, pixel: pixel as u32 }).collect();
        let train = Frames { by, counts: false }.encode(&[events], Shape::features(times.len()), steps);
        (0..times.len()).map(|pixel| (0..steps).find(|&step| train.get(step, 0, pixel) == 1)).collect()
    }

    #[test]
    fn counts_are_of_the_events_that_make_spikes() {
        let event = |time, pixel| AddressEvent { time, pixel };
        let recordings = [vec![event(0, 0), event(1, 0), event(1, 2), event(9, 1)], vec![event(5, 2), event(7, 9)]];
        let frames = Frames { by: Slices::Time, counts: true };
        let counts = frames.count(&recordings, Shape::features(3), 2);
        assert_eq!(counts, [2.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let train = frames.encode(&recordings, Shape::features(3), 2);
        let spikes = (0..12).map(|i| f32::from(train.get(i / 6, i / 3 % 2, i % 3)));
        assert!(spikes.eq(counts.iter().map(|count| count.min(1.0))));
    }

    #[test]
    fn frames_by_time_are_equally_long() {
        // 11 µs over 2 steps: the second half begins after 5.5 µs.
        assert_eq!(
            steps(Slices::Time, &[100, 104, 105, 106, 110, 111], 2),
            [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1)]
        );
    }

    #[test]
    fn frames_by_count_hold_equally_many_events() {
        assert_eq!(steps(Slices::Count, &[0, 1, 50, 90], 2), [Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!(steps(Slices::Count, &[0, 1, 2, 50, 90], 2), [Some(0), Some(0), Some(0), Some(1), Some(1)]);
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
            let train = Frames { by, counts: false }.encode(&[outside], Shape::features(2), 1);
            assert_eq!(train.get(0, 0, 1), 0);
        }
    }

    #[test]
    fn a_recording_of_few_events_is_spread_over_the_trial() {
        assert_eq!(steps(Slices::Time, &[3, 4], 8), [Some(0), Some(7)]);
        assert_eq!(steps(Slices::Count, &[3, 4], 8), [Some(0), Some(4)]);
        for by in [Slices::Time, Slices::Count] {
            assert_eq!(steps(by, &[], 8), []);
            assert_eq!(steps(by, &[7], 8), [Some(0)]);
        }
        assert_eq!(steps(Slices::Time, &[7; 3], 8), [Some(0); 3], "all at one time");
        assert_eq!(steps(Slices::Time, &[0, u32::MAX], 65_536), [Some(0), Some(65_535)]);
    }

    proptest! {
        #[test]
        fn no_event_is_lost(times in prop::collection::vec(prop_oneof![0_u32..20, any::<u32>()], 1..80), steps in 1_usize..200) {
            let mut times = times;
            times.sort_unstable();
            let events: Vec<AddressEvent> = times.iter().map(|&time| AddressEvent { time, pixel: 0 }).collect();
            for by in [Slices::Time, Slices::Count, Slices::Window { micros: u32::MAX }] {
                let mut frames = vec![0; steps];
                let frames_of_events: Vec<Option<usize>> =
                    (0..events.len()).map(|index| Frames { by, counts: false }.step(&events, index, steps)).collect();
                frames_of_events.iter().flatten().for_each(|&step| frames[step] += 1);
                prop_assert_eq!(frames.iter().sum::<usize>(), events.len());
                prop_assert!(frames_of_events.is_sorted(), "frames follow each other");
                if by == Slices::Count {
                    let (least, most) = (events.len() / steps, events.len().div_ceil(steps));
                    prop_assert!(frames.iter().all(|frame| (least..=most).contains(frame)));
                }
            }
        }
    }
}
