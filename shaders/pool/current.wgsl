// The current of a map without weights: for each channel, sums every input of a window times SHARE (average pooling,
// or subsampling with a window of one pixel). One thread for each step, sample and output neuron. Needs
// common/source.wgsl.
//
// current [step of the word][sample][neuron].
@group(0) @binding(2) var<storage, read_write> current: array<f32>;

override SHARE: f32;

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
    let top = o / OUT_C / OUT_W * STRIDE_H;
    let left = o / OUT_C % OUT_W * STRIDE_W;
    var sum = 0.0;
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let i = ((top + dy) * IN_W + left + dx) * IN_C + o % OUT_C;
            sum += SHARE * emitted(n, t, i);
        }
    }
    let at = ((t - window.word) * GROUP + n) * out_len() + o;
    if ADD {
        sum += current[at];
    }
    current[at] = sum;
}
