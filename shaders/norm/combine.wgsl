// Combines the means and squared distances of samples and steps to the mean and variance of a channel over a group
// (Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances", 1979), and computes the
// factors of the normalised current. One thread for each group and channel. Mirrors
// crates/snn-core/src/reference/stages.rs. Needs norm/group.wgsl.
@group(0) @binding(0) var<storage, read> measured: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> shift: array<f32>;
@group(0) @binding(3) var<storage, read> kept_mean: array<f32>;
@group(0) @binding(4) var<storage, read> kept_variance: array<f32>;
@group(0) @binding(5) var<storage, read_write> found: array<f32>;

override EPSILON: f32;
// Whether to use the kept mean and variance rather than those of the group.
override FIXED: bool;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    let channel = id % CHANNELS;
    let first = id / CHANNELS * NORM_GROUP;
    if first >= window.samples {
        return;
    }
    var mean = 0.0;
    var variance = 0.0;
    if FIXED {
        mean = kept_mean[channel];
        variance = kept_variance[channel];
    } else {
        let pixels = f32(LEN / CHANNELS);
        var count = 0.0;
        var squares = 0.0;
        for (var n = first; n < min(window.samples, first + NORM_GROUP); n++) {
            for (var t = 0u; t < STEPS; t++) {
                let distance = measured[part(n, t, channel)] - mean;
                let all = count + pixels;
                mean += distance * (pixels / all);
                squares += measured[part(n, t, channel) + 1u] + distance * distance * (count * (pixels / all));
                count = all;
            }
        }
        variance = squares / count;
    }
    let at = place(first, channel);
    let factor = scale[channel] / sqrt(variance + EPSILON);
    found[at + MEAN] = mean;
    found[at + VARIANCE] = variance;
    found[at + FACTOR] = factor;
    found[at + ADDED] = shift[channel] - factor * mean;
}
