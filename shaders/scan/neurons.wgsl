// The neurons of a population. Needs common/window.wgsl and what is written of the neuron's model: STATE, CONSTANTS, FIRES and
// the functions of its phases.
override LEN: u32;
// Rows of a sample in the output, see common/source.wgsl.
override OUTPUT_ROWS: u32;

// Place of neuron i of sample n in the rows of entry k of the states.
fn entry(k: u32, n: u32, i: u32) -> u32 {
    return (k * GROUP + n) * LEN + i;
}

// The trained numbers of the constants: one every 64 numbers of `trained`, which the kernel binds.
fn trained_numbers() -> Constants {
    var w: Constants;
    for (var k = 0u; k < CONSTANTS; k++) {
        w[k] = trained[k * 64u];
    }
    return w;
}

// The values of the constants.
fn constants() -> Constants {
    return link(trained_numbers());
}
