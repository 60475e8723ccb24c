// Philox4x32-10. Mirrors crates/snn-core/src/random.rs, bit for bit.

// The high word of the product of two words.
fn high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

fn philox(counter_start: vec4<u32>, key_start: vec2<u32>) -> vec4<u32> {
    var counter = counter_start;
    var key = key_start;
    for (var round = 0u; round < 10u; round++) {
        if round > 0u {
            key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
        }
        let left = counter.x;
        let right = counter.z;
        counter = vec4<u32>(
            high(right, 0xcd9e8d57u) ^ counter.y ^ key.x,
            right * 0xcd9e8d57u,
            high(left, 0xd2511f53u) ^ counter.w ^ key.y,
            left * 0xd2511f53u,
        );
    }
    return counter;
}
