//! Selection of the samples of a data set that are used, and of those held out for validation. By default both are
//! stratified by class, because many data sets are sorted by class. The selection is deterministic.

use std::cmp::Reverse;
use std::fmt;

use ron::value::RawValue;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::part::{Part, as_written};

/// How many samples of a data set are used, and which. Written in RON as a number or `First(number)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The first samples of each class, in proportion to its size. Every class is represented if there are at least as
    /// many samples as classes. With fewer, one sample of each of the classes that occur first.
    Spread(usize),
    /// The first samples of the data set, regardless of their classes.
    First(usize),
}

/// How many training samples are held out for validation, and which. Written in RON as a number or `Last(number)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldOut {
    /// The last samples of each class, in proportion to its size. At least one sample of each class stays in the
    /// training set, if enough samples can be held out that way.
    Spread(usize),
    /// The last samples of the data set, regardless of their classes.
    Last(usize),
}

impl Limit {
    /// Number of samples.
    pub fn count(self) -> usize {
        match self {
            Self::Spread(count) | Self::First(count) => count,
        }
    }

    /// Selects samples by their `labels`. Returns their indices in ascending order; all of them if there are no more
    /// than the limit.
    pub fn samples(self, labels: &[u8]) -> Vec<u32> {
        if self.count() >= labels.len() {
            return (0..labels.len() as u32).collect();
        }
        let mut quotas = match self {
            Self::First(count) => return (0..count as u32).collect(),
            Self::Spread(count) => at_least_one(labels, count),
        };
        let indexed = labels.iter().zip(0..);
        indexed.filter(|&(&label, _)| spend(&mut quotas[usize::from(label)])).map(|(_, index)| index).collect()
    }
}

impl HoldOut {
    /// Number of samples.
    pub fn count(self) -> usize {
        match self {
            Self::Spread(count) | Self::Last(count) => count,
        }
    }

    /// Returns the same selection with another number of samples.
    #[must_use]
    pub fn with_count(self, count: usize) -> Self {
        match self {
            Self::Spread(_) => Self::Spread(count),
            Self::Last(_) => Self::Last(count),
        }
    }

    /// Splits samples by their `labels` into those to train on and those held out. Returns the indices of both in
    /// ascending order. If there are no more samples than are to be held out, all of them are.
    pub fn split(self, labels: &[u8]) -> [Vec<u32>; 2] {
        let count = self.count().min(labels.len());
        let Self::Spread(_) = self else {
            let (first, end) = ((labels.len() - count) as u32, labels.len() as u32);
            return [(0..first).collect(), (first..end).collect()];
        };
        let sizes = sizes(labels);
        let most = sizes.map(|size| size.saturating_sub(1));
        let mut quotas = in_proportion(&sizes, &most, count);
        if quotas.iter().sum::<usize>() < count {
            quotas = in_proportion(&sizes, &sizes, count);
        }
        let mut is_held_out = vec![false; labels.len()];
        for (label, is_held_out) in labels.iter().zip(&mut is_held_out).rev() {
            *is_held_out = spend(&mut quotas[usize::from(*label)]);
        }
        let indexed = |which| is_held_out.iter().zip(0..).filter(move |&(held, _)| *held == which);
        [false, true].map(|which| indexed(which).map(|(_, index)| index).collect())
    }
}

/// Takes one from the quota. Returns false if nothing is left.
fn spend(quota: &mut usize) -> bool {
    let is_left = *quota > 0;
    *quota -= usize::from(is_left);
    is_left
}

/// Number of samples of each class.
fn sizes(labels: &[u8]) -> [usize; 256] {
    let mut sizes = [0; 256];
    for &label in labels {
        sizes[usize::from(label)] += 1;
    }
    sizes
}

/// Divides `count` among classes in proportion to their `sizes`, by the largest remainder method; between equal
/// remainders, the lower class comes first. No class gets more than its `most`; the rest is given to other classes.
fn in_proportion(sizes: &[usize; 256], most: &[usize; 256], count: usize) -> [usize; 256] {
    let all = sizes.iter().sum::<usize>().max(1) as u128;
    let share = |class: usize| count as u128 * sizes[class] as u128;
    let mut quotas: [usize; 256] = std::array::from_fn(|class| most[class].min((share(class) / all) as usize));
    let mut order: Vec<usize> = (0..256).filter(|&class| sizes[class] > 0).collect();
    order.sort_by_key(|&class| Reverse(share(class) % all));
    let mut left = count.saturating_sub(quotas.iter().sum());
    while left > 0 {
        let before = left;
        for &class in &order {
            let gives = usize::from(left > 0 && quotas[class] < most[class]);
            quotas[class] += gives;
            left -= gives;
        }
        if left == before {
            break;
        }
    }
    quotas
}

/// Divides `count` among the classes of `labels` in proportion, at least one for each class. If there are more classes
/// than `count`, gives one to each of the classes that occur first.
fn at_least_one(labels: &[u8], count: usize) -> [usize; 256] {
    let sizes = sizes(labels);
    if count < sizes.iter().filter(|size| **size > 0).count() {
        let mut quotas = [0; 256];
        let mut left = count;
        for &label in labels {
            let gives = usize::from(left > 0 && quotas[usize::from(label)] == 0);
            quotas[usize::from(label)] += gives;
            left -= gives;
        }
        return quotas;
    }
    let mut quotas = in_proportion(&sizes, &sizes, count);
    for class in 0..256 {
        if sizes[class] > 0 && quotas[class] == 0 {
            let richest = (0..256).rev().max_by_key(|&class| quotas[class]).unwrap_or(class);
            quotas[richest] -= 1;
            quotas[class] = 1;
        }
    }
    quotas
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spread(count) => write!(f, "{count}"),
            Self::First(count) => write!(f, "First({count})"),
        }
    }
}

impl fmt::Display for HoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spread(count) => write!(f, "{count}"),
            Self::Last(count) => write!(f, "Last({count})"),
        }
    }
}

/// Deserialises a number, `name(number)` or `Spread(number)`. Returns the number and whether it was in `name(...)`.
fn read<'de, D: Deserializer<'de>>(deserializer: D, name: &str) -> Result<(bool, usize), D::Error> {
    let text = as_written(deserializer)?;
    let part = Part::parse(&text).ok();
    let part = part.filter(|part| part.name == name || part.name == "Spread");
    let number = part.as_ref().map_or(text.as_str(), |part| part.fields.as_str());
    let number = number.strip_prefix('(').and_then(|number| number.strip_suffix(')')).unwrap_or(number);
    let Ok(count) = ron::from_str(number) else {
        let found = crate::text::excerpt(text.trim());
        return Err(D::Error::custom(format!("expected a number, or {name}(number), found {found}")));
    };
    Ok((part.is_some_and(|part| part.name == name), count))
}

/// Serialises the RON text of a selection, the inverse of [`read`].
fn write<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_ron(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (is_named, count) = read(deserializer, "First")?;
        Ok(if is_named { Self::First(count) } else { Self::Spread(count) })
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(&self.to_string(), serializer)
    }
}

impl<'de> Deserialize<'de> for HoldOut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (is_named, count) = read(deserializer, "Last")?;
        Ok(if is_named { Self::Last(count) } else { Self::Spread(count) })
    }
}

impl Serialize for HoldOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(&self.to_string(), serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Labels of samples sorted by class.
    fn sorted(sizes: &[usize]) -> Vec<u8> {
        sizes.iter().zip(0..).flat_map(|(&size, class)| vec![class; size]).collect()
    }

    fn counts(labels: &[u8], samples: &[u32]) -> Vec<usize> {
        let chosen: Vec<u8> = samples.iter().map(|&sample| labels[sample as usize]).collect();
        sizes(&chosen)[..=usize::from(*labels.iter().max().unwrap())].to_vec()
    }

    #[test]
    fn held_out_samples_are_the_last_ones_of_each_class() {
        let labels = sorted(&[40, 20, 10]);
        let [learned, held_out] = HoldOut::Spread(7).split(&labels);
        assert_eq!(held_out, [36, 37, 38, 39, 58, 59, 69]);
        assert_eq!(learned, (0..70).filter(|index| !held_out.contains(index)).collect::<Vec<u32>>());
        // 8 of 70: 4.57, 2.29 and 1.14.
        assert_eq!(counts(&labels, &HoldOut::Spread(8).split(&labels)[1]), [5, 2, 1]);
        assert_eq!(HoldOut::Last(7).split(&labels)[1], (63..70).collect::<Vec<u32>>());
        assert_eq!(HoldOut::Last(0).split(&labels), [(0..70).collect::<Vec<u32>>(), vec![]]);
    }

    #[test]
    fn a_class_keeps_a_sample_to_learn_from() {
        let labels = sorted(&[2, 1, 10]);
        assert_eq!(counts(&labels, &HoldOut::Spread(10).split(&labels)[0]), [1, 1, 1]);
        assert_eq!(HoldOut::Spread(12).split(&labels).map(|samples| samples.len()), [1, 12]);
        let singles = sorted(&[1; 10]);
        assert_eq!(HoldOut::Spread(4).split(&singles)[1], [0, 1, 2, 3]);
    }

    #[test]
    fn a_limit_loses_no_class() {
        let labels = sorted(&[1000, 1, 5, 60]);
        assert_eq!(counts(&labels, &Limit::Spread(10).samples(&labels)), [7, 1, 1, 1]);
        assert_eq!(Limit::Spread(4).samples(&labels), [0, 1000, 1001, 1006]);
        assert_eq!(Limit::Spread(2).samples(&labels), [0, 1000]);
        assert_eq!(Limit::Spread(2).samples(&[3, 3, 1, 0]), [0, 2]);
        assert_eq!(Limit::First(3).samples(&labels), [0, 1, 2]);
        assert_eq!(Limit::Spread(9).samples(&[0, 0]), [0, 1]);
    }

    #[test]
    fn choices_are_numbers_or_named() {
        let both = |text: &str| (ron::from_str::<Limit>(text), ron::from_str::<HoldOut>(text));
        assert_eq!(both(" 5_000 "), (Ok(Limit::Spread(5000)), Ok(HoldOut::Spread(5000))));
        assert_eq!(both("Spread(7)"), (Ok(Limit::Spread(7)), Ok(HoldOut::Spread(7))));
        assert_eq!(ron::from_str("First(7)"), Ok(Limit::First(7)));
        assert_eq!(ron::from_str("Last( /* many */ 7 )"), Ok(HoldOut::Last(7)));
        assert_eq!(ron::to_string(&HoldOut::Last(7)).unwrap(), "Last(7)");
        assert_eq!(ron::to_string(&Limit::Spread(7)).unwrap(), "7");
        for wrong in [
            "-1",
            "1.5",
            "First(1)",
            "Last",
            "Last()",
            "Last(-1)",
            "Last(1, 2)",
            "Spread",
            "Spread()",
            "\"many\"",
            "(1",
        ] {
            let found = ron::from_str::<HoldOut>(wrong);
            assert!(found.is_err(), "{wrong}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn every_sample_is_learned_from_or_held_out(labels in prop::collection::vec(0_u8..12, 1..300), count in 0_usize..300) {
            let count = count.min(labels.len() - 1);
            for choice in [HoldOut::Spread(count), HoldOut::Last(count)] {
                let [learned, held_out] = choice.split(&labels);
                prop_assert_eq!(held_out.len(), count);
                prop_assert!(learned.is_sorted() && held_out.is_sorted());
                let mut all = [learned, held_out].concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..labels.len() as u32).collect::<Vec<_>>());
            }
            let held_out = sizes(&HoldOut::Spread(count).split(&labels)[1].iter().map(|&i| labels[i as usize]).collect::<Vec<_>>());
            for (&held_out, &size) in held_out.iter().zip(&sizes(&labels)) {
                let exact = count as f64 * size as f64 / labels.len() as f64;
                prop_assert!(held_out as f64 <= exact + 13.0 && held_out <= size);
            }
        }

        #[test]
        fn a_limit_keeps_so_many_samples_of_all_classes(labels in prop::collection::vec(0_u8..12, 1..300), count in 1_usize..320) {
            let samples = Limit::Spread(count).samples(&labels);
            prop_assert_eq!(samples.len(), count.min(labels.len()));
            prop_assert!(samples.is_sorted_by(|a, b| a < b));
            let kept: Vec<u8> = samples.iter().map(|&sample| labels[sample as usize]).collect();
            let classes = |labels: &[u8]| sizes(labels).iter().filter(|size| **size > 0).count();
            prop_assert_eq!(classes(&kept), classes(&labels).min(count));
        }
    }
}
