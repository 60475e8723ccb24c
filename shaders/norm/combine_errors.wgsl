// Adds the gradients of a channel's scale and shift to the existing ones, and computes the means of its errors over
// each group, which the transpose subtracts. One thread for each channel, which loops over groups. Mirrors
// crates/snn-core/src/reference/stages.rs. Needs norm/group.wgsl.
@group(0) @binding(0) var<storage, read> measured: array<f32>;
@group(0) @binding(1) var<storage, read_write> found: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale_gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> shift_gradient: array<f32>;

// Whether mean and variance are the kept ones, so that no error passes through them.
override FIXED: bool;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= CHANNELS {
        return;
    }
    for (var first = 0u; first < window.samples; first += NORM_GROUP) {
        let last = min(window.samples, first + NORM_GROUP);
        var sum = 0.0;
        var product = 0.0;
        for (var n = first; n < last; n++) {
            var sum_of_sample = 0.0;
            var product_of_sample = 0.0;
            for (var t = 0u; t < STEPS; t++) {
                sum_of_sample += measured[part(n, t, id)];
                product_of_sample += measured[part(n, t, id) + 1u];
            }
            sum += sum_of_sample;
            product += product_of_sample;
        }
        let count = f32((last - first) * STEPS * (LEN / CHANNELS));
        let at = place(first, id);
        found[at + MEAN_D] = select(sum / count, 0.0, FIXED);
        found[at + MEAN_DX] = select(product / count, 0.0, FIXED);
        scale_gradient[id] += product;
        shift_gradient[id] += sum;
    }
}
