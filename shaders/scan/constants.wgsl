// The gradients of a population's trainable constants: the sums that scan/unrolled.wgsl carried, over all neurons and samples,
// added to what is there. One workgroup. Needs scan/neurons.wgsl.
//
// carried [STATE + CONSTANTS][sample][neuron]; trained and gradient: a constant every 64 numbers.
@group(0) @binding(0) var<storage, read> carried: array<f32>;
@group(0) @binding(1) var<storage, read> trained: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    let slopes = link_slopes(trained_numbers());
    for (var k = 0u; k < CONSTANTS; k++) {
        var sum = 0.0;
        for (var n = 0u; n < window.samples; n++) {
            var of_sample = 0.0;
            for (var i = lane; i < LEN; i += 64u) {
                of_sample += carried[entry(STATE + k, n, i)];
            }
            sum += of_sample;
        }
        sums[lane] = sum;
        workgroupBarrier();
        if lane == 0u {
            var total = 0.0;
            for (var part = 0u; part < 64u; part++) {
                total += sums[part];
            }
            gradient[k * 64u] += total * slopes[k];
        }
        workgroupBarrier();
    }
}
