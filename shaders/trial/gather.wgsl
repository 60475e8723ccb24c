// Takes along the samples that go on, from where the last trial ended: their states, and the last spikes of a population that
// reads itself. One thread for each neuron of a sample, and for states of each entry.
//
// from_sample [sample]: which sample of the last trial it is; data are states, [entry][sample][neuron], or spikes as in
// common/source.wgsl; kept holds what goes on in between.
@group(0) @binding(0) var<storage, read> from_sample: array<u32>;
@group(0) @binding(1) var<storage, read_write> kept: array<u32>;
@group(0) @binding(2) var<storage, read_write> data: array<u32>;

override LEN: u32;
override OUTPUT_ROWS: u32;
override ENTRIES: u32;

// State of the samples that go on.
@compute @workgroup_size(64)
fn take_states(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= ENTRIES * window.samples * LEN {
        return;
    }
    let n = id / LEN % window.samples;
    let k = id / LEN / window.samples;
    kept[(k * GROUP + n) * LEN + id % LEN] = data[(k * GROUP + from_sample[n]) * LEN + id % LEN];
}

// Puts them where the next trial finds them.
@compute @workgroup_size(64)
fn put_states(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= ENTRIES * window.samples * LEN {
        return;
    }
    let at = (id / LEN / window.samples * GROUP + id / LEN % window.samples) * LEN + id % LEN;
    data[at] = kept[at];
}

// Spikes of the last step.
@compute @workgroup_size(64)
fn take_spikes(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= window.samples * LEN {
        return;
    }
    let word = data[(from_sample[id / LEN] * OUTPUT_ROWS + (STEPS - 1u) / 32u) * LEN + id % LEN];
    kept[id] = (word >> ((STEPS - 1u) % 32u)) & 1u;
}

// Puts them into the row of the step before the first.
@compute @workgroup_size(64)
fn put_spikes(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= window.samples * LEN {
        return;
    }
    data[(id / LEN * OUTPUT_ROWS + WORDS) * LEN + id % LEN] = select(0u, kept[id], window.resumed == 1u);
}
