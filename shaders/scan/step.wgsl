// Initial state, output and final state of neurons in a window. Needs scan/neurons.wgsl.
//
// state [variable][sample][neuron], output as in common/source.wgsl, saved [word][variable][sample][neuron].
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<u32>;
@group(0) @binding(6) var<storage, read_write> saved: array<f32>;
@group(0) @binding(7) var<storage, read> trained: array<f32>;

// Whether to save the state before each word for the backward pass.
override SAVES: bool;

// The state before the first step of the window.
fn start(n: u32, i: u32) -> State {
    var s = rest();
    if window.start > 0u || window.resumed == 1u {
        for (var k = 0u; k < STATE; k++) {
            s[k] = state[entry(k, n, i)];
        }
    }
    return s;
}

// Saves the state before the word that begins at step t.
fn save(n: u32, i: u32, t: u32, s: State) {
    if SAVES {
        for (var k = 0u; k < STATE; k++) {
            saved[entry(t / 32u * STATE + k, n, i)] = s[k];
        }
    }
}

// Writes the spikes of the word that contains step t.
fn emit_word(n: u32, i: u32, t: u32, word: u32) {
    if FIRES {
        output[(n * OUTPUT_ROWS + t / 32u) * LEN + i] = word;
    }
}

// Writes the output of a neuron that does not fire.
fn emit_number(n: u32, i: u32, t: u32, x: f32) {
    output[(n * STEPS + t) * LEN + i] = bitcast<u32>(x);
}

// Stores the state after the window.
fn keep(n: u32, i: u32, s: State) {
    for (var k = 0u; k < STATE; k++) {
        state[entry(k, n, i)] = s[k];
    }
}
