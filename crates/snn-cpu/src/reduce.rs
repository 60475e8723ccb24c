//! Sums the gradients of many samples in an order that does not depend on the number of threads. Gradients of
//! convolutions are summed over the samples of a round, in sample order. Those of linear maps are summed tile by tile,
//! each over the samples in order.

use rayon::prelude::*;
use snn_core::Weights;

use crate::compiled::Compiled;
use crate::feed::Feed;
use crate::kernels::adjoint::{LinearGradient, Scratch};
use crate::kernels::numbers::Reads;
use crate::kernels::walk::ErrorsOverTime;
use crate::layout::Tile;
use crate::simd::{Lane, dispatch};

impl Compiled {
    /// Sets the gradients to zero, and also the packed gradients of linear maps, which are accumulated over samples.
    pub(crate) fn reset_gradients(&self, gradients: &mut Weights, linear: &mut Vec<Vec<Lane>>) {
        if self.network.check_form(gradients).is_err() {
            *gradients = self.network.zeros();
        }
        for gradient in gradients.iter_mut() {
            gradient.fill(0.0);
        }
        linear.resize(self.weights.len(), Vec::new());
        for (weight, packed) in linear.iter_mut().enumerate().filter(|(weight, _)| self.is_linear(*weight)) {
            packed.clear();
            packed.resize(self.weights[weight].packed_lanes(), Lane::ZERO);
        }
    }

    /// Adds the packed gradients of linear maps to the gradients of the network.
    pub(crate) fn add_linear(&self, packed: &[Vec<Lane>], gradients: &mut Weights) {
        for (weight, packed) in packed.iter().enumerate().filter(|(_, packed)| !packed.is_empty()) {
            self.weights[weight].add_unpacked(&[packed], &mut gradients[weight], self.level.tile_lanes());
        }
    }

    /// Sets to zero the gradient buffer of each feed of a population that goes through a trained convolution. Buffers
    /// of other feeds become empty.
    pub(crate) fn reset_convolutions(&self, population: usize, gradients: &mut Vec<Vec<Lane>>) {
        let feeds = &self.feeds[population];
        gradients.resize(gradients.len().max(feeds.len()), Vec::new());
        for (feed, gradient) in feeds.iter().zip(gradients) {
            gradient.clear();
            if let Some(weight) =
                self.weight_of(population, feed).filter(|&weight| !self.is_linear(weight) && self.is_trained(weight))
            {
                gradient.resize(self.weights[weight].packed_lanes(), Lane::ZERO);
            }
        }
    }

    /// Adds the gradients of `slots` samples to those of the convolutions into a population, in sample order. `of`
    /// returns the buffer of a slot and a feed.
    pub(crate) fn add_convolutions<'a>(
        &self,
        population: usize,
        slots: usize,
        of: impl Fn(usize, usize) -> &'a [Lane],
        gradients: &mut Weights,
    ) {
        for (i, feed) in self.feeds[population].iter().enumerate() {
            let is_meant = |weight: &usize| !self.is_linear(*weight) && self.is_trained(*weight);
            let Some(weight) = self.weight_of(population, feed).filter(is_meant) else { continue };
            let copies: Vec<&[Lane]> = (0..slots).map(|slot| of(slot, i)).collect();
            self.weights[weight].add_unpacked(&copies, &mut gradients[weight], self.level.tile_lanes());
        }
    }

    /// Adds the gradients of `samples`, in their order, to the packed gradient of a feed's linear map. Each entry of
    /// `samples` is what is read of the source and the errors of the target. Tiles run in parallel.
    pub(crate) fn add_linear_map(
        &self,
        (population, feed): (usize, &Feed),
        samples: &[(Reads<'_>, ErrorsOverTime<'_>)],
        steps: usize,
        packed: &mut [Lane],
    ) {
        let map = self.projection(population, feed).map;
        let (source, target) = (*self.source(feed.source), self.mapped(population, feed.projection));
        let shape = self.weight_shape(self.weight_of(population, feed));
        let mut rest = packed;
        let mut tasks: Vec<(Tile, &mut [Lane])> = Vec::new();
        for tile in target.tiles(self.level.tile_lanes()) {
            let (gradient, others) = rest.split_at_mut(shape.tile_range(tile).len());
            tasks.push((tile, gradient));
            rest = others;
        }
        tasks.into_par_iter().for_each_init(Scratch::default, |scratch, (tile, gradient)| {
            let job = LinearGradient { map, source, samples, target, shape, tile, gradient, steps, scratch };
            dispatch(self.level, job);
        });
    }
}
