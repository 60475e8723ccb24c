// Backpropagation through time over a window: recomputes states from the one saved before the word, then
// backpropagates errors through them. One thread for each neuron of a sample. Mirrors
// crates/snn-core/src/neuron/step.rs. Needs scan/neurons.wgsl.
//
// current [step of the word][sample][neuron], output as in common/source.wgsl, saved [word][variable][sample][neuron],
// g [step of the word or trial][sample][neuron], mask [sample][neuron], d [slot][sample][neuron]; carried [STATE +
// CONSTANTS][sample][neuron]: the errors of the state after the window, and the summed errors of the constants.
@group(0) @binding(0) var<storage, read> current: array<f32>;
@group(0) @binding(1) var<storage, read> output: array<u32>;
@group(0) @binding(2) var<storage, read> saved: array<f32>;
@group(0) @binding(3) var<storage, read> trained: array<f32>;
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read> mask: array<f32>;
@group(0) @binding(6) var<storage, read_write> carried: array<f32>;
@group(0) @binding(7) var<storage, read_write> d: array<f32>;

override OWN_MASKED: bool;
// Whether anything reads the population, and whether g has a row for each step of the trial.
override IS_READ: bool;
override G_OF_TRIAL: bool;
// Whether no error passes back from the reset into the spike that caused it.
override DETACHED: bool;

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
    var factor = 1.0;
    if OWN_MASKED {
        factor = mask[id];
    }
    var word = 0u;
    if FIRES {
        word = output[(n * OUTPUT_ROWS + window.word / 32u) * LEN + i];
    }
    var before: array<State, 32>;
    var s: State;
    for (var k = 0u; k < STATE; k++) {
        s[k] = saved[entry(window.word / 32u * STATE + k, n, i)];
    }
    for (var t = window.word; t < window.end; t++) {
        before[t - window.word] = s;
        let charged = charge(p, s, current[((t - window.word) * GROUP + n) * LEN + i]);
        s = reset(p, charged, f32((word >> (t % 32u)) & 1u));
    }
    var d_state: State;
    var d_constants: Constants;
    for (var k = 0u; k < STATE; k++) {
        d_state[k] = carried[entry(k, n, i)];
    }
    for (var k = 0u; k < CONSTANTS; k++) {
        d_constants[k] = carried[entry(STATE + k, n, i)];
    }
    for (var t = window.end; t > window.start;) {
        t--;
        let input = current[((t - window.word) * GROUP + n) * LEN + i];
        let charged = charge(p, before[t - window.word], input);
        var d_margin = window.d_emitted;
        if IS_READ {
            d_margin += g[(select(t - window.word, t, G_OF_TRIAL) * GROUP + n) * LEN + i];
        }
        d_margin *= factor;
        if SURROGATE {
            let spike = f32((word >> (t % 32u)) & 1u);
            let of_reset = reset_adjoint(p, charged, spike, d_state);
            d_state = of_reset.state;
            if !DETACHED {
                d_margin += of_reset.other;
            }
            d_margin *= slope(margin(p, charged));
            for (var k = 0u; k < CONSTANTS; k++) {
                d_constants[k] += of_reset.constants[k];
            }
        }
        let of_margin = margin_adjoint(p, charged, d_margin);
        for (var k = 0u; k < STATE; k++) {
            d_state[k] += of_margin.state[k];
        }
        let of_charge = charge_adjoint(p, before[t - window.word], input, d_state);
        d_state = of_charge.state;
        for (var k = 0u; k < CONSTANTS; k++) {
            d_constants[k] += of_margin.constants[k] + of_charge.constants[k];
        }
        d[((t - window.errors) * GROUP + n) * LEN + i] = of_charge.other;
    }
    for (var k = 0u; k < STATE; k++) {
        carried[entry(k, n, i)] = d_state[k];
    }
    for (var k = 0u; k < CONSTANTS; k++) {
        carried[entry(STATE + k, n, i)] = d_constants[k];
    }
}
