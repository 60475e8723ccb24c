//! Errors of a target over time, and the loop over the spikes of source neurons that reads them.

use std::ops::Range;

use crate::events::{Active, Events};
use crate::layout::{Layout, Tile};
use crate::simd::{LANE, Lane, Simd};

/// The errors of a population over time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ErrorsOverTime<'a> {
    /// One change of the error per event.
    Changes(&'a Events),
    /// The error at every step, `[step][pixel][lane]`.
    Rows(&'a [Lane]),
}

impl ErrorsOverTime<'_> {
    /// Writes the errors of a pixel and tile at every step to `d`. Returns false if all are known to be 0; `d` is then
    /// unspecified.
    #[inline(always)]
    pub(crate) fn lay_out<S: Simd, const V: usize>(
        self,
        layout: &Layout,
        pixel: usize,
        tile: Tile,
        d: &mut [[Lane; V]],
    ) -> bool {
        match self {
            Self::Changes(events) => {
                let active = events.within(pixel, tile);
                let has_any = !active.is_empty();
                if has_any {
                    add_up::<S, V>(events, active, tile, d);
                }
                has_any
            }
            Self::Rows(rows) => {
                let first = pixel * layout.lanes + tile.start;
                let rows = rows.chunks_exact(layout.width());
                for (d, row) in d.iter_mut().zip(rows) {
                    d.copy_from_slice(&row[first..first + V]);
                }
                d.iter().flatten().any(|lane| !is_zero(lane))
            }
        }
    }
}

/// Whether all values of a lane are 0.
#[inline(always)]
pub(crate) fn is_zero(lane: &Lane) -> bool {
    lane.0.iter().fold(0, |any, x| any | x.to_bits() << 1) == 0
}

/// Computes `d[t] = Σ_{t' >= t} delta[t']` for the neurons in `active`, all of one pixel and tile.
#[inline(always)]
fn add_up<S: Simd, const V: usize>(errors: &Events, active: Range<usize>, tile: Tile, d: &mut [[Lane; V]]) {
    d.fill([Lane::ZERO; V]);
    for active in &errors.active[active] {
        let (lane, i) = (active.channel as usize / LANE - tile.start, active.channel as usize % LANE);
        for (&t, &delta) in std::iter::zip(&errors.times[active.spikes()], &errors.delta[active.spikes()]) {
            d[usize::from(t)][lane].0[i] = delta;
        }
    }
    let mut sum = [S::splat(0.0); V];
    for d in d.iter_mut().rev() {
        for i in 0..V {
            sum[i] = S::add(sum[i], S::load(&d[i]));
            S::store(sum[i], &mut d[i]);
        }
    }
}

/// Walks over the spikes of active source neurons. With `ERRORS`, adds `row · d(t)` to `g` of each spike. With
/// `GRADIENT`, adds `scale · Σ d(t)` to the gradient row of each neuron.
#[inline(always)]
pub(crate) fn walk<S: Simd, const V: usize, const ERRORS: bool, const GRADIENT: bool>(
    active: &[Active],
    times: &[u16],
    rows: &[[Lane; V]],
    d_rows: &mut [[Lane; V]],
    g: &mut [f32],
    d: &[[Lane; V]],
) {
    let zero = [S::splat(0.0); V];
    for active in active {
        let channel = active.channel as usize;
        let mut row = zero;
        if ERRORS {
            for i in 0..V {
                row[i] = S::load(&rows[channel][i]);
            }
        }
        let mut sum = zero;
        let (quads, rest) = times[active.spikes()].as_chunks::<4>();
        let first = active.start as usize;
        for (quad, times) in quads.iter().enumerate() {
            let mut products = [S::splat(0.0); 4];
            for j in 0..4 {
                (products[j], sum) = visit::<S, V, ERRORS, GRADIENT>(&d[usize::from(times[j])], &row, sum);
            }
            if ERRORS {
                let sums = S::sum_lanes(products);
                if let Some(g) = g[first + 4 * quad..].first_chunk_mut::<4>() {
                    for j in 0..4 {
                        g[j] += sums[j];
                    }
                }
            }
        }
        if !rest.is_empty() {
            let mut products = [S::splat(0.0); 4];
            for (product, &t) in products.iter_mut().zip(rest) {
                (*product, sum) = visit::<S, V, ERRORS, GRADIENT>(&d[usize::from(t)], &row, sum);
            }
            if ERRORS {
                let sums = S::sum_lanes(products);
                for (g, sum) in g[first + 4 * quads.len()..].iter_mut().zip(&sums[..rest.len()]) {
                    *g += sum;
                }
            }
        }
        if GRADIENT {
            let scale = S::splat(active.scale);
            let d_row = &mut d_rows[channel];
            for i in 0..V {
                S::store(S::mul_add(scale, sum[i], S::load(&d_row[i])), &mut d_row[i]);
            }
        }
    }
}

/// Handles one spike: returns `row · d` with its lanes not yet summed, and `sum + d`.
#[inline(always)]
fn visit<S: Simd, const V: usize, const ERRORS: bool, const GRADIENT: bool>(
    d: &[Lane; V],
    row: &[S::F; V],
    mut sum: [S::F; V],
) -> (S::F, [S::F; V]) {
    let mut product = S::splat(0.0);
    for i in 0..V {
        let d = S::load(&d[i]);
        if ERRORS {
            product = if i == 0 { S::mul(d, row[i]) } else { S::mul_add(d, row[i], product) };
        }
        if GRADIENT {
            sum[i] = S::add(sum[i], d);
        }
    }
    (product, sum)
}

/// Computes `Σ d(t)`.
#[inline(always)]
pub(crate) fn sum_over_time<S: Simd, const V: usize>(d: &[[Lane; V]]) -> [S::F; V] {
    let mut sum = [S::splat(0.0); V];
    for d in d {
        for i in 0..V {
            sum[i] = S::add(sum[i], S::load(&d[i]));
        }
    }
    sum
}

/// Adds the current of each neuron times `Σ d(t)` to the neuron's gradient row.
#[inline(always)]
pub(crate) fn add_products<S: Simd, const V: usize>(active: &[Active], sum: &[S::F; V], d_rows: &mut [[Lane; V]]) {
    for active in active {
        let (scale, d_row) = (S::splat(active.scale), &mut d_rows[active.channel as usize]);
        for i in 0..V {
            S::store(S::mul_add(scale, sum[i], S::load(&d_row[i])), &mut d_row[i]);
        }
    }
}
