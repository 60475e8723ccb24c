// The gradient of a bias: sums the errors of a channel over steps, samples and pixels, and adds the sum to the
// existing gradient. One workgroup for each channel. Needs common/window.wgsl.
//
// d [slot][sample][neuron], gradient [channel].
@group(0) @binding(0) var<storage, read> d: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;

override LEN: u32;
override CHANNELS: u32;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let channel = workgroup.y * workgroups.x + workgroup.x;
    let pixels = LEN / CHANNELS;
    var sum = 0.0;
    if channel < CHANNELS {
        for (var pair = window.first_pair + lane; pair < window.last_pair; pair += 64u) {
            let at = pair / pixels * LEN + pair % pixels * CHANNELS + channel;
            var of_pixel = 0.0;
            for (var t = window.start; t < window.end; t++) {
                of_pixel += d[(t - window.errors) * GROUP * LEN + at];
            }
            sum += of_pixel;
        }
    }
    sums[lane] = sum;
    workgroupBarrier();
    if lane == 0u && channel < CHANNELS {
        var total = 0.0;
        for (var part = 0u; part < 64u; part++) {
            total += sums[part];
        }
        gradient[channel] += total;
    }
}
