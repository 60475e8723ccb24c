//! Support for the matrix instructions that [`crate::KernelForm::Cooperative`] uses.

use wgpu::{CooperativeMatrixProperties, CooperativeScalarType, ExperimentalFeatures, Features};

/// The features that these kernels require.
pub(crate) const FEATURES: Features =
    Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(Features::SHADER_F16).union(Features::SUBGROUP);

/// Side lengths of the square matrices for which there are kernels. Mirrors shaders/coop.
pub(crate) const EDGES: [u32; 2] = [16, 8];

/// The side length of the largest matrices that a GPU with these features and instructions can multiply, with 16-bit
/// factors and 32-bit sums. `None` if it has no such instruction, or there is no kernel for it.
pub(crate) fn edge(features: Features, instructions: &[CooperativeMatrixProperties]) -> Option<u32> {
    let is_offered = |edge: &u32| {
        instructions.iter().any(|m| {
            [m.m_size, m.n_size, m.k_size] == [*edge; 3]
                && (m.ab_type, m.cr_type) == (CooperativeScalarType::F16, CooperativeScalarType::F32)
        })
    };
    EDGES.into_iter().find(is_offered).filter(|_| features.contains(FEATURES))
}

/// Permission to use the experimental features of wgpu, which include these instructions. `None` in builds without the
/// feature `cooperative`.
pub(crate) fn experimental() -> Option<ExperimentalFeatures> {
    #[cfg(feature = "cooperative")]
    #[expect(unsafe_code, reason = "wgpu wants to hear that its experimental parts may have errors")]
    // SAFETY: the caller must know that experimental features may have bugs, and report them. The only experimental
    // feature ever requested is that of `FEATURES`, on a GPU that offers it, by users who name the form.
    let leave = Some(unsafe { ExperimentalFeatures::enabled() });
    #[cfg(not(feature = "cooperative"))]
    let leave = None;
    leave
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(sizes: [u32; 3], cr_type: CooperativeScalarType) -> CooperativeMatrixProperties {
        let [m_size, n_size, k_size] = sizes;
        let ab_type = CooperativeScalarType::F16;
        CooperativeMatrixProperties { m_size, n_size, k_size, ab_type, cr_type, saturating_accumulation: false }
    }

    #[test]
    fn the_largest_square_with_sums_of_32_bits_is_taken() {
        use CooperativeScalarType::{F16, F32};
        let all = Features::all();
        let eight = instruction([8; 3], F32);
        let others = [instruction([16; 3], F16), instruction([16, 8, 16], F32)];
        assert_eq!(edge(all, &others), None);
        assert_eq!(edge(all, &[others[0], others[1], eight]), Some(8));
        assert_eq!(edge(all, &[eight, instruction([16; 3], F32)]), Some(16));
        assert_eq!(edge(all - Features::SUBGROUP, &[eight]), None);
    }
}
