// The gradient of a convolution's weights, as a direct sum over samples, steps and output pixels, added to the
// existing gradient. One thread for each weight. Mirrors crates/snn-core/src/reference/maps.rs. Needs
// common/source.wgsl.
//
// d [slot][sample][output neuron], gradient [kernel row][kernel column][input channel][output channel].
@group(0) @binding(2) var<storage, read> d: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= KERNEL_H * KERNEL_W * IN_C * OUT_C {
        return;
    }
    let c_out = id % OUT_C;
    let c_in = id / OUT_C % IN_C;
    let dx = id / OUT_C / IN_C % KERNEL_W;
    let dy = id / OUT_C / IN_C / KERNEL_W;
    var sum = 0.0;
    for (var pair = window.first_pair; pair < window.last_pair; pair++) {
        let n = pair / (OUT_H * OUT_W);
        let pixel = pair % (OUT_H * OUT_W);
        let row = pixel / OUT_W * STRIDE_H + dy * DILATION_H - PADDING_H; // wraps to a large number above the image
        let column = pixel % OUT_W * STRIDE_W + dx * DILATION_W - PADDING_W;
        if row >= IN_H || column >= IN_W {
            continue;
        }
        let i = (row * IN_W + column) * IN_C + c_in;
        // Each pixel is summed by itself first, so that small terms are not lost in a large sum.
        var of_pixel = 0.0;
        for (var t = window.start; t < window.end; t++) {
            let slot = t - window.errors;
            of_pixel += d[(slot * GROUP + n) * out_len() + pixel * OUT_C + c_out] * emitted(n, t, i);
        }
        sum += of_pixel;
    }
    gradient[id / OUT_C * WEIGHT_ROW + c_out] += sum;
}
