// Carries over resumed samples from the end of the last trial: their states, and the last spikes of a population that
// reads itself. One thread for each neuron of a sample; for states, also for each state variable.
//
// from_sample [sample]: index of the sample in the last trial; data: states [variable][sample][neuron], or spikes as
// in common/source.wgsl; kept: temporary storage.
@group(0) @binding(0) var<storage, read> from_sample: array<u32>;
@group(0) @binding(1) var<storage, read_write> kept: array<u32>;
@group(0) @binding(2) var<storage, read_write> data: array<u32>;

override LEN: u32;
override OUTPUT_ROWS: u32;
override ENTRIES: u32;

// Copies the states of resumed samples to kept.
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

// Copies the states back to where the next trial reads them.
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

// Copies the spikes of the last step to kept.
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

// Copies the spikes to the row of the step before the first.
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
