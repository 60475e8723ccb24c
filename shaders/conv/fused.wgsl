// Computes current and neurons of a population in one kernel, for sources that spike often. The currents of 16 steps
// and four output channels are in registers, and so are the membranes; currents are not stored. One thread for each
// output pixel and four channels. Mirrors conv/current.wgsl and scan/forward.wgsl. Needs conv/fused_currents.wgsl,
// scan/neurons.wgsl, scan/step.wgsl.
//
// current [step of the word][sample][neuron] has the result of other projections, if ADD.
@group(0) @binding(3) var<storage, read> current: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let blocks = WEIGHT_ROW / 4u;
    let id = thread(workgroup, workgroups, lane);
    let block = id % blocks;
    let pixel = id / blocks % (OUT_H * OUT_W);
    let n = id / blocks / (OUT_H * OUT_W);
    if n >= window.samples {
        return;
    }
    let channels = min(4u, OUT_C - block * 4u);
    let first_i = pixel * OUT_C + block * 4u;
    var states: array<State, 4>;
    for (var k = 0u; k < channels; k++) {
        states[k] = start(n, first_i + k);
    }
    var words: vec4<u32>;
    for (var first = window.start; first < window.end; first += AT_ONCE) {
        if first % 32u == 0u {
            words = vec4<u32>(0u);
            for (var k = 0u; k < channels; k++) {
                save(n, first_i + k, first, states[k]);
            }
        }
        var sums = hear(n, first, pixel, block);
        for (var k = 0u; k < channels; k++) {
            let p = constants(first_i + k);
            var s = states[k];
            for (var at = 0u; at < min(AT_ONCE, window.end - first); at++) {
                let t = first + at;
                var input = sums[at][k];
                if ADD {
                    input += current[((t - window.word) * GROUP + n) * LEN + first_i + k];
                }
                s = charge(p, s, input);
                let x = margin(p, s);
                if FIRES {
                    words[k] |= select(0u, 1u, x > 0.0) << (t % 32u);
                    s = reset(p, s, select(0.0, 1.0, x > 0.0));
                } else {
                    emit_number(n, first_i + k, t, x);
                }
            }
            states[k] = s;
            emit_word(n, first_i + k, first, words[k]);
        }
    }
    for (var k = 0u; k < channels; k++) {
        keep(n, first_i + k, states[k]);
    }
}
