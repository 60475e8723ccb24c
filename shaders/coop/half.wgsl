// Rounding to 16 bits. Needs coop/eight.wgsl or coop/sixteen.wgsl, which enable them.

// The nearest number of 16 bits, and of two the even one. It is written out, as drivers may round either way; what is too large
// becomes the largest.
fn half(x: f32) -> f16 {
    let bits = bitcast<u32>(clamp(x, -65504.0, 65504.0));
    let rounded = bitcast<f32>((bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u);
    let small = round(x * 16777216.0) / 16777216.0; // below 2^-14 they are multiples of 2^-24
    return f16(select(rounded, small, abs(x) < 6.103515625e-5));
}
