// Runs the neurons of a population forward: charge, fire, reset. One thread for each neuron of a sample. Mirrors
// crates/snn-core/src/neuron/step.rs. Needs scan/neurons.wgsl, scan/step.wgsl.
//
// current [step of the word][sample][neuron].
@group(0) @binding(0) var<storage, read> current: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= window.samples * LEN {
        return;
    }
    let i = id % LEN;
    let n = id / LEN;
    let p = constants(i);
    var s = start(n, i);
    var word = 0u;
    if window.start == window.word {
        save(n, i, window.word, s);
    } else if FIRES {
        word = output[(n * OUTPUT_ROWS + window.word / 32u) * LEN + i];
    }
    for (var t = window.start; t < window.end; t++) {
        s = charge(p, s, current[((t - window.word) * GROUP + n) * LEN + i]);
        let x = margin(p, s);
        if FIRES {
            word |= select(0u, 1u, x > 0.0) << (t % 32u);
            s = reset(p, s, select(0.0, 1.0, x > 0.0));
        } else {
            emit_number(n, i, t, x);
        }
    }
    emit_word(n, i, window.word, word);
    keep(n, i, s);
}
