// Copies a buffer, to measure the memory bandwidth of a GPU. A thread copies 16 bytes. Mirrors
// crates/snn-gpu/src/probe.rs.
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
    if thread < arrayLength(&source) {
        copied[thread] = source[thread];
    }
}
