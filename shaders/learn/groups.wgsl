// Sets the gradients between input and output channels of different groups to 0: there are no weights, and none must
// arise. One thread for each value.
//
// gradient [kernel pixel][input channel][row of output channels].
@group(0) @binding(0) var<storage, read_write> gradient: array<f32>;

override LEN: u32;
override INPUTS: u32;
override OUTPUTS: u32;
override WEIGHT_ROW: u32;
override GROUPS: u32;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
    if i >= LEN {
        return;
    }
    let output = i % WEIGHT_ROW;
    let input = i / WEIGHT_ROW % INPUTS;
    if output < OUTPUTS && output / (OUTPUTS / GROUPS) != input / (INPUTS / GROUPS) {
        gradient[i] = 0.0;
    }
}
