//! The constants and buffers that a WGSL text declares, as naga reads it.

use std::collections::BTreeSet;

use naga::{AddressSpace, StorageAccess};

/// The declarations of a WGSL text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Declarations {
    /// Names of the `override`s.
    pub(crate) overrides: BTreeSet<String>,
    /// Number of each storage buffer's binding, ascending, and whether the buffer is read-only.
    pub(crate) buffers: Vec<(u32, bool)>,
}

impl Declarations {
    /// The declarations of `text`; none if it is not valid WGSL, which compiling it then reports with the line.
    pub(crate) fn of(text: &str) -> Self {
        let Ok(module) = naga::front::wgsl::parse_str(text) else { return Self::default() };
        let overrides = module.overrides.iter().filter_map(|(_, constant)| constant.name.clone()).collect();
        let buffer = |(_, variable): (_, &naga::GlobalVariable)| match (variable.space, variable.binding) {
            (AddressSpace::Storage { access }, Some(at)) => Some((at.binding, !access.contains(StorageAccess::STORE))),
            _ => None,
        };
        let mut buffers: Vec<(u32, bool)> = module.global_variables.iter().filter_map(buffer).collect();
        buffers.sort_unstable();
        Self { overrides, buffers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_and_buffers_are_found_however_they_are_written() {
        let text = "override SIZE :u32;\n// override NOT: u32;\n@binding(3) @group(0) var<storage, read_write> b: array<f32>;\n\
                    @group(0) @binding(1)\nvar<storage> a: array<f32>;\n\
                    @compute @workgroup_size(1) fn main() { b[0] = a[SIZE]; }";
        let found = Declarations::of(text);
        assert_eq!(found.overrides.into_iter().collect::<Vec<_>>(), ["SIZE"]);
        assert_eq!(found.buffers, [(1, true), (3, false)]);
    }
}
