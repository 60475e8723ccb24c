// Draws input spikes: a value spikes at each step with probability min(1, |value|), with the sign of the value. One
// thread for a word of 32 steps of four neighbouring neurons. Mirrors crates/snn-core/src/encoder/poisson.rs, bit for
// bit. Needs common/philox.wgsl.
//
// values [sample][channel][pixel]; samples [sample]: index in the data set; spikes [sample][row][neuron], first the
// rows of all spikes, then those of the negative ones.
struct Draws {
    key: vec2<u32>,
    epoch: u32,
    samples: u32,
}
var<immediate> draws: Draws;

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> samples: array<u32>;
@group(0) @binding(2) var<storage, read_write> spikes: array<u32>;

override STEPS: u32;
override WORDS: u32;
override LEN: u32;
override CHANNELS: u32;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
    let blocks = (LEN + 3u) / 4u;
    if id >= draws.samples * WORDS * blocks {
        return;
    }
    let block = id % blocks;
    let w = id / blocks % WORDS;
    let n = id / blocks / WORDS;
    var value: vec4<f32>;
    for (var k = 0u; k < 4u; k++) {
        if block * 4u + k < LEN {
            value[k] = values[n * LEN + block * 4u + k];
        }
    }
    // The bound is exact: neither scaling by a power of two nor rounding up to an integer loses anything. A value of 1
    // always spikes.
    let size = abs(value);
    let always = size >= vec4<f32>(1.0);
    let bound = vec4<u32>(ceil(select(size, vec4<f32>(0.0), always) * 4294967296.0));
    var word: vec4<u32>;
    for (var t = w * 32u; t < min(w * 32u + 32u, STEPS); t++) {
        let drawn = philox(vec4<u32>(block, t, samples[n], draws.epoch), draws.key);
        let fires = (drawn < bound) | always;
        word |= select(vec4<u32>(0u), vec4<u32>(1u), fires) << vec4<u32>(t % 32u);
    }
    for (var k = 0u; k < 4u; k++) {
        let element = block * 4u + k;
        if element < LEN {
            let pixels = LEN / CHANNELS;
            let i = element % pixels * CHANNELS + element / pixels;
            spikes[(n * 2u * WORDS + w) * LEN + i] = word[k];
            spikes[(n * 2u * WORDS + WORDS + w) * LEN + i] = select(0u, word[k], value[k] < 0.0);
        }
    }
}
