// Definitions shared by the kernels of a normalisation. Needs common/window.wgsl.
//
// x, the current before normalisation, is f32 [sample][step][neuron]. found is [group][channel][FOUND]: mean,
// variance, factor and summand of y = factor x + added, and the means over the group of the errors d of y and of d
// times the normalised x.
override LEN: u32;
override CHANNELS: u32;
// Number of samples that share a mean and a variance.
override NORM_GROUP: u32;

const FOUND: u32 = 6u;
const MEAN: u32 = 0u;
const VARIANCE: u32 = 1u;
const FACTOR: u32 = 2u;
const ADDED: u32 = 3u;
const MEAN_D: u32 = 4u;
const MEAN_DX: u32 = 5u;

// Index in found of the first value of a channel of sample n.
fn place(n: u32, channel: u32) -> u32 {
    return (n / NORM_GROUP * CHANNELS + channel) * FOUND;
}

// Index in measured, [sample][step][channel][2], of the first value of a channel of sample n at step t.
fn part(n: u32, t: u32, channel: u32) -> u32 {
    return ((n * STEPS + t) * CHANNELS + channel) * 2u;
}
