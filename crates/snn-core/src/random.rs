//! The only source of random numbers: the counter-based generator Philox4x32-10. It has no state, so random numbers are
//! recomputed rather than stored.

/// The purpose of random words. Each purpose has independent words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Input spikes.
    Encoder = 1,
    /// Dropout masks.
    Dropout = 2,
    /// Order of the training samples.
    Shuffle = 3,
    /// Augmentation of training samples.
    Augmentation = 4,
    /// Initial weights.
    Initialisation = 5,
}

/// The random words for one seed and purpose, addressed by `(epoch, sample, step, element)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
}

impl Stream {
    /// Creates the stream of `seed` for `purpose`.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let purpose = (purpose as u32).wrapping_mul(0x9E37_79B9);
        Self { key: [seed as u32, (seed >> 32) as u32 ^ purpose] }
    }

    /// The Philox key, for engines that draw on a device.
    pub fn key(&self) -> [u32; 2] {
        self.key
    }

    /// Returns the words of the elements `4 · block` to `4 · block + 3`.
    #[inline(always)]
    pub fn block(&self, epoch: u32, sample: u32, step: u32, block: u32) -> [u32; 4] {
        philox([block, step, sample, epoch], self.key)
    }

    /// Returns the word of one element.
    pub fn word(&self, epoch: u32, sample: u32, step: u32, element: u32) -> u32 {
        self.block(epoch, sample, step, element / 4)[element as usize % 4]
    }

    /// Returns a standard normal value for one element (Box-Muller transform, computed in double precision).
    pub fn normal(&self, epoch: u32, sample: u32, step: u32, element: u32) -> f32 {
        let [a, b, c, d] = self.block(epoch, sample, step, element / 2);
        let (radius, angle) = if element.is_multiple_of(2) { (a, b) } else { (c, d) };
        let uniform = (f64::from(radius) + 0.5) / 4_294_967_296.0;
        let angle = f64::from(angle) / 4_294_967_296.0 * std::f64::consts::TAU;
        ((-2.0 * uniform.ln()).sqrt() * angle.cos()) as f32
    }

    /// Returns a random permutation of `0..n` (Fisher-Yates shuffle).
    pub fn permutation(&self, epoch: u32, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            let word = self.word(epoch, 0, 0, i as u32);
            let j = (u64::from(word) * (i as u64 + 1)) >> 32;
            order.swap(i, j as usize);
        }
        order
    }
}

/// The Philox4x32-10 function of Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3* (SC
/// 2011).
#[inline(always)]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let left = u64::from(counter[0]) * 0xD251_1F53;
        let right = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (right >> 32) as u32 ^ counter[1] ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ counter[3] ^ key[1],
            left as u32,
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that the authors of Philox publish with their Random123 library (philox4x32, 10 rounds).
    #[test]
    fn philox_gives_its_published_vectors() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn purposes_and_seeds_have_words_of_their_own() {
        let word = |seed, purpose| Stream::new(seed, purpose).word(0, 0, 0, 0);
        assert_ne!(word(1, Purpose::Encoder), word(1, Purpose::Dropout));
        assert_ne!(word(1, Purpose::Encoder), word(2, Purpose::Encoder));
        assert_ne!(word(1, Purpose::Encoder), word(1 << 32 | 1, Purpose::Encoder));
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Stream::new(7, Purpose::Shuffle).permutation(3, 100);
        assert_ne!(order, (0..100).collect::<Vec<u32>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<u32>>());
    }

    #[test]
    fn normal_values_have_mean_0_and_variance_1() {
        let stream = Stream::new(1, Purpose::Initialisation);
        let values: Vec<f64> = (0..100_000).map(|i| f64::from(stream.normal(0, 0, 0, i))).collect();
        let mean = values.iter().sum::<f64>() / 1e5;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
    }
}
