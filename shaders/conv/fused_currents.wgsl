// Computes the currents of 16 steps and four output channels in registers. The steps are unrolled by hand, as
// registers cannot be indexed. Needs common/source.wgsl.
//
// weight as in conv/current.wgsl, four channels at a time.
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;

const AT_ONCE: u32 = 16u;

// The currents of 16 steps from `first` on.
fn hear(n: u32, first: u32, pixel: u32, block: u32) -> array<vec4<f32>, 16> {
    var sums: array<vec4<f32>, 16>;
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let row = pixel / OUT_W * STRIDE_H + dy * DILATION_H - PADDING_H; // wraps to a large number above the image
            let column = pixel % OUT_W * STRIDE_W + dx * DILATION_W - PADDING_W;
            if row >= IN_H || column >= IN_W {
                continue;
            }
            let first_in = (row * IN_W + column) * IN_C;
            for (var c_in = 0u; c_in < IN_C; c_in++) {
                let at = (n * ROWS + first / 32u) * in_len() + first_in + c_in;
                let bits = (source[at] >> (first % 32u)) & 0xffffu;
                if bits == 0u {
                    continue;
                }
                var value = weight[((dy * KERNEL_W + dx) * IN_C + c_in) * (WEIGHT_ROW / 4u) + block];
                if SOURCE_MASKED {
                    value *= mask[n * in_len() + first_in + c_in];
                }
                var negative = 0u;
                if SOURCE == SIGNED {
                    negative = source[at + WORDS * in_len()] >> (first % 32u);
                }
                sums[0] += value * spike_of(bits, negative, 0u);
                sums[1] += value * spike_of(bits, negative, 1u);
                sums[2] += value * spike_of(bits, negative, 2u);
                sums[3] += value * spike_of(bits, negative, 3u);
                sums[4] += value * spike_of(bits, negative, 4u);
                sums[5] += value * spike_of(bits, negative, 5u);
                sums[6] += value * spike_of(bits, negative, 6u);
                sums[7] += value * spike_of(bits, negative, 7u);
                sums[8] += value * spike_of(bits, negative, 8u);
                sums[9] += value * spike_of(bits, negative, 9u);
                sums[10] += value * spike_of(bits, negative, 10u);
                sums[11] += value * spike_of(bits, negative, 11u);
                sums[12] += value * spike_of(bits, negative, 12u);
                sums[13] += value * spike_of(bits, negative, 13u);
                sums[14] += value * spike_of(bits, negative, 14u);
                sums[15] += value * spike_of(bits, negative, 15u);
            }
        }
    }
    return sums;
}

// The spike of a step: 1, -1 or 0.
fn spike_of(bits: u32, negative: u32, step: u32) -> f32 {
    let fired = f32((bits >> step) & 1u);
    return select(fired, -fired, ((negative >> step) & 1u) == 1u);
}
