// Products of matrices in tiles of 64 x 64, 16 terms at a time through workgroup memory. A workgroup of 64 threads makes a tile,
// each thread 8 x 8 of it in registers, four rows to a vector; the columns are written out, as registers have no index.
const TILE: u32 = 64u;
const TERMS: u32 = 16u;

// Tiles of the factors, [term][row] and [term][column].
var<workgroup> left: array<f32, 1024>;
var<workgroup> right: array<f32, 1024>;

// For each column the rows 0 to 3, then for each the rows 4 to 7.
alias Sums = array<vec4<f32>, 16>;

// Adds the products of the 16 terms; the threads have written their part of both factors.
fn multiply(lane: u32, sums: ptr<function, Sums>) {
    workgroupBarrier();
    for (var k = 0u; k < TERMS; k++) {
        let at = k * TILE + lane / 8u * 8u;
        let upper = vec4<f32>(left[at], left[at + 1u], left[at + 2u], left[at + 3u]);
        let lower = vec4<f32>(left[at + 4u], left[at + 5u], left[at + 6u], left[at + 7u]);
        let first = k * TILE + lane % 8u * 8u;
        (*sums)[0] += upper * right[first + 0u];
        (*sums)[8] += lower * right[first + 0u];
        (*sums)[1] += upper * right[first + 1u];
        (*sums)[9] += lower * right[first + 1u];
        (*sums)[2] += upper * right[first + 2u];
        (*sums)[10] += lower * right[first + 2u];
        (*sums)[3] += upper * right[first + 3u];
        (*sums)[11] += lower * right[first + 3u];
        (*sums)[4] += upper * right[first + 4u];
        (*sums)[12] += lower * right[first + 4u];
        (*sums)[5] += upper * right[first + 5u];
        (*sums)[13] += lower * right[first + 5u];
        (*sums)[6] += upper * right[first + 6u];
        (*sums)[14] += lower * right[first + 6u];
        (*sums)[7] += upper * right[first + 7u];
        (*sums)[15] += lower * right[first + 7u];
    }
    workgroupBarrier();
}

// The sum of a row, of the rows 0 to 3 and 4 to 7 of a column.
fn sum_of(upper: vec4<f32>, lower: vec4<f32>, row: u32) -> f32 {
    return select(lower, upper, row < 4u)[row % 4u];
}
