// Reads the source of a projection. Needs common/window.wgsl and common/projection.wgsl.
//
// Spikes are words of 32 steps, [sample][row][neuron], where row w has the steps 32 w to 32 w + 31. Further rows
// follow: those of negative spikes, or one row whose lowest bit is the spike before the first step. Numbers are f32,
// [sample][step][neuron], or [sample][neuron] if they are constant over time.
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> mask: array<f32>;

const SPIKES: u32 = 0u;
const SIGNED: u32 = 1u;
const NUMBERS: u32 = 2u;
const CONSTANT: u32 = 3u;
override SOURCE: u32;
// Number of rows of a sample.
override ROWS: u32;
// Whether the source has a dropout mask [sample][neuron].
override SOURCE_MASKED: bool;

// The output of neuron i of sample n, as it is read at step t.
fn emitted(n: u32, t: u32, i: u32) -> f32 {
    let len = in_len();
    var value = 0.0;
    if SOURCE == CONSTANT {
        value = bitcast<f32>(source[n * len + i]);
    } else if SOURCE == NUMBERS {
        value = bitcast<f32>(source[(n * STEPS + t) * len + i]);
    } else {
        var row = t / 32u;
        var bit = t % 32u;
        if DELAY {
            row = select((t - 1u) / 32u, WORDS, t == 0u);
            bit = select((t - 1u) % 32u, 0u, t == 0u);
        }
        value = f32((source[(n * ROWS + row) * len + i] >> bit) & 1u);
        if SOURCE == SIGNED {
            let is_negative = ((source[(n * ROWS + WORDS + row) * len + i] >> bit) & 1u) == 1u;
            value = select(value, -value, is_negative);
        }
    }
    if SOURCE_MASKED {
        value *= mask[n * len + i];
    }
    return value;
}
