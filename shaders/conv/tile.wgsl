// Products of matrices in tiles of 64 x 64, 16 terms at a time through workgroup memory. A workgroup of 64 threads makes a tile,
// each thread 8 x 8 of it in registers.
const TILE: u32 = 64u;
const TERMS: u32 = 16u;

// Tiles of the factors, [term][row] and [term][column].
var<workgroup> left: array<f32, 1024>;
var<workgroup> right: array<f32, 1024>;

alias Sums = array<array<f32, 8>, 8>;

// Adds the products of the 16 terms; the threads have written their part of both factors.
fn multiply(lane: u32, sums: ptr<function, Sums>) {
    workgroupBarrier();
    for (var k = 0u; k < TERMS; k++) {
        var row: array<f32, 8>;
        for (var r = 0u; r < 8u; r++) {
            row[r] = left[k * TILE + lane / 8u * 8u + r];
        }
        for (var c = 0u; c < 8u; c++) {
            let factor = right[k * TILE + lane % 8u * 8u + c];
            for (var r = 0u; r < 8u; r++) {
                (*sums)[r][c] += row[r] * factor;
            }
        }
    }
    workgroupBarrier();
}
