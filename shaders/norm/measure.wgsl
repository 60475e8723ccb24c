// Computes the mean of a channel over the pixels of one step of a sample, and the sum of the squared distances from
// it. One thread for each step, sample and channel. Needs norm/group.wgsl.
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> measured: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= (window.end - window.start) * window.samples * CHANNELS {
        return;
    }
    let channel = id % CHANNELS;
    let n = id / CHANNELS % window.samples;
    let t = window.start + id / CHANNELS / window.samples;
    let row = (n * STEPS + t) * LEN;
    var sum = 0.0;
    for (var i = channel; i < LEN; i += CHANNELS) {
        sum += bitcast<f32>(x[row + i]);
    }
    let mean = sum / f32(LEN / CHANNELS);
    var squares = 0.0;
    for (var i = channel; i < LEN; i += CHANNELS) {
        let distance = bitcast<f32>(x[row + i]) - mean;
        squares += distance * distance;
    }
    measured[part(n, t, channel)] = mean;
    measured[part(n, t, channel) + 1u] = squares;
}
