// Initialises the currents of a population to its bias, the same at every step and pixel of a channel. One thread for
// each step, sample and neuron. Needs common/window.wgsl.
//
// bias [channel], current [step of the word][sample][neuron].
@group(0) @binding(0) var<storage, read> bias: array<f32>;
@group(0) @binding(1) var<storage, read_write> current: array<f32>;

override LEN: u32;
override CHANNELS: u32;
// Whether to add to another bias rather than overwrite the current.
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
    let at = ((t - window.word) * GROUP + n) * LEN + i;
    var sum = bias[i % CHANNELS];
    if ADD {
        sum += current[at];
    }
    current[at] = sum;
}
