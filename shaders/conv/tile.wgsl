// Matrix products in tiles of 64 x 64, with 16 terms of the sum at a time in workgroup memory. A workgroup of 64
// threads computes a tile; each thread keeps 8 x 8 sums in registers, four rows to a vector. The columns are unrolled
// by hand, as registers cannot be indexed.
const TILE: u32 = 64u;
const TERMS: u32 = 16u;

// Tiles of the factors, [term][row] and [term][column].
var<workgroup> left: array<f32, 1024>;
var<workgroup> right: array<f32, 1024>;

// First the rows 0 to 3 of each column, then the rows 4 to 7 of each.
alias Sums = array<vec4<f32>, 16>;

// Adds the products of 16 terms, after all threads have written their part of both factors.
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

// The sum in a row, given the rows 0 to 3 and 4 to 7 of its column.
fn sum_of(upper: vec4<f32>, lower: vec4<f32>, row: u32) -> f32 {
    return select(lower, upper, row < 4u)[row % 4u];
}
