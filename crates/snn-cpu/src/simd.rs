//! SIMD on 16 floats at a time, at the best level of vector instructions that the processor has, chosen at run time.
//!
//! This is not left to a portable SIMD crate because the neuron scan needs comparison results as bits, which those
//! crates do not give. Kernels are written once, generic over [`Simd`] and `#[inline(always)]`, and [`dispatch`]
//! compiles them once per level.
#![expect(unsafe_code, reason = "vector instructions, behind a run-time check of the processor")]

/// 16 floats, aligned to a cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lane(pub(crate) [f32; LANE]);

/// Number of floats of a [`Lane`].
pub(crate) const LANE: usize = 16;

impl Lane {
    pub(crate) const ZERO: Self = Self([0.0; LANE]);
}

/// The number of lanes needed for `channels` values.
pub(crate) fn lanes(channels: usize) -> usize {
    channels.div_ceil(LANE)
}

/// The values of lanes, one after the other.
pub(crate) fn flat(lanes: &[Lane]) -> &[f32] {
    // SAFETY: a Lane is 16 floats without padding, at least as aligned as a float.
    unsafe { std::slice::from_raw_parts(lanes.as_ptr().cast(), lanes.len() * LANE) }
}

/// The values of lanes, one after the other.
pub(crate) fn flat_mut(lanes: &mut [Lane]) -> &mut [f32] {
    // SAFETY: as in `flat`; the exclusive borrow carries over.
    unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), lanes.len() * LANE) }
}

/// Vector operations on 16 floats. The methods may only be called through [`dispatch`], which checks the processor.
pub(crate) trait Simd {
    /// Side of the largest square of accumulators that stays in registers together with its operands.
    const SQUARE: usize;

    /// 16 floats in registers.
    type F: Copy;
    /// 16 words in registers.
    type U: Copy;

    fn load(lane: &Lane) -> Self::F;
    fn store(x: Self::F, lane: &mut Lane);
    fn splat(x: f32) -> Self::F;
    fn add(a: Self::F, b: Self::F) -> Self::F;
    fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// `a · b + c`; rounded once if the processor has fused multiply-add.
    fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The sum of the lanes of each vector.
    fn sum_lanes(vectors: [Self::F; 4]) -> [f32; 4];
    fn no_bits() -> Self::U;
    /// Where `v > threshold`, sets `v` to 0 and sets `bit` in `bits`.
    fn fire(v: Self::F, threshold: Self::F, bits: Self::U, bit: u32) -> (Self::F, Self::U);
    fn store_bits(words: &mut [u32; LANE], bits: Self::U);
    /// Writes `first + i` for each set bit `i` of `bits` to the front of `times`, and returns the number of set bits.
    /// The rest of `times` may be overwritten.
    fn list_bits(bits: u16, first: u16, times: &mut [u16; LANE]) -> usize;
}

/// The levels of vector instructions that [`dispatch`] chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// Returns the best level of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("lzcnt");
            if avx2 && is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// Returns the levels that this processor has, the best one last.
    pub(crate) fn available() -> Vec<Self> {
        match Self::detect() {
            Self::Portable => vec![Self::Portable],
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => vec![Self::Portable, Self::Avx2],
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => vec![Self::Portable, Self::Avx2, Self::Avx512],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable SIMD",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
        }
    }

    /// The number of lanes of the widest tile whose weight row and gradient row fit in registers together.
    pub(crate) fn tile_lanes(self) -> usize {
        match self {
            Self::Portable => 2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => MAX_TILE_LANES,
        }
    }
}

/// The largest value of [`Level::tile_lanes`].
pub(crate) const MAX_TILE_LANES: usize = 4;

/// Work that can run at any level.
pub(crate) trait SimdJob {
    type Output;
    /// Runs the job. Must be `#[inline(always)]`, as must every function called in its hot loops.
    fn run<S: Simd>(self) -> Self::Output;
}

/// Runs a job at `level`, which must come from [`Level::detect`] or be a lower one.
pub(crate) fn dispatch<J: SimdJob>(level: Level, job: J) -> J::Output {
    match level {
        Level::Portable => job.run::<Portable>(),
        // SAFETY: a level above Portable is only made after the processor was checked for it.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::avx2(job) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::avx512(job) },
    }
}

/// Plain arrays, which the compiler vectorises with the instructions of the compilation target.
struct Portable;

impl Simd for Portable {
    const SQUARE: usize = 2;

    type F = [f32; LANE];
    type U = [u32; LANE];

    #[inline(always)]
    fn load(lane: &Lane) -> Self::F {
        lane.0
    }
    #[inline(always)]
    fn store(x: Self::F, lane: &mut Lane) {
        lane.0 = x;
    }
    #[inline(always)]
    fn splat(x: f32) -> Self::F {
        [x; LANE]
    }
    #[inline(always)]
    fn add(mut a: Self::F, b: Self::F) -> Self::F {
        for i in 0..LANE {
            a[i] += b[i];
        }
        a
    }
    #[inline(always)]
    fn mul(mut a: Self::F, b: Self::F) -> Self::F {
        for i in 0..LANE {
            a[i] *= b[i];
        }
        a
    }
    #[inline(always)]
    fn mul_add(mut a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        for i in 0..LANE {
            a[i] = a[i] * b[i] + c[i];
        }
        a
    }
    #[inline(always)]
    fn sum_lanes(vectors: [Self::F; 4]) -> [f32; 4] {
        vectors.map(|vector| vector.iter().sum())
    }
    #[inline(always)]
    fn no_bits() -> Self::U {
        [0; LANE]
    }
    #[inline(always)]
    fn fire(mut v: Self::F, threshold: Self::F, mut bits: Self::U, bit: u32) -> (Self::F, Self::U) {
        for i in 0..LANE {
            let fired = v[i] > threshold[i];
            bits[i] |= if fired { bit } else { 0 };
            v[i] = if fired { 0.0 } else { v[i] };
        }
        (v, bits)
    }
    #[inline(always)]
    fn store_bits(words: &mut [u32; LANE], bits: Self::U) {
        *words = bits;
    }
    #[inline(always)]
    fn list_bits(bits: u16, first: u16, times: &mut [u16; LANE]) -> usize {
        list_bits(bits, first, times)
    }
}

/// Scalar implementation of [`Simd::list_bits`].
#[inline(always)]
fn list_bits(mut bits: u16, first: u16, times: &mut [u16; LANE]) -> usize {
    let count = bits.count_ones() as usize;
    for time in &mut times[..count] {
        *time = first + bits.trailing_zeros() as u16;
        bits &= bits - 1;
    }
    count
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256i, __m512, __m512i, _CMP_GT_OQ, _mm_add_ps, _mm_storeu_ps, _mm256_add_ps, _mm256_and_si256,
        _mm256_andnot_ps, _mm256_castpd_ps, _mm256_castps_si256, _mm256_castps256_ps128, _mm256_cmp_ps,
        _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_load_ps, _mm256_mul_ps, _mm256_or_si256,
        _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256, _mm256_store_ps, _mm256_storeu_si256,
        _mm512_add_epi32, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps512_ps256,
        _mm512_cmp_ps_mask, _mm512_cvtepi32_epi16, _mm512_extractf64x4_pd, _mm512_fmadd_ps, _mm512_load_ps,
        _mm512_mask_or_epi32, _mm512_maskz_compress_epi32, _mm512_maskz_mov_ps, _mm512_mul_ps, _mm512_set1_epi32,
        _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_si512, _mm512_store_ps, _mm512_storeu_si512,
        _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };

    use super::{LANE, Lane, Simd, SimdJob};

    // SAFETY (of every block below): the types are private and reached only from `avx2` and `avx512`, which `dispatch`
    // calls on processors that have the instructions; loads and stores go through references to aligned lanes.

    #[target_feature(enable = "avx2,fma,bmi1,bmi2,popcnt,lzcnt")]
    pub(super) fn avx2<J: SimdJob>(job: J) -> J::Output {
        job.run::<Avx2>()
    }

    #[target_feature(enable = "avx512f,avx2,fma,bmi1,bmi2,popcnt,lzcnt")]
    pub(super) fn avx512<J: SimdJob>(job: J) -> J::Output {
        job.run::<Avx512>()
    }

    struct Avx2;
    struct Avx512;

    #[inline(always)]
    fn add_halves(x: __m256) -> [f32; 4] {
        let mut sums = [0.0; 4];
        // SAFETY: see above; the unaligned store needs no alignment.
        unsafe {
            let sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            _mm_storeu_ps(sums.as_mut_ptr(), sum);
        }
        sums
    }

    macro_rules! both {
        ($f:ident, $($x:expr),*) => {{
            // SAFETY: see above.
            unsafe { [$f($($x.0[0]),*), $f($($x.0[1]),*)] }
        }};
    }

    /// A lane as two 256-bit halves.
    #[derive(Clone, Copy)]
    pub(super) struct LanePair<V>([V; 2]);

    impl Simd for Avx2 {
        const SQUARE: usize = 2;

        type F = LanePair<__m256>;
        type U = LanePair<__m256i>;

        #[inline(always)]
        fn load(lane: &Lane) -> Self::F {
            let half = lane.0.as_ptr();
            // SAFETY: see above.
            LanePair(unsafe { [_mm256_load_ps(half), _mm256_load_ps(half.add(LANE / 2))] })
        }
        #[inline(always)]
        fn store(x: Self::F, lane: &mut Lane) {
            let half = lane.0.as_mut_ptr();
            // SAFETY: see above.
            unsafe {
                _mm256_store_ps(half, x.0[0]);
                _mm256_store_ps(half.add(LANE / 2), x.0[1]);
            }
        }
        #[inline(always)]
        fn splat(x: f32) -> Self::F {
            // SAFETY: see above.
            LanePair([unsafe { _mm256_set1_ps(x) }; 2])
        }
        #[inline(always)]
        fn add(a: Self::F, b: Self::F) -> Self::F {
            LanePair(both!(_mm256_add_ps, a, b))
        }
        #[inline(always)]
        fn mul(a: Self::F, b: Self::F) -> Self::F {
            LanePair(both!(_mm256_mul_ps, a, b))
        }
        #[inline(always)]
        fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
            LanePair(both!(_mm256_fmadd_ps, a, b, c))
        }
        #[inline(always)]
        fn sum_lanes([a, b, c, d]: [Self::F; 4]) -> [f32; 4] {
            // SAFETY: see above.
            unsafe {
                let half = |x: LanePair<__m256>| _mm256_add_ps(x.0[0], x.0[1]);
                let ab = _mm256_hadd_ps(half(a), half(b));
                let cd = _mm256_hadd_ps(half(c), half(d));
                let abcd = _mm256_hadd_ps(ab, cd);
                add_halves(abcd)
            }
        }
        #[inline(always)]
        fn no_bits() -> Self::U {
            // SAFETY: see above.
            LanePair([unsafe { _mm256_setzero_si256() }; 2])
        }
        #[inline(always)]
        fn fire(v: Self::F, threshold: Self::F, bits: Self::U, bit: u32) -> (Self::F, Self::U) {
            // SAFETY: see above.
            let half = |i: usize| unsafe {
                let fired = _mm256_cmp_ps::<_CMP_GT_OQ>(v.0[i], threshold.0[i]);
                let set = _mm256_and_si256(_mm256_castps_si256(fired), _mm256_set1_epi32(bit as i32));
                (_mm256_andnot_ps(fired, v.0[i]), _mm256_or_si256(bits.0[i], set))
            };
            let ((v0, b0), (v1, b1)) = (half(0), half(1));
            (LanePair([v0, v1]), LanePair([b0, b1]))
        }
        #[inline(always)]
        fn store_bits(words: &mut [u32; LANE], bits: Self::U) {
            let half = words.as_mut_ptr();
            // SAFETY: see above; the unaligned store needs no alignment.
            unsafe {
                _mm256_storeu_si256(half.cast(), bits.0[0]);
                _mm256_storeu_si256(half.add(LANE / 2).cast(), bits.0[1]);
            }
        }
        #[inline(always)]
        fn list_bits(bits: u16, first: u16, times: &mut [u16; LANE]) -> usize {
            super::list_bits(bits, first, times)
        }
    }

    impl Simd for Avx512 {
        const SQUARE: usize = 4;

        type F = __m512;
        type U = __m512i;

        #[inline(always)]
        fn load(lane: &Lane) -> Self::F {
            // SAFETY: see above.
            unsafe { _mm512_load_ps(lane.0.as_ptr()) }
        }
        #[inline(always)]
        fn store(x: Self::F, lane: &mut Lane) {
            // SAFETY: see above.
            unsafe { _mm512_store_ps(lane.0.as_mut_ptr(), x) }
        }
        #[inline(always)]
        fn splat(x: f32) -> Self::F {
            // SAFETY: see above.
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        fn add(a: Self::F, b: Self::F) -> Self::F {
            // SAFETY: see above.
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        fn mul(a: Self::F, b: Self::F) -> Self::F {
            // SAFETY: see above.
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        fn sum_lanes([a, b, c, d]: [Self::F; 4]) -> [f32; 4] {
            // SAFETY: see above.
            unsafe {
                let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
                let low = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
                let abcd = _mm512_add_ps(low, _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
                let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(abcd)));
                let abcd = _mm256_add_ps(_mm512_castps512_ps256(abcd), high);
                add_halves(abcd)
            }
        }
        #[inline(always)]
        fn no_bits() -> Self::U {
            // SAFETY: see above.
            unsafe { _mm512_setzero_si512() }
        }
        #[inline(always)]
        fn fire(v: Self::F, threshold: Self::F, bits: Self::U, bit: u32) -> (Self::F, Self::U) {
            // SAFETY: see above.
            unsafe {
                let fired = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(v, threshold);
                let bits = _mm512_mask_or_epi32(bits, fired, bits, _mm512_set1_epi32(bit as i32));
                (_mm512_maskz_mov_ps(!fired, v), bits)
            }
        }
        #[inline(always)]
        fn store_bits(words: &mut [u32; LANE], bits: Self::U) {
            // SAFETY: see above; the unaligned store needs no alignment.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), bits) }
        }
        #[inline(always)]
        fn list_bits(bits: u16, first: u16, times: &mut [u16; LANE]) -> usize {
            // SAFETY: see above; the unaligned store needs no alignment, and writes 16 half words.
            unsafe {
                let steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let steps = _mm512_add_epi32(steps, _mm512_set1_epi32(i32::from(first)));
                let listed = _mm512_maskz_compress_epi32(bits, steps);
                _mm256_storeu_si256(times.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(listed));
            }
            bits.count_ones() as usize
        }
    }
}
