// Applies one update to a tensor of weights. One thread for each value. Mirrors crates/snn-core/src/optimizer.rs.
struct Update {
    length: u32,
    // Learning rate; for Adam, divided by the bias correction of the first moment.
    rate: f32,
    // Factor on the gradient that limits its norm.
    scale: f32,
    // L2 penalty, added to the gradient.
    penalty: f32,
    // Decoupled weight decay: the share by which the weight shrinks.
    shrink: f32,
    // Momentum, or the decay rates of the first and second moments.
    first_decay: f32,
    second_decay: f32,
    // Square root of the bias correction of the second moment, and the constant added to the root of that moment.
    root_bias: f32,
    epsilon: f32,
    // Whether to use Nesterov momentum.
    nesterov: u32,
}
var<immediate> change: Update;

@group(0) @binding(0) var<storage, read_write> weight: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> first: array<f32>;
@group(0) @binding(3) var<storage, read_write> second: array<f32>;

const PLAIN: u32 = 0u;
const MOMENTUM: u32 = 1u;
const ADAM: u32 = 2u;
override RULE: u32;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
    if i >= change.length {
        return;
    }
    var w = weight[i];
    let g = change.scale * gradient[i] + change.penalty * w;
    if RULE == PLAIN {
        w -= change.rate * g;
    } else if RULE == MOMENTUM {
        let m = change.first_decay * first[i] + g;
        first[i] = m;
        w -= change.rate * select(m, g + change.first_decay * m, change.nesterov != 0u);
    } else {
        let m = change.first_decay * first[i] + (1.0 - change.first_decay) * g;
        let v = change.second_decay * second[i] + (1.0 - change.second_decay) * g * g;
        first[i] = m;
        second[i] = v;
        w -= change.shrink * w;
        w -= change.rate * m / (sqrt(v) / change.root_bias + change.epsilon);
    }
    weight[i] = w;
}
