// The part of a trial that a dispatch works on, and how threads are numbered. Mirrors crates/snn-gpu/src/window.rs.
struct Window {
    // First step of a word of 32 steps; what is kept for the length of a word is indexed from here.
    word: u32,
    // First step, and the step after the last.
    start: u32,
    end: u32,
    // Samples of the group that are in use.
    samples: u32,
    // Step that the first slot of the errors `d` stands for.
    errors: u32,
    // 1 if the trial goes on where the last one ended.
    resumed: u32,
    // dL/d emitted of the population.
    d_emitted: f32,
    // Sums over samples and output pixels go over these pairs, `sample * pixels + pixel`, so that no thread takes too long.
    first_pair: u32,
    last_pair: u32,
}
var<immediate> window: Window;

// Samples that buffers have room for, steps of a trial, and words of 32 steps that hold them.
override GROUP: u32;
override STEPS: u32;
override WORDS: u32;

const LANES: u32 = 64u;

fn thread(workgroup: vec3<u32>, workgroups: vec3<u32>, lane: u32) -> u32 {
    return (workgroup.y * workgroups.x + workgroup.x) * LANES + lane;
}
