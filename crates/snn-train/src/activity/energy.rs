//! Energy of synaptic operations, from a table of picojoules per operation.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Operations;

/// Energy per operation, in picojoules. The default is the one most papers on spiking networks use: 32-bit
/// floating-point arithmetic in a 45 nm process, 0.9 pJ for an addition and 3.7 pJ more for the multiplication
/// (Horowitz, *Computing's energy problem*, ISSCC 2014).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EnergyTable {
    /// Energy of one accumulate (AC).
    pub ac: f64,
    /// Energy of one multiply-accumulate (MAC).
    pub mac: f64,
}

impl Default for EnergyTable {
    fn default() -> Self {
        Self { ac: 0.9, mac: 4.6 }
    }
}

impl EnergyTable {
    /// Energy of `acs` accumulates and `macs` multiply-accumulates, in picojoules.
    pub fn energy(&self, acs: f64, macs: f64) -> f64 {
        acs * self.ac + macs * self.mac
    }
}

impl FromStr for EnergyTable {
    type Err = String;

    /// Parses `ac=0.9,mac=4.6`. An omitted value keeps its default.
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

/// Energy of the synaptic operations of one inference, in picojoules. Excludes neuron updates, memory and control.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// The energies per operation.
    pub table: EnergyTable,
    /// Energy of this network, from `Effective_ACs` and `Effective_MACs`.
    pub own: f64,
    /// Energy of a conventional network (ANN) of the same shape: one forward pass of multiply-accumulates.
    pub ann: f64,
}

impl Energy {
    /// Energy of the ANN divided by that of this network; `None` if this network uses no energy.
    pub fn ratio(&self) -> Option<f64> {
        (self.own > 0.0).then(|| self.ann / self.own)
    }

    /// Computes the energy of `operations`, and that of an ANN with `ann_macs` multiply-accumulates.
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
