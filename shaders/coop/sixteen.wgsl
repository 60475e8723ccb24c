// Matrices of 16 x 16 that the threads of a subgroup hold together, with 16-bit factors and 32-bit sums.
enable f16;
enable wgpu_cooperative_matrix;

const MATRIX: u32 = 16u;
// Threads of a workgroup: eight subgroups of 32 threads.
const THREADS: u32 = 256u;
alias Left = coop_mat16x16<f16, A>;
alias Right = coop_mat16x16<f16, B>;
alias Sum = coop_mat16x16<f32, C>;
