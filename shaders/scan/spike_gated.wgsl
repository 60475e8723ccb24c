// Runs the neurons of a population backward with spike-gated gradients, from the last step of a window to its first:
// d(t) = C g(t) / threshold where the neuron fired, else d(t+1). Neurons of a kind that does not fire accumulate d(t)
// = d(t+1) + g(t) / threshold. One thread for each neuron of a sample. Mirrors crates/snn-core/src/neuron/step.rs.
//
// output as in common/source.wgsl; g [step of the word or trial][sample][neuron]; mask, correction, carried
// [sample][neuron]; d [slot][sample][neuron].
@group(0) @binding(0) var<storage, read> output: array<u32>;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read> correction: array<f32>;
@group(0) @binding(4) var<storage, read_write> carried: array<f32>;
@group(0) @binding(5) var<storage, read_write> d: array<f32>;

override LEN: u32;
override OUTPUT_ROWS: u32;
override FIRES: bool;
override THRESHOLD: f32;
override CORRECTED: bool;
override OWN_MASKED: bool;
// Whether anything reads the population, and whether g has a row for each step of the trial.
override IS_READ: bool;
override G_OF_TRIAL: bool;

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
    var factor = 1.0;
    if OWN_MASKED {
        factor = mask[id];
    }
    var gain = 1.0;
    if CORRECTED {
        gain = correction[id];
    }
    var word = 0u;
    if FIRES {
        word = output[(n * OUTPUT_ROWS + window.word / 32u) * LEN + i];
    }
    var error = carried[id];
    for (var t = window.end; t > window.start;) {
        t--;
        var incoming = window.d_emitted;
        if IS_READ {
            incoming += g[(select(t - window.word, t, G_OF_TRIAL) * GROUP + n) * LEN + i];
        }
        incoming *= factor;
        if !FIRES {
            error += incoming / THRESHOLD;
        } else if ((word >> (t % 32u)) & 1u) == 1u {
            error = gain * incoming / THRESHOLD;
        }
        d[((t - window.errors) * GROUP + n) * LEN + i] = error;
    }
    carried[id] = error;
}
