// Sums the squares of all gradients: 1024 partial sums, one per thread.
struct Norm {
    length: u32,
}
var<immediate> norm: Norm;

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

const PARTS: u32 = 1024u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let part = workgroup.x * 64u + lane;
    var sum = 0.0;
    for (var i = part; i < norm.length; i += PARTS) {
        sum += gradient[i] * gradient[i];
    }
    sums[part] = sum;
}
