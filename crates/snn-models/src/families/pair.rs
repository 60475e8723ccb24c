//! Pairs of numbers for rows and columns, written as a single number if they are equal.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeTuple as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number for rows and one for columns, written as `3` if they are equal, else as `(3, 5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsColumns(pub [usize; 2]);

impl RowsColumns {
    /// Creates a pair of equal numbers.
    pub const fn both(number: usize) -> Self {
        Self([number, number])
    }
}

impl fmt::Display for RowsColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [rows, columns] if rows == columns => write!(f, "{rows}"),
            [rows, columns] => write!(f, "({rows}, {columns})"),
        }
    }
}

impl Serialize for RowsColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [rows, columns] = self.0;
        if rows == columns {
            return rows.serialize(serializer);
        }
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&rows)?;
        tuple.serialize_element(&columns)?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for RowsColumns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrTwo)
    }
}

struct OneOrTwo;

impl<'de> Visitor<'de> for OneOrTwo {
    type Value = RowsColumns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or two as in (3, 5), for rows and columns")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<RowsColumns, E> {
        usize::try_from(number)
            .map(RowsColumns::both)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<RowsColumns, A::Error> {
        let mut next = |index| numbers.next_element()?.ok_or_else(|| de::Error::invalid_length(index, &OneOrTwo));
        let pair = RowsColumns([next(0)?, next(1)?]);
        match numbers.next_element::<de::IgnoredAny>()? {
            None => Ok(pair),
            Some(_) => Err(de::Error::invalid_value(de::Unexpected::Seq, &OneOrTwo)),
        }
    }
}
