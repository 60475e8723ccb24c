// Draws dropout masks, one for the whole trial: 0 with the dropout probability, else 1 / (1 - probability). One thread
// for four neighbouring neurons. Mirrors crates/snn-core/src/dropout.rs, bit for bit. Needs common/philox.wgsl.
//
// samples [sample]: index in the data set, mask [sample][neuron].
struct Draws {
    key: vec2<u32>,
    epoch: u32,
    samples: u32,
    // Index of the population.
    population: u32,
    // A random word below this one drops the neuron; kept neurons are multiplied by `keep`.
    below: u32,
    keep: f32,
}
var<immediate> draws: Draws;

@group(0) @binding(0) var<storage, read> samples: array<u32>;
@group(0) @binding(1) var<storage, read_write> mask: array<f32>;

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
    if id >= draws.samples * blocks {
        return;
    }
    let block = id % blocks;
    let n = id / blocks;
    let drawn = philox(vec4<u32>(block, draws.population, samples[n], draws.epoch), draws.key);
    for (var k = 0u; k < 4u; k++) {
        let element = block * 4u + k;
        if element < LEN {
            let pixels = LEN / CHANNELS;
            mask[n * LEN + element % pixels * CHANNELS + element / pixels] = select(draws.keep, 0.0, drawn[k] < draws.below);
        }
    }
}
