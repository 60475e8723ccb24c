// Counts the spikes of a population over the trial, before and after dropout: 1024 partial sums of each, one per
// thread.
//
// output as in common/source.wgsl, mask [sample][neuron], sums [2][1024]: counts as u32, then values after dropout as
// f32.
@group(0) @binding(0) var<storage, read> output: array<u32>;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;

override LEN: u32;
override OUTPUT_ROWS: u32;
override OWN_MASKED: bool;

const PARTS: u32 = 1024u;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let part = thread(workgroup, workgroups, lane);
    var spikes = 0u;
    var emitted = 0.0;
    for (var id = part; id < window.samples * LEN; id += PARTS) {
        var count = 0u;
        for (var w = 0u; w < WORDS; w++) {
            count += countOneBits(output[(id / LEN * OUTPUT_ROWS + w) * LEN + id % LEN]);
        }
        spikes += count;
        if OWN_MASKED {
            emitted += f32(count) * mask[id];
        } else {
            emitted += f32(count);
        }
    }
    sums[part] = spikes;
    sums[PARTS + part] = bitcast<u32>(emitted);
}
