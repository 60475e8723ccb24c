// Adds the gradients of a population's trainable constants to the existing ones. They are the errors summed by
// scan/unrolled.wgsl, summed over all samples and over the neurons that share a value. One workgroup: for a value that
// all neurons share, its threads sum parts of the neurons; otherwise each thread handles values of its own. Needs
// scan/neurons.wgsl.
//
// carried [STATE + CONSTANTS][sample][neuron]; trained and gradient have a constant every CONSTANT_STRIDE values.
@group(0) @binding(0) var<storage, read> carried: array<f32>;
@group(0) @binding(1) var<storage, read> trained: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    if CONSTANT_PER == 0u {
        sum_up_all(lane);
        return;
    }
    let pixels = LEN / CHANNELS;
    // The neurons of the value at `place` are `first + j * CHANNELS`, for j below `count`.
    let count = select(1u, pixels, CONSTANT_PER == 1u);
    for (var place = lane; place < LEN / count; place += 64u) {
        let first = select(place / pixels + place % pixels * CHANNELS, place, CONSTANT_PER == 1u);
        let slopes = link_slopes(trained_numbers(place));
        for (var k = 0u; k < CONSTANTS; k++) {
            var sum = 0.0;
            for (var n = 0u; n < window.samples; n++) {
                var of_sample = 0.0;
                for (var j = 0u; j < count; j++) {
                    of_sample += carried[entry(STATE + k, n, first + j * CHANNELS)];
                }
                sum += of_sample;
            }
            gradient[k * CONSTANT_STRIDE + place] += sum * slopes[k];
        }
    }
}

fn sum_up_all(lane: u32) {
    let slopes = link_slopes(trained_numbers(0u));
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
            gradient[k * CONSTANT_STRIDE] += total * slopes[k];
        }
        workgroupBarrier();
    }
}
