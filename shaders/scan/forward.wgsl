// Steps the neurons of a population: charge, fire, reset. One thread for each neuron of a sample. Mirrors
// crates/snn-core/src/neuron/step.rs. Needs scan/neurons.wgsl.
//
// current [step of the word][sample][neuron], state [entry][sample][neuron], output as in common/source.wgsl,
// saved [word][entry][sample][neuron].
@group(0) @binding(0) var<storage, read> current: array<f32>;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@group(0) @binding(3) var<storage, read_write> saved: array<f32>;
@group(0) @binding(4) var<storage, read> trained: array<f32>;

// Whether the state before each word is saved for a backward pass.
override SAVES: bool;

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
    let p = constants();
    var s = rest();
    if window.start > 0u || window.resumed == 1u {
        for (var k = 0u; k < STATE; k++) {
            s[k] = state[entry(k, n, i)];
        }
    }
    if SAVES && window.start == window.word {
        for (var k = 0u; k < STATE; k++) {
            saved[entry(window.word / 32u * STATE + k, n, i)] = s[k];
        }
    }
    let at = (n * ROWS + window.word / 32u) * LEN + i;
    var word = 0u;
    if FIRES && window.start > window.word {
        word = output[at];
    }
    for (var t = window.start; t < window.end; t++) {
        s = charge(p, s, current[((t - window.word) * GROUP + n) * LEN + i]);
        let x = margin(p, s);
        if FIRES {
            let fired = x > 0.0;
            word |= select(0u, 1u, fired) << (t % 32u);
            s = reset(p, s, select(0.0, 1.0, fired));
        } else {
            output[(n * STEPS + t) * LEN + i] = bitcast<u32>(x);
        }
    }
    if FIRES {
        output[at] = word;
    }
    for (var k = 0u; k < STATE; k++) {
        state[entry(k, n, i)] = s[k];
    }
}

fn constants() -> Constants {
    var p: Constants;
    for (var k = 0u; k < CONSTANTS; k++) {
        p[k] = trained[k * 64u];
    }
    return link(p);
}
