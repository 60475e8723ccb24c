// Computes a normalised current. One thread for each step, sample and neuron. Needs norm/group.wgsl.
//
// current [step of the word][sample][neuron].
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> found: array<f32>;
@group(0) @binding(2) var<storage, read_write> current: array<f32>;

// Whether to add to the result of other projections rather than overwrite it.
override ADD: bool;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= (window.end - window.start) * window.samples * LEN {
        return;
    }
    let i = id % LEN;
    let n = id / LEN % window.samples;
    let t = window.start + id / LEN / window.samples;
    let at_group = place(n, i % CHANNELS);
    var sum = found[at_group + FACTOR] * bitcast<f32>(x[(n * STEPS + t) * LEN + i]) + found[at_group + ADDED];
    let at = ((t - window.word) * GROUP + n) * LEN + i;
    if ADD {
        sum += current[at];
    }
    current[at] = sum;
}
