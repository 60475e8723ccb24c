// Sums, over the pixels of one step of a sample, the errors d of a channel, and d times the normalised x. One thread
// for each step, sample and channel. Needs norm/group.wgsl.
//
// d [step][sample][neuron].
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> d: array<f32>;
@group(0) @binding(2) var<storage, read> found: array<f32>;
@group(0) @binding(3) var<storage, read_write> measured: array<f32>;

override EPSILON: f32;

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
    let at_group = place(n, channel);
    let deviation = sqrt(found[at_group + VARIANCE] + EPSILON);
    var sum = 0.0;
    var product = 0.0;
    for (var i = channel; i < LEN; i += CHANNELS) {
        let error = d[(t * GROUP + n) * LEN + i];
        sum += error;
        product += error * (bitcast<f32>(x[(n * STEPS + t) * LEN + i]) - found[at_group + MEAN]);
    }
    measured[part(n, t, channel)] = sum;
    measured[part(n, t, channel) + 1u] = product / deviation;
}
