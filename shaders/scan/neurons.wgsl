// The neurons of a population. Needs common/window.wgsl and what is written of the neuron's model: STATE, CONSTANTS, FIRES and
// the functions of its phases.
override LEN: u32;
// Rows of a sample in the output, see common/source.wgsl.
override OUTPUT_ROWS: u32;

// Place of neuron i of sample n in the rows of entry k of the states.
fn entry(k: u32, n: u32, i: u32) -> u32 {
    return (k * GROUP + n) * LEN + i;
}

// Numbers from one constant to the next in `trained`, which the kernel binds.
override CONSTANT_STRIDE: u32;
// Which neurons share a value: 0 those of the population, 1 those of a channel, 2 none.
override CONSTANT_PER: u32;
override CHANNELS: u32;

// Where among the values of a constant that of neuron i stands: `[channel]` or `[channel][pixel]`.
fn place_of_constant(i: u32) -> u32 {
    if CONSTANT_PER == 0u {
        return 0u;
    }
    let channel = i % CHANNELS;
    return select(channel * (LEN / CHANNELS) + i / CHANNELS, channel, CONSTANT_PER == 1u);
}

// The trained numbers of the constants that stand at a place.
fn trained_numbers(place: u32) -> Constants {
    var w: Constants;
    for (var k = 0u; k < CONSTANTS; k++) {
        w[k] = trained[k * CONSTANT_STRIDE + place];
    }
    return w;
}

// The values of the constants of neuron i.
fn constants(i: u32) -> Constants {
    return link(trained_numbers(place_of_constant(i)));
}
