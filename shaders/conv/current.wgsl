// The current of a convolution, as a direct sum. One thread for each step, sample and output neuron. Mirrors
// crates/snn-core/src/reference/maps.rs. Needs common/source.wgsl.
//
// weight [kernel row][kernel column][input channel][output channel], current [step of the word][sample][neuron].
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> current: array<f32>;

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
    let c_out = o % OUT_C;
    let top = o / OUT_C / OUT_W * STRIDE_H;
    let left = o / OUT_C % OUT_W * STRIDE_W;
    var sum = 0.0;
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let row = top + dy * DILATION_H - PADDING_H; // wraps to a large number above the image
            let column = left + dx * DILATION_W - PADDING_W;
            if row >= IN_H || column >= IN_W {
                continue;
            }
            for (var c_in = 0u; c_in < IN_C; c_in++) {
                let i = (row * IN_W + column) * IN_C + c_in;
                sum += emitted(n, t, i) * weight[((dy * KERNEL_W + dx) * IN_C + c_in) * WEIGHT_ROW + c_out];
            }
        }
    }
    let at = ((t - window.word) * GROUP + n) * out_len() + o;
    if ADD {
        sum += current[at];
    }
    current[at] = sum;
}
