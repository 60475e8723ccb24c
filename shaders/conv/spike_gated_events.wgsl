// Backpropagates spike-gated errors through a convolution and the neurons of its source, in one kernel. The error of a
// neuron's output is needed only where the neuron fired; it is the scalar product of its weights with the errors of
// the neurons that read it. One thread for each neuron of the source and sample. Mirrors conv/adjoint.wgsl and
// scan/spike_gated.wgsl. Needs common/projection.wgsl.
//
// heard [slot][sample][output neuron]: errors of the reading neurons; weight as in conv/current.wgsl; output as in
// common/source.wgsl; g [step of the word][sample][neuron] has the errors of other readers, if ADD; mask, correction,
// carried [sample][neuron]; d [slot][sample][neuron].
@group(0) @binding(0) var<storage, read> heard: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> output: array<u32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read> mask: array<f32>;
@group(0) @binding(5) var<storage, read> correction: array<f32>;
@group(0) @binding(6) var<storage, read_write> carried: array<f32>;
@group(0) @binding(7) var<storage, read_write> d: array<f32>;

// Number of rows of a sample in the output.
override OUTPUT_ROWS: u32;
override THRESHOLD: f32;
override CORRECTED: bool;
override SOURCE_MASKED: bool;
// Whether the slots of errors are the steps of the trial rather than of the word: those of heard, and those of d.
override HEARD_OF_TRIAL: bool;
override D_OF_TRIAL: bool;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= window.samples * in_len() {
        return;
    }
    let i = id % in_len();
    let n = id / in_len();
    var gain = 1.0;
    if CORRECTED {
        gain = correction[id];
    }
    var factor = 1.0;
    if SOURCE_MASKED {
        factor = mask[id];
    }
    let word = output[(n * OUTPUT_ROWS + window.word / 32u) * in_len() + i];
    var error = carried[id];
    for (var t = window.end; t > window.start;) {
        t--;
        if ((word >> (t - window.word)) & 1u) == 1u {
            var incoming = 0.0;
            if ADD {
                incoming = g[((t - window.word) * GROUP + n) * in_len() + i];
            }
            incoming += product(n, i, select(t - window.word, t, HEARD_OF_TRIAL));
            error = gain * ((incoming + window.d_emitted) * factor) / THRESHOLD;
        }
        d[(select(t - window.word, t, D_OF_TRIAL) * GROUP + n) * in_len() + i] = error;
    }
    carried[id] = error;
}

// Backpropagates the errors in `slot` of the reading neurons to neuron i.
fn product(n: u32, i: u32, slot: u32) -> f32 {
    let c_in = i % IN_C;
    var sum = 0.0;
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let top = i / IN_C / IN_W + PADDING_H - dy * DILATION_H; // wraps to a large number above the first window
            let left = i / IN_C % IN_W + PADDING_W - dx * DILATION_W;
            let row = top / STRIDE_H;
            let column = left / STRIDE_W;
            if top % STRIDE_H != 0u || left % STRIDE_W != 0u || row >= OUT_H || column >= OUT_W {
                continue;
            }
            let w = ((dy * KERNEL_W + dx) * IN_C + c_in) * WEIGHT_ROW;
            let o = (slot * GROUP + n) * out_len() + (row * OUT_W + column) * OUT_C;
            for (var c_out = 0u; c_out < OUT_C; c_out++) {
                sum += weight[w + c_out] * heard[o + c_out];
            }
        }
    }
    return sum;
}
