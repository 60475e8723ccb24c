//! Maps that fit given shapes.

use crate::map::{Map, Window};
use crate::network::{Projection, Source};
use crate::shape::Shape;

/// Returns a map of the same kind, reduced so that it fits an input of shape `shape`.
pub(super) fn fitted(map: Map, shape: Shape) -> Map {
    match map {
        Map::Conv(mut conv) => {
            for (axis, extent) in [(0, shape.height), (1, shape.width)] {
                let Window { size, padding, dilation, .. } = &mut conv.window;
                if dilation[axis] * (size[axis] - 1) >= extent + 2 * padding[axis] {
                    dilation[axis] = 1;
                    size[axis] = size[axis].min(extent + 2 * padding[axis]);
                }
            }
            if !shape.channels.is_multiple_of(conv.groups) || !conv.channels.is_multiple_of(conv.groups) {
                conv.groups = if conv.channels.is_multiple_of(shape.channels) { shape.channels } else { 1 };
            }
            Map::Conv(conv)
        }
        Map::AvgPool { size, stride } => Map::AvgPool { size: size.min(shape.height).min(shape.width), stride },
        Map::Linear { .. } | Map::Subsample { .. } => map,
    }
}

/// Whether the map's constant coefficients are exact in single precision.
pub(super) fn is_exact(map: &Map) -> bool {
    !matches!(map, Map::AvgPool { size: 3, .. })
}

/// Projections of several kinds from any of `sources` whose output has shape `target`.
pub(super) fn projections_onto(target: Shape, sources: &[(Source, Shape)]) -> Vec<Projection> {
    let channels = target.channels;
    let strides = || 1..=3;
    let mut maps: Vec<Map> = strides().map(|stride| Map::Subsample { stride }).collect();
    maps.extend(strides().map(|stride| Map::AvgPool { size: 2, stride }));
    maps.extend(strides().map(|stride| Map::conv(channels, [1, 1], stride, 0)));
    maps.extend(strides().map(|stride| Map::conv(channels, [3, 2], stride, 1)));
    maps.push(Map::Linear { features: channels });
    let fits = |map: &Map, shape| map.output(shape) == Ok(target);
    let from = |&(source, shape)| {
        maps.iter().filter(move |map| fits(map, shape)).map(move |&map| Projection::new(source, map))
    };
    sources.iter().flat_map(from).collect()
}
