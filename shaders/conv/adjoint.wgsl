// The transpose of a convolution, as a direct sum: backpropagates the errors d of its outputs to the errors g of its
// source. One thread for each step, sample and input neuron. Mirrors crates/snn-core/src/reference/maps.rs. Needs
// common/projection.wgsl.
//
// d [slot][sample][output neuron], g [step of the word][sample][input neuron].
@group(0) @binding(0) var<storage, read> d: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> g: array<f32>;

// Whether g has a row for each step of the trial rather than of the word.
override G_OF_TRIAL: bool;

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
    let c_in = i % IN_C;
    let y = i / IN_C / IN_W;
    let x = i / IN_C % IN_W;
    let slot = t - window.errors + select(0u, 1u, DELAY);
    let d_sample = (slot * GROUP + n) * out_len();
    var sum = 0.0;
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let top = y + PADDING_H - dy * DILATION_H; // wraps to a large number above the first window
            let left = x + PADDING_W - dx * DILATION_W;
            let row = top / STRIDE_H;
            let column = left / STRIDE_W;
            if top % STRIDE_H != 0u || left % STRIDE_W != 0u || row >= OUT_H || column >= OUT_W {
                continue;
            }
            let w = ((dy * KERNEL_W + dx) * IN_C + c_in) * WEIGHT_ROW;
            let pixel = d_sample + (row * OUT_W + column) * OUT_C;
            for (var c_out = 0u; c_out < OUT_C; c_out++) {
                sum += weight[w + c_out] * d[pixel + c_out];
            }
        }
    }
    let step = select(t - window.word, t, G_OF_TRIAL);
    let at = (step * GROUP + n) * in_len() + i;
    if ADD {
        sum += g[at];
    }
    g[at] = sum;
}
