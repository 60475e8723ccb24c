//! Energy of synaptic operations, by a table of energies an operation.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Operations;

/// Picojoules an operation. The default is the one of most papers on spiking networks: 32-bit floating-point arithmetic
/// in a 45 nm process, 0.9 pJ for an addition and 3.7 pJ more for the multiplication (Horowitz, *Computing's energy
/// problem*, ISSCC 2014).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EnergyTable {
    /// Of an accumulate.
    pub ac: f64,
    /// Of a multiply-accumulate.
    pub mac: f64,
}

impl Default for EnergyTable {
    fn default() -> Self {
        Self { ac: 0.9, mac: 4.6 }
    }
}

impl EnergyTable {
    /// Picojoules of so many accumulates and multiply-accumulates.
    pub fn energy(&self, acs: f64, macs: f64) -> f64 {
        acs * self.ac + macs * self.mac
    }
}

impl FromStr for EnergyTable {
    type Err = String;

    /// Reads `ac=0.9,mac=4.6`; what is left out keeps its default.
    fn from_str(text: &str) -> Result<Self, String> {
        let (mut ac, mut mac) = (None, None);
        for entry in text.split(',') {
            let expected = || format!("expected picojoules such as ac=0.9,mac=4.6, found \"{entry}\"");
            let (name, value) = entry.split_once('=').ok_or_else(expected)?;
            let value: f64 = value.trim().parse().map_err(|_| expected())?;
            if !(value >= 0.0 && value.is_finite()) {
                return Err(format!("an energy must be at least 0 and finite, found {value}"));
            }
            let place = match name.trim() {
                "ac" => &mut ac,
                "mac" => &mut mac,
                _ => return Err(expected()),
            };
            if place.replace(value).is_some() {
                return Err(format!("{} is given twice", name.trim()));
            }
        }
        let default = Self::default();
        Ok(Self { ac: ac.unwrap_or(default.ac), mac: mac.unwrap_or(default.mac) })
    }
}

/// Energy of the synaptic operations of an inference, in picojoules. Neurons, memory and control are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Energies an operation.
    pub table: EnergyTable,
    /// Of the network: `Effective_ACs` and `Effective_MACs`.
    pub own: f64,
    /// Of a conventional network of the same shape: one pass of multiply-accumulates.
    pub ann: f64,
}

impl Energy {
    /// How many times as much the conventional network takes; none where this one takes nothing.
    pub fn ratio(&self) -> Option<f64> {
        (self.own > 0.0).then(|| self.ann / self.own)
    }

    /// What `operations` take, where a conventional network takes `ann_macs`.
    pub fn new(table: EnergyTable, operations: &Operations, ann_macs: u64) -> Self {
        let own = table.energy(operations.effective_acs, operations.effective_macs);
        Self { table, own, ann: table.energy(0.0, ann_macs as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_in_part_or_as_a_whole() {
        assert_eq!("ac=0.1, mac=3".parse(), Ok(EnergyTable { ac: 0.1, mac: 3.0 }));
        assert_eq!("mac=3".parse(), Ok(EnergyTable { ac: 0.9, mac: 3.0 }));
        let message = |text: &str| text.parse::<EnergyTable>().unwrap_err();
        assert_eq!(message("add=1"), "expected picojoules such as ac=0.9,mac=4.6, found \"add=1\"");
        assert_eq!(message("ac"), "expected picojoules such as ac=0.9,mac=4.6, found \"ac\"");
        assert_eq!(message("ac=-1"), "an energy must be at least 0 and finite, found -1");
        assert_eq!(message("ac=1,mac=2,ac=1"), "ac is given twice");
    }
}
