// Max pooling: the largest value of each window, per channel. One thread for each step, sample and output neuron.
// Mirrors crates/snn-core/src/reference/stages.rs. Needs common/source.wgsl.
//
// current [step of the word][sample][neuron].
@group(0) @binding(2) var<storage, read_write> current: array<f32>;

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
    let o = id % out_len();
    let n = id / out_len() % window.samples;
    let t = window.start + id / out_len() / window.samples;
    let first = (o / OUT_C / OUT_W * STRIDE_H * IN_W + o / OUT_C % OUT_W * STRIDE_W) * IN_C + o % OUT_C;
    var largest = emitted(n, t, first);
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            largest = max(largest, emitted(n, t, first + (dy * IN_W + dx) * IN_C));
        }
    }
    let at = ((t - window.word) * GROUP + n) * out_len() + o;
    if ADD {
        largest += current[at];
    }
    current[at] = largest;
}
