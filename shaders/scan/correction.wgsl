// The leak correction of the paper's rule, from the spikes of the whole trial. One thread for each neuron of a sample.
// Mirrors crates/snn-core/src/neuron/gradient.rs.
//
// output as in common/source.wgsl; decay [T]: the powers of the leak from 0 on; correction [3][sample][neuron]: the
// correction, and the leaky trace and the count that it is computed from.
@group(0) @binding(0) var<storage, read> output: array<u32>;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read> decay: array<f32>;
@group(0) @binding(3) var<storage, read_write> correction: array<f32>;

override LEN: u32;
override OUTPUT_ROWS: u32;
// Natural logarithm of the leak.
override LN_LEAK: f32;
// Whether trace and count are those after the dropout mask.
override TRACE_MASKED: bool;

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
    var trace = 0.0;
    var count = 0.0;
    for (var w = 0u; w < WORDS; w++) {
        var word = output[(n * OUTPUT_ROWS + w) * LEN + i];
        count += f32(countOneBits(word));
        while word != 0u {
            trace += decay[STEPS - 1u - (w * 32u + firstTrailingBit(word))];
            word &= word - 1u;
        }
    }
    if TRACE_MASKED {
        trace *= mask[id];
        count *= mask[id];
    }
    let fired = select(0.0, 1.0, trace > 1e-3);
    let guard = select(0.0, 1.0, count < 1e-3);
    correction[id] = fired + LN_LEAK * trace / (count + guard);
    correction[GROUP * LEN + id] = trace;
    correction[2u * GROUP * LEN + id] = count;
}
