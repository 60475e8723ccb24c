//! Loops compiled for the vector instructions of the processor, chosen at run time.

use pulp::{Arch, Simd, WithSimd};

/// Runs `job`, compiled for the best vector instructions that the processor has. Only code that is inlined into this
/// call uses them: the closure and the functions that it calls must be `#[inline(always)]`. Multiplications and
/// additions are not fused, so the results are bit-identical with all instruction sets.
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
