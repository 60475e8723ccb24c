// The transpose of a convolution as a matrix product. Rows are two input pixels at the 32 steps of a word, columns are
// 64 input channels, terms are kernel pixels and output channels. Mirrors conv/adjoint.wgsl. Needs
// common/projection.wgsl, conv/tile.wgsl.
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
    let blocks = (IN_C + TILE - 1u) / TILE;
    let pairs = (IN_H * IN_W + 1u) / 2u;
    let id = workgroup.y * workgroups.x + workgroup.x;
    let first_in = id % blocks * TILE;
    let first_pixel = id / blocks % pairs * 2u;
    let n = id / blocks / pairs;
    let terms = KERNEL_H * KERNEL_W * OUT_C;
    var sums: Sums;
    for (var first = 0u; first < terms; first += TERMS) {
        for (var k = 0u; k < TERMS; k++) {
            let term = first + k;
            var value = 0.0;
            if term < terms && first_in + lane < IN_C {
                value = weight[(term / OUT_C * IN_C + first_in + lane) * WEIGHT_ROW + term % OUT_C];
            }
            right[k * TILE + lane] = value;
            left[k * TILE + lane] = error(n, term, first_pixel + lane / 32u, lane % 32u);
        }
        multiply(lane, &sums);
    }
    if n >= window.samples {
        return;
    }
    for (var r = 0u; r < 8u; r++) {
        let pixel = first_pixel + lane / 32u;
        let step = (lane / 8u * 8u + r) % 32u;
        for (var c = 0u; c < 8u; c++) {
            let c_in = first_in + lane % 8u * 8u + c;
            if pixel < IN_H * IN_W && c_in < IN_C && window.word + step < window.end {
                let slot = step + select(0u, window.word, G_OF_TRIAL);
                let at = (slot * GROUP + n) * in_len() + pixel * IN_C + c_in;
                var sum = sum_of(sums[c], sums[c + 8u], r);
                if ADD {
                    sum += g[at];
                }
                g[at] = sum;
            }
        }
    }
}

// The error for one term of an input pixel at a step of the word.
fn error(n: u32, term: u32, pixel: u32, step: u32) -> f32 {
    let tap = term / OUT_C;
    let top = pixel / IN_W + PADDING_H - tap / KERNEL_W * DILATION_H; // wraps to a large number above the first window
    let left_edge = pixel % IN_W + PADDING_W - tap % KERNEL_W * DILATION_W;
    let row = top / STRIDE_H;
    let column = left_edge / STRIDE_W;
    let is_window = top % STRIDE_H == 0u && left_edge % STRIDE_W == 0u && row < OUT_H && column < OUT_W;
    let is_inside = n < window.samples && pixel < IN_H * IN_W && window.word + step < window.end;
    if !is_window || !is_inside || tap >= KERNEL_H * KERNEL_W {
        return 0.0;
    }
    let slot = window.word + step - window.errors;
    return d[(slot * GROUP + n) * out_len() + (row * OUT_W + column) * OUT_C + term % OUT_C];
}
