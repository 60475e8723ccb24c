// The transpose of a normalisation. One thread for each step, sample and neuron. Mirrors
// crates/snn-core/src/reference/stages.rs. Needs norm/group.wgsl.
//
// d [step][sample][neuron], g [step of the word][sample][neuron].
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> d: array<f32>;
@group(0) @binding(2) var<storage, read> found: array<f32>;
@group(0) @binding(3) var<storage, read_write> g: array<f32>;

override EPSILON: f32;
// Whether to add to the errors of other readers rather than overwrite them.
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
    let distance = bitcast<f32>(x[(n * STEPS + t) * LEN + i]) - found[at_group + MEAN];
    let normalised = distance / sqrt(found[at_group + VARIANCE] + EPSILON);
    let error = d[(t * GROUP + n) * LEN + i] - found[at_group + MEAN_D] - normalised * found[at_group + MEAN_DX];
    let at = ((t - window.word) * GROUP + n) * LEN + i;
    var sum = found[at_group + FACTOR] * error;
    if ADD {
        sum += g[at];
    }
    g[at] = sum;
}
