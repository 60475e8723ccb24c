// Definitions shared by the kernels of neurons. Needs common/window.wgsl and the generated text of the neuron's model:
// STATE, CONSTANTS, FIRES and the functions of its phases.
override LEN: u32;
// Number of rows of a sample in the output, see common/source.wgsl.
override OUTPUT_ROWS: u32;

// Index of state variable k of neuron i of sample n.
fn entry(k: u32, n: u32, i: u32) -> u32 {
    return (k * GROUP + n) * LEN + i;
}

// Distance from one constant to the next in `trained`, which the kernel binds.
override CONSTANT_STRIDE: u32;
// Which neurons share a value: 0 all of the population, 1 those of a channel, 2 none.
override CONSTANT_PER: u32;
override CHANNELS: u32;

// Index of neuron i's value among those of a constant, `[channel]` or `[channel][pixel]`.
fn place_of_constant(i: u32) -> u32 {
    if CONSTANT_PER == 0u {
        return 0u;
    }
    let channel = i % CHANNELS;
    return select(channel * (LEN / CHANNELS) + i / CHANNELS, channel, CONSTANT_PER == 1u);
}

// The trained parameters of the constants at a place.
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
