// Computes current and neurons of a population in one kernel, from the events of its source: adds the weight of each
// input spike to the current of its step. One workgroup for each output pixel and block of output channels, one thread
// for each channel: all threads walk over the same spikes, and read neighbouring weights of a row. Currents of a word
// of steps are in workgroup memory, with a column for each thread; membranes are in registers. Mirrors
// conv/current.wgsl and scan/forward.wgsl. Needs common/source.wgsl, scan/neurons.wgsl, scan/step.wgsl.
//
// weight as in conv/current.wgsl; current [step of the word][sample][neuron] has the result of other projections, if
// ADD.
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> current: array<f32>;

// Number of threads of a workgroup.
override CHANNELS_AT_ONCE: u32;

var<workgroup> columns: array<f32, 32 * CHANNELS_AT_ONCE>;

@compute @workgroup_size(CHANNELS_AT_ONCE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let blocks = (OUT_C + CHANNELS_AT_ONCE - 1u) / CHANNELS_AT_ONCE;
    let id = workgroup.y * workgroups.x + workgroup.x;
    let c_out = id % blocks * CHANNELS_AT_ONCE + lane;
    let pixel = id / blocks % (OUT_H * OUT_W);
    let n = id / blocks / (OUT_H * OUT_W);
    if n >= window.samples || c_out >= OUT_C {
        return;
    }
    let i = pixel * OUT_C + c_out;
    let p = constants(i);
    var s = start(n, i);
    for (var first = window.start; first < window.end; first += 32u) {
        let last = min(first + 32u, window.end);
        for (var t = first; t < last; t++) {
            columns[(t - first) * CHANNELS_AT_ONCE + lane] = 0.0;
        }
        hear(n, first / 32u, pixel, c_out, lane);
        save(n, i, first, s);
        var word = 0u;
        for (var t = first; t < last; t++) {
            var input = columns[(t - first) * CHANNELS_AT_ONCE + lane];
            if ADD {
                input += current[((t - window.word) * GROUP + n) * LEN + i];
            }
            s = charge(p, s, input);
            let x = margin(p, s);
            if FIRES {
                word |= select(0u, 1u, x > 0.0) << (t - first);
                s = reset(p, s, select(0.0, 1.0, x > 0.0));
            } else {
                emit_number(n, i, t, x);
            }
        }
        emit_word(n, i, first, word);
    }
    keep(n, i, s);
}

// Adds the weights of all input spikes of the output neuron in a word.
fn hear(n: u32, w: u32, pixel: u32, c_out: u32, lane: u32) {
    for (var dy = 0u; dy < KERNEL_H; dy++) {
        for (var dx = 0u; dx < KERNEL_W; dx++) {
            let row = pixel / OUT_W * STRIDE_H + dy * DILATION_H - PADDING_H; // wraps to a large number above the image
            let column = pixel % OUT_W * STRIDE_W + dx * DILATION_W - PADDING_W;
            if row >= IN_H || column >= IN_W {
                continue;
            }
            let first_in = (row * IN_W + column) * IN_C;
            let first_weight = (dy * KERNEL_W + dx) * IN_C * WEIGHT_ROW + c_out;
            for (var c_in = 0u; c_in < IN_C; c_in++) {
                var word = source[(n * ROWS + w) * in_len() + first_in + c_in];
                if word == 0u {
                    continue;
                }
                var value = weight[first_weight + c_in * WEIGHT_ROW];
                if SOURCE_MASKED {
                    value *= mask[n * in_len() + first_in + c_in];
                }
                var negative = 0u;
                if SOURCE == SIGNED {
                    negative = source[(n * ROWS + WORDS + w) * in_len() + first_in + c_in];
                }
                while word != 0u {
                    let step = firstTrailingBit(word);
                    let is_negative = ((negative >> step) & 1u) == 1u;
                    columns[step * CHANNELS_AT_ONCE + lane] += select(value, -value, is_negative);
                    word &= word - 1u;
                }
            }
        }
    }
}
