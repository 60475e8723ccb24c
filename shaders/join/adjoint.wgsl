// The transpose of a join of two sources, for one of them: d (OFFSET + FACTOR b), where b is the other source. One
// thread for each step, sample and neuron. Needs common/source.wgsl, which reads b.
//
// d [slot][sample][neuron], g [step of the word][sample][neuron].
@group(0) @binding(2) var<storage, read> d: array<f32>;
@group(0) @binding(3) var<storage, read_write> g: array<f32>;

override OFFSET: f32;
override FACTOR: f32;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = thread(workgroup, workgroups, lane);
    if id >= (window.end - window.start) * window.samples * in_len() {
        return;
    }
    let i = id % in_len();
    let n = id / in_len() % window.samples;
    let t = window.start + id / in_len() / window.samples;
    var sum = d[((t - window.errors) * GROUP + n) * in_len() + i] * (OFFSET + FACTOR * emitted(n, t, i));
    let at = ((t - window.word) * GROUP + n) * in_len() + i;
    if ADD {
        sum += g[at];
    }
    g[at] = sum;
}
