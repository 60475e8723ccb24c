//! Learning-rate schedules.

use std::f64::consts::PI;

use snn_models::experiment::{Anneal, Schedule};

/// Factor on the learning rate for the update on batch `batch` of epoch `epoch` (both from 0), in a run of `epochs`
/// epochs with `batches` batches each.
///
/// The warmup of [`Schedule::Cosine`] takes `r = round(warmup · batches)` updates with factors `1/r, 2/r, ... 1`. The
/// half cosine spans all later updates, and reaches its floor one update after the last.
pub fn factor(schedule: &Schedule, epoch: usize, batch: usize, batches: usize, epochs: usize) -> f32 {
    match schedule {
        Schedule::Constant => 1.0,
        Schedule::Steps { at, factor } => at.iter().filter(|&&drop| drop <= epoch).map(|_| factor).product(),
        Schedule::Cosine { floor, warmup } => {
            let rise = (f64::from(*warmup) * batches as f64).round().max(0.0);
            let (update, all) = ((epoch * batches + batch) as f64, (epochs * batches) as f64);
            if update < rise {
                return ((update + 1.0) / rise) as f32;
            }
            let share = ((update - rise) / (all - rise).max(1.0)).min(1.0);
            let floor = f64::from(*floor);
            (floor + (1.0 - floor) * 0.5 * (1.0 + (PI * share).cos())) as f32
        }
        &Schedule::OneCycle { rise, start, end, anneal } => {
            let (update, all) = ((epoch * batches + batch) as f64, (epochs * batches) as f64);
            let top = f64::from(rise) * all;
            let way = |from: f32, to: f32, share: f64| {
                let (from, to) = (f64::from(from), f64::from(to));
                let done = match anneal {
                    Anneal::Linear => share,
                    Anneal::Cosine => 0.5 * (1.0 - (PI * share).cos()),
                };
                (from + (to - from) * done) as f32
            };
            if update < top { way(start, 1.0, update / top) } else { way(1.0, end, (update - top) / (all - top)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_stays() {
        assert_eq!(factor(&Schedule::Constant, 99, 7, 10, 100), 1.0);
    }

    #[test]
    fn steps_multiply_once_for_each_epoch_reached() {
        let schedule = Schedule::Steps { at: vec![2, 4], factor: 0.5 };
        let factors: Vec<f32> = (0..6).map(|epoch| factor(&schedule, epoch, 9, 10, 6)).collect();
        assert_eq!(factors, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
    }

    #[test]
    fn a_cosine_falls_from_1_through_the_middle_towards_its_floor() {
        let schedule = Schedule::Cosine { floor: 0.2, warmup: 0.0 };
        assert_eq!(factor(&schedule, 0, 0, 10, 2), 1.0);
        assert_eq!(factor(&schedule, 1, 0, 10, 2), 0.6);
        let last = factor(&schedule, 1, 9, 10, 2);
        assert!(last > 0.2 && last < 0.21, "{last}");
    }

    #[test]
    fn warmup_rises_in_a_line_and_gives_way_to_the_cosine() {
        let schedule = Schedule::Cosine { floor: 0.0, warmup: 0.5 };
        let factors: Vec<f32> = (0..8).map(|step| factor(&schedule, 0, step, 8, 2)).collect();
        assert_eq!(factors[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert!(factors[5] < 1.0);
    }

    #[test]
    fn one_cycle_rises_and_falls() {
        let schedule = |anneal| Schedule::OneCycle { rise: 0.25, start: 0.2, end: 0.1, anneal };
        let factors = |anneal| (0..9).map(|step| factor(&schedule(anneal), 0, step, 8, 1)).collect::<Vec<f32>>();
        let close = |a: &[f32], b: [f32; 9]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(&factors(Anneal::Linear), [0.2, 0.6, 1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1]));
        let cosine = factors(Anneal::Cosine);
        assert!(cosine[0] == 0.2 && cosine[2] == 1.0 && (cosine[5] - 0.55).abs() < 1e-6 && cosine[3] > 0.85);
    }

    #[test]
    fn a_warmup_longer_than_the_run_only_rises() {
        let schedule = Schedule::Cosine { floor: 0.0, warmup: 4.0 };
        assert_eq!(factor(&schedule, 1, 9, 10, 2), 0.5);
    }
}
