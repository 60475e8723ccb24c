// Matrices of 8 x 8 that a subgroup holds together: factors of 16 bits, sums of 32.
enable f16;
enable wgpu_cooperative_matrix;

const MATRIX: u32 = 8u;
// Threads of a workgroup: eight subgroups where they are the smallest ones.
const THREADS: u32 = 64u;
alias Left = coop_mat8x8<f16, A>;
alias Right = coop_mat8x8<f16, B>;
alias Sum = coop_mat8x8<f32, C>;
