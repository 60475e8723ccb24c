// The current of two joined sources, neuron by neuron: a (OFFSET + FACTOR b) + OTHER b. One thread for each step,
// sample and neuron. Needs common/source.wgsl, which reads a.
//
// other: the spikes of b, and other_mask as in common/source.wgsl; current [step of the word][sample][neuron].
@group(0) @binding(2) var<storage, read> other: array<u32>;
@group(0) @binding(3) var<storage, read> other_mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> current: array<f32>;

override OTHER_ROWS: u32;
override OTHER_MASKED: bool;
override OFFSET: f32;
override FACTOR: f32;
override OTHER: f32;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= (window.end - window.start) * window.samples * out_len() {
        return;
    }
    let i = id % out_len();
    let n = id / out_len() % window.samples;
    let t = window.start + id / out_len() / window.samples;
    var b = f32((other[(n * OTHER_ROWS + t / 32u) * out_len() + i] >> (t % 32u)) & 1u);
    if OTHER_MASKED {
        b *= other_mask[n * out_len() + i];
    }
    var sum = emitted(n, t, i) * (OFFSET + FACTOR * b) + OTHER * b;
    let at = ((t - window.word) * GROUP + n) * out_len() + i;
    if ADD {
        sum += current[at];
    }
    current[at] = sum;
}
