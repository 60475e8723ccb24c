// The gradient of a convolution's weights as a matrix product. Rows are 64 input channels of one kernel pixel, columns
// are 64 output channels, terms are samples, output pixels and steps. Mirrors conv/gradient.wgsl. Needs
// common/source.wgsl, conv/tile.wgsl.
@group(0) @binding(2) var<storage, read> d: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let blocks_out = (OUT_C + TILE - 1u) / TILE;
    let blocks_in = (IN_C + TILE - 1u) / TILE;
    let id = workgroup.y * workgroups.x + workgroup.x;
    let first_out = id % blocks_out * TILE;
    let first_in = id / blocks_out % blocks_in * TILE;
    let tap = id / blocks_out / blocks_in;
    var sums: Sums;
    for (var pair = window.first_pair; pair < window.last_pair; pair++) {
        let n = pair / (OUT_H * OUT_W);
        let pixel = pair % (OUT_H * OUT_W);
        let row = pixel / OUT_W * STRIDE_H + tap / KERNEL_W * DILATION_H - PADDING_H; // wraps to a large number above the image
        let column = pixel % OUT_W * STRIDE_W + tap % KERNEL_W * DILATION_W - PADDING_W;
        if row >= IN_H || column >= IN_W {
            continue; // the same for all threads
        }
        for (var first = window.start; first < window.end; first += TERMS) {
            for (var k = 0u; k < TERMS; k++) {
                let t = first + k;
                var x = 0.0;
                var error = 0.0;
                if t < window.end && first_in + lane < IN_C {
                    x = emitted(n, t, (row * IN_W + column) * IN_C + first_in + lane);
                }
                if t < window.end && first_out + lane < OUT_C {
                    error = d[((t - window.errors) * GROUP + n) * out_len() + pixel * OUT_C + first_out + lane];
                }
                left[k * TILE + lane] = x;
                right[k * TILE + lane] = error;
            }
            multiply(lane, &sums);
        }
    }
    for (var r = 0u; r < 8u; r++) {
        let c_in = first_in + lane / 8u * 8u + r;
        for (var c = 0u; c < 8u; c++) {
            let c_out = first_out + lane % 8u * 8u + c;
            if c_in < IN_C && c_out < OUT_C && tap < KERNEL_H * KERNEL_W {
                gradient[(tap * IN_C + c_in) * WEIGHT_ROW + c_out] += sum_of(sums[c], sums[c + 8u], r);
            }
        }
    }
}
