// The gradient of a convolution's weights from the events of its source: adds the error at the step of each spike. One
// thread for each weight; neighbouring threads have neighbouring output channels and walk over the same spikes.
// Mirrors conv/gradient.wgsl, with the same order of sums. Needs common/source.wgsl.
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
    let w = window.word / 32u;
    let slot = window.word - window.errors;
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
        var word = source[(n * ROWS + w) * in_len() + i];
        if word == 0u {
            continue;
        }
        var negative = 0u;
        if SOURCE == SIGNED {
            negative = source[(n * ROWS + WORDS + w) * in_len() + i];
        }
        let o = (slot * GROUP + n) * out_len() + pixel * OUT_C + c_out;
        var of_pixel = 0.0;
        while word != 0u {
            let step = firstTrailingBit(word);
            let error = d[o + step * GROUP * out_len()];
            of_pixel += select(error, -error, ((negative >> step) & 1u) == 1u);
            word &= word - 1u;
        }
        if SOURCE_MASKED {
            of_pixel *= mask[n * in_len() + i];
        }
        sum += of_pixel;
    }
    gradient[id / OUT_C * WEIGHT_ROW + c_out] += sum;
}
