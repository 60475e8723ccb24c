// The current of a convolution by matrix instructions. Rows are the 32 steps of a word at consecutive output pixels
// and samples, columns are output channels, terms are kernel pixels and input channels. Factors have 16 bits: spikes
// are exact, weights and dropout masks are rounded to nearest. Sums have 32 bits. Mirrors conv/current.wgsl. Needs
// common/source.wgsl, and coop/eight.wgsl or coop/sixteen.wgsl.
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> current: array<f32>;

const TERMS: u32 = 16u;
// Each subgroup computes a strip of four matrices side by side; a workgroup computes eight strips.
const STRIPS: u32 = 8u;
// Height and width of the sums of a workgroup.
const HEIGHT: u32 = STRIPS * MATRIX;
const WIDTH: u32 = 4u * MATRIX;

// Factors, [term][row] and [term][column], and one matrix of sums per strip, [row][column].
var<workgroup> left: array<f16, TERMS * HEIGHT>;
var<workgroup> right: array<f16, TERMS * WIDTH>;
var<workgroup> sums: array<f32, HEIGHT * MATRIX>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    let blocks = (OUT_C + WIDTH - 1u) / WIDTH;
    let id = workgroup.y * workgroups.x + workgroup.x;
    let first_out = id % blocks * WIDTH;
    let at_once = min(subgroups, STRIPS); // both are powers of two
    for (var first_strip = 0u; first_strip < STRIPS; first_strip += at_once) {
        let first_row = id / blocks * HEIGHT + first_strip * MATRIX;
        let strip = subgroup % at_once * MATRIX; // surplus subgroups repeat a strip
        var a: Sum;
        var b: Sum;
        var c: Sum;
        var d: Sum;
        for (var first = 0u; first < KERNEL_H * KERNEL_W * IN_C; first += TERMS) {
            for (var i = lane; i < TERMS * HEIGHT; i += THREADS) {
                left[i] = heard(first_row + i % HEIGHT, first + i / HEIGHT);
            }
            for (var i = lane; i < TERMS * WIDTH; i += THREADS) {
                right[i] = weight_of(first + i / WIDTH, first_out + i % WIDTH);
            }
            workgroupBarrier();
            for (var k = 0u; k < TERMS; k += MATRIX) {
                let factor = coopLoad<Left>(&left[k * HEIGHT + strip], HEIGHT);
                let at = k * WIDTH;
                a = coopMultiplyAdd(factor, coopLoadT<Right>(&right[at], WIDTH), a);
                b = coopMultiplyAdd(factor, coopLoadT<Right>(&right[at + MATRIX], WIDTH), b);
                c = coopMultiplyAdd(factor, coopLoadT<Right>(&right[at + 2u * MATRIX], WIDTH), c);
                d = coopMultiplyAdd(factor, coopLoadT<Right>(&right[at + 3u * MATRIX], WIDTH), d);
            }
            workgroupBarrier();
        }
        coopStoreT(a, &sums[strip * MATRIX], MATRIX);
        put(lane, first_row, at_once, first_out);
        coopStoreT(b, &sums[strip * MATRIX], MATRIX);
        put(lane, first_row, at_once, first_out + MATRIX);
        coopStoreT(c, &sums[strip * MATRIX], MATRIX);
        put(lane, first_row, at_once, first_out + 2u * MATRIX);
        coopStoreT(d, &sums[strip * MATRIX], MATRIX);
        put(lane, first_row, at_once, first_out + 3u * MATRIX);
    }
}

// The input of a row for one term.
fn heard(row: u32, term: u32) -> f16 {
    let step = window.word + row % 32u;
    let pixel = row / 32u % (OUT_H * OUT_W);
    let n = row / 32u / (OUT_H * OUT_W);
    let tap = term / IN_C;
    let y = pixel / OUT_W * STRIDE_H + tap / KERNEL_W * DILATION_H - PADDING_H; // wraps to a large number above the image
    let x = pixel % OUT_W * STRIDE_W + tap % KERNEL_W * DILATION_W - PADDING_W;
    if n >= window.samples || step >= window.end || tap >= KERNEL_H * KERNEL_W || y >= IN_H || x >= IN_W {
        return 0.0h;
    }
    return half(emitted(n, step, (y * IN_W + x) * IN_C + term % IN_C));
}

fn weight_of(term: u32, c_out: u32) -> f16 {
    if term >= KERNEL_H * KERNEL_W * IN_C || c_out >= OUT_C {
        return 0.0h;
    }
    return half(weight[term * WEIGHT_ROW + c_out]);
}

// Writes one matrix of sums of each strip in this iteration; its columns start at the output channel `first_out`.
fn put(lane: u32, first_row: u32, strips: u32, first_out: u32) {
    workgroupBarrier();
    for (var i = lane; i < strips * MATRIX * MATRIX; i += THREADS) {
        let row = first_row + i / MATRIX;
        let n = row / 32u / (OUT_H * OUT_W);
        let c_out = first_out + i % MATRIX;
        if n < window.samples && window.word + row % 32u < window.end && c_out < OUT_C {
            let at = (row % 32u * GROUP + n) * out_len() + row / 32u % (OUT_H * OUT_W) * OUT_C + c_out;
            var sum = sums[i];
            if ADD {
                sum += current[at];
            }
            current[at] = sum;
        }
    }
    workgroupBarrier();
}
