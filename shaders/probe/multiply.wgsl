// Does almost only multiply-adds, to measure the peak throughput of a GPU. A thread keeps 16 sums in registers, as
// four independent vectors, and adds to each of them 16 times a round: 256 multiply-adds. Mirrors
// crates/snn-gpu/src/probe.rs.
struct Multiply {
    rounds: u32,
    // Factor and summand. They are not constants, so that the compiler cannot move the sums out of the loop.
    factor: f32,
    summand: f32,
}
var<immediate> multiply: Multiply;

@group(0) @binding(0) var<storage, read_write> sums: array<f32>;

struct Sums {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

fn once(x: Sums, factor: vec4<f32>, summand: vec4<f32>) -> Sums {
    return Sums(
        fma(x.a, factor, summand), fma(x.b, factor, summand), fma(x.c, factor, summand), fma(x.d, factor, summand)
    );
}

fn four_times(x: Sums, factor: vec4<f32>, summand: vec4<f32>) -> Sums {
    let y = once(once(x, factor, summand), factor, summand);
    return once(once(y, factor, summand), factor, summand);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
    let factor = vec4<f32>(multiply.factor);
    let summand = vec4<f32>(multiply.summand);
    let start = vec4<f32>(f32(lane), 1.0, 2.0, 3.0);
    var x = Sums(start, start + 4.0, start + 8.0, start + 12.0);
    for (var round = 0u; round < multiply.rounds; round++) {
        let y = four_times(four_times(x, factor, summand), factor, summand);
        x = four_times(four_times(y, factor, summand), factor, summand);
    }
    let sum = x.a + x.b + x.c + x.d;
    sums[thread] = sum.x + sum.y + sum.z + sum.w;
}
