// Matrices of 8 x 8 that the threads of a subgroup hold together, with 16-bit factors and 32-bit sums.
enable f16;
enable wgpu_cooperative_matrix;

const MATRIX: u32 = 8u;
// Threads of a workgroup: eight subgroups of the smallest size.
const THREADS: u32 = 64u;
alias Left = coop_mat8x8<f16, A>;
alias Right = coop_mat8x8<f16, B>;
alias Sum = coop_mat8x8<f32, C>;
