//! Engines by name.

use crate::core::{Engine, reference::Reference};
use crate::cpu::Cpu;

/// Names of all engines, the one to choose when in doubt first.
pub const NAMES: [&str; 2] = ["cpu", "reference"];

/// The engine named `name`, if there is one; on `threads` threads where it uses several (0: as many as there are
/// cores).
pub fn find(name: &str, threads: usize) -> Option<Box<dyn Engine>> {
    match name {
        "cpu" => Some(Box::new(Cpu::new(threads))),
        "reference" => Some(Box::new(Reference)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_the_engine_of_that_name() {
        for name in NAMES {
            assert_eq!(find(name, 1).map(|engine| engine.name()), Some(name));
        }
        assert!(find("abacus", 1).is_none());
    }
}
