//! Loops compiled for the vector instructions that the processor has.

use pulp::{Arch, Simd, WithSimd};

/// Runs `job` with the best vector instructions there are. Its code must be inlined into this call to have them: the
/// closure and what it calls are `#[inline(always)]`. Multiplications and additions are not fused, so the results are the
/// same bits with any instructions.
#[inline(always)]
pub(crate) fn vectorized(job: impl FnMut()) {
    struct VectorizedCall<J>(J);

    impl<J: FnMut()> WithSimd for VectorizedCall<J> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) {
            (self.0)();
        }
    }

    Arch::new().dispatch(VectorizedCall(job));
}
