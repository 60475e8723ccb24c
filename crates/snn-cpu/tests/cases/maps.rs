//! Maps that fit where they are put.

use snn_core::{Map, Projection, Shape, Source};

/// A map of the same kind that `shape` has room for.
pub(crate) fn fitted(map: Map, shape: Shape) -> Map {
    match map {
        Map::Conv { channels, kernel: [height, width], stride, padding } => {
            let kernel = [height.min(shape.height + 2 * padding), width.min(shape.width + 2 * padding)];
            Map::Conv { channels, kernel, stride, padding }
        }
        Map::AvgPool { size, stride } => Map::AvgPool { size: size.min(shape.height).min(shape.width), stride },
        Map::Linear { .. } | Map::Subsample { .. } => map,
    }
}

/// Whether single precision holds the map's coefficients.
pub(crate) fn is_exact(map: &Map) -> bool {
    !matches!(map, Map::AvgPool { size: 3, .. })
}

/// Projections of some kinds, from any of `sources`, whose output is of shape `target`.
pub(crate) fn projections_onto(target: Shape, sources: &[(Source, Shape)]) -> Vec<Projection> {
    let channels = target.channels;
    let strides = || 1..=3;
    let mut maps: Vec<Map> = strides().map(|stride| Map::Subsample { stride }).collect();
    maps.extend(strides().map(|stride| Map::AvgPool { size: 2, stride }));
    maps.extend(strides().map(|stride| Map::Conv { channels, kernel: [1, 1], stride, padding: 0 }));
    maps.extend(strides().map(|stride| Map::Conv { channels, kernel: [3, 2], stride, padding: 1 }));
    maps.push(Map::Linear { features: channels });
    let fits = |map: &Map, shape| map.output(shape) == Ok(target);
    let from = |&(source, shape)| {
        maps.iter().filter(move |map| fits(map, shape)).map(move |&map| Projection::new(source, map))
    };
    sources.iter().flat_map(from).collect()
}
