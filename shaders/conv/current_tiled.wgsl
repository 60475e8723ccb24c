// The current of a convolution as a matrix product. Rows are two output pixels at the 32 steps of a word, columns are
// 64 output channels, terms are kernel pixels and input channels. Two threads expand each word of spikes to numbers in
// workgroup memory. Mirrors conv/current.wgsl. Needs common/source.wgsl, conv/tile.wgsl.
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> current: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let blocks = (OUT_C + TILE - 1u) / TILE;
    let pairs = (OUT_H * OUT_W + 1u) / 2u;
    let id = workgroup.y * workgroups.x + workgroup.x;
    let first_out = id % blocks * TILE;
    let first_pixel = id / blocks % pairs * 2u;
    let n = id / blocks / pairs;
    let terms = KERNEL_H * KERNEL_W * IN_C;
    var sums: Sums;
    for (var first = 0u; first < terms; first += TERMS) {
        for (var k = 0u; k < TERMS; k++) {
            let is_inside = first + k < terms && first_out + lane < OUT_C;
            var value = 0.0;
            if is_inside {
                value = weight[(first + k) * WEIGHT_ROW + first_out + lane];
            }
            right[k * TILE + lane] = value;
        }
        expand(n, first + lane % TERMS, first_pixel + lane / TERMS % 2u, lane);
        multiply(lane, &sums);
    }
    if n >= window.samples {
        return;
    }
    for (var r = 0u; r < 8u; r++) {
        let pixel = first_pixel + lane / 32u;
        let step = (lane / 8u * 8u + r) % 32u;
        for (var c = 0u; c < 8u; c++) {
            let c_out = first_out + lane % 8u * 8u + c;
            if pixel < OUT_H * OUT_W && c_out < OUT_C && window.word + step < window.end {
                let at = (step * GROUP + n) * out_len() + pixel * OUT_C + c_out;
                var sum = sum_of(sums[c], sums[c + 8u], r);
                if ADD {
                    sum += current[at];
                }
                current[at] = sum;
            }
        }
    }
}

// Writes the input of an output pixel for one term at 16 steps: the lower half of the threads the first steps, the
// upper half the others.
fn expand(n: u32, term: u32, pixel: u32, lane: u32) {
    let tap = term / IN_C;
    let row = pixel / OUT_W * STRIDE_H + tap / KERNEL_W * DILATION_H - PADDING_H; // wraps to a large number above the image
    let column = pixel % OUT_W * STRIDE_W + tap % KERNEL_W * DILATION_W - PADDING_W;
    let is_inside = n < window.samples && tap < KERNEL_H * KERNEL_W && pixel < OUT_H * OUT_W && row < IN_H && column < IN_W;
    let i = (row * IN_W + column) * IN_C + term % IN_C;
    for (var k = 0u; k < 16u; k++) {
        let step = lane / 32u * 16u + k;
        var value = 0.0;
        if is_inside && window.word + step < window.end {
            value = emitted(n, window.word + step, i);
        }
        left[lane % TERMS * TILE + lane / TERMS % 2u * 32u + step] = value;
    }
}
