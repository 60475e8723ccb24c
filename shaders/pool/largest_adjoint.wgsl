// The transpose of max pooling: the error goes to the largest value of a window, or to the first of several. One
// thread for each step, sample and input neuron. Mirrors crates/snn-core/src/reference/stages.rs. Needs
// common/source.wgsl.
//
// d [slot][sample][output neuron], g [step of the word][sample][input neuron].
@group(0) @binding(2) var<storage, read> d: array<f32>;
@group(0) @binding(3) var<storage, read_write> g: array<f32>;

// Whether input neuron i is the first largest value of the window whose first pixel is neuron `first`.
fn is_taken(n: u32, t: u32, i: u32, first: u32) -> bool {
    let value = emitted(n, t, i);
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let j = first + (dy * IN_W + dx) * IN_C;
            let other = emitted(n, t, j);
            if other > value || (other == value && j < i) {
                return false;
            }
        }
    }
    return true;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= (window.end - window.start) * window.samples * in_len() {
        return;
    }
    let i = id % in_len();
    let n = id / in_len() % window.samples;
    let t = window.start + id / in_len() / window.samples;
    let d_sample = ((t - window.errors) * GROUP + n) * out_len();
    var sum = 0.0;
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let top = i / IN_C / IN_W - dy; // wraps to a large number above the first window
            let left = i / IN_C % IN_W - dx;
            let row = top / STRIDE_H;
            let column = left / STRIDE_W;
            if top % STRIDE_H != 0u || left % STRIDE_W != 0u || row >= OUT_H || column >= OUT_W {
                continue;
            }
            if is_taken(n, t, i, (top * IN_W + left) * IN_C + i % IN_C) {
                sum += d[d_sample + (row * OUT_W + column) * OUT_C + i % IN_C];
            }
        }
    }
    let at = ((t - window.word) * GROUP + n) * in_len() + i;
    if ADD {
        sum += g[at];
    }
    g[at] = sum;
}
