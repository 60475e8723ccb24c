// Rounding to 16-bit floats. Needs coop/eight.wgsl or coop/sixteen.wgsl, which enable them.

// The nearest 16-bit float, ties to even. This is written out because drivers may round either way. Values that are
// too large become the largest one.
fn half(x: f32) -> f16 {
    let bits = bitcast<u32>(clamp(x, -65504.0, 65504.0));
    let rounded = bitcast<f32>((bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u);
    let small = round(x * 16777216.0) / 16777216.0; // below 2^-14 they are multiples of 2^-24
    return f16(select(rounded, small, abs(x) < 6.103515625e-5));
}
