// The range of steps and samples that a dispatch works on, and the numbering of threads. Mirrors
// crates/snn-gpu/src/window.rs.
struct Window {
    // First step of a word of 32 steps. Buffers that hold one word of steps are indexed from here.
    word: u32,
    // First step, and the step after the last one.
    start: u32,
    end: u32,
    // Number of samples of the group that are in use.
    samples: u32,
    // The step of the first slot of the errors `d`.
    errors: u32,
    // 1 if the trial resumes the last one.
    resumed: u32,
    // dL/d emitted of the population.
    d_emitted: f32,
    // Range of the pairs `sample * pixels + pixel` that sums over samples and output pixels cover, so that no thread
    // takes too long.
    first_pair: u32,
    last_pair: u32,
}
var<immediate> window: Window;

// Number of samples in buffers, number of steps of a trial, and number of 32-step words.
override GROUP: u32;
override STEPS: u32;
override WORDS: u32;

const LANES: u32 = 64u;

fn thread(workgroup: vec3<u32>, workgroups: vec3<u32>, lane: u32) -> u32 {
    return (workgroup.y * workgroups.x + workgroup.x) * LANES + lane;
}
