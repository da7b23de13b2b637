"""Declarations of simd.h: `real` is float or double, `vec` a vector of it; REAL_BITS chooses when the C code is compiled.

Cython passes arithmetic on `vec` to C unchanged. Constants need `splat`: C does not allow a vector and a double literal in
one expression.
"""
from libc.stdint cimport uint8_t

cdef extern from "simd.h" nogil:
    ctypedef double real
    ctypedef long ireal
    ctypedef double vec
    ctypedef long ivec
    ctypedef long mask
    enum:           # an enum, so that Cython accepts them as array sizes
        LANES
        REAL_BITS
        MAX_LANES
        MAX_TILE_ROWS
        TILE_VECS
    const int TILE_ROWS
    const int FIRST_ROWS
    const int DOT_ROWS
    const bint MASKED_LOADS

    vec splat(real x) noexcept
    ivec isplat(ireal x) noexcept
    real lane(vec v, int i) noexcept
    ireal ilane(ivec v, int i) noexcept
    vec load(const real* p) noexcept
    void store(real* p, vec v) noexcept
    vec load_part(const real* p, Py_ssize_t n) noexcept
    void store_part(real* p, vec v, Py_ssize_t n) noexcept
    vec load_upto(const real* p, Py_ssize_t n) noexcept
    void store_upto(real* p, vec v, Py_ssize_t n) noexcept
    vec load_padded(const real* p, Py_ssize_t n, real fill) noexcept
    ivec bits(vec v) noexcept
    vec from_bits(ivec v) noexcept
    ivec shl(ivec v, int n) noexcept
    ivec shr(ivec v, int n) noexcept
    ivec words(ivec first, ivec second) noexcept
    mask gt(vec a, vec b) noexcept
    mask ge(vec a, vec b) noexcept
    mask lt(vec a, vec b) noexcept
    mask le(vec a, vec b) noexcept
    mask eq(vec a, vec b) noexcept
    mask ne(vec a, vec b) noexcept
    mask mask_and(mask a, mask b) noexcept
    mask mask_or(mask a, mask b) noexcept
    mask mask_not(mask a) noexcept
    vec blend(mask m, vec a, vec b) noexcept
    bint any_lane(mask m) noexcept
    vec vneg(vec a) noexcept
    vec vabs(vec a) noexcept
    vec copysign_(vec a, vec s) noexcept
    vec max_or_b(vec a, vec b) noexcept
    vec min_or_b(vec a, vec b) noexcept
    vec vmax(vec a, vec b) noexcept
    vec vmin(vec a, vec b) noexcept
    vec vsqrt(vec a) noexcept
    vec vround(vec a) noexcept
    vec vfloor(vec a) noexcept
    vec vceil(vec a) noexcept
    vec vtrunc(vec a) noexcept
    vec scale2(vec x, vec k) noexcept
    vec product_error(vec a, vec b, vec p) noexcept
    ivec lane_numbers() noexcept
    ivec mul_low(ivec a, ivec b) noexcept
    vec vmap(real (*f)(real) noexcept nogil, vec a) noexcept
    real hsum(vec v) noexcept
    real hmax(vec v) noexcept
    real hmin(vec v) noexcept
    vec hsums(vec* sums) noexcept
    mask load_bool(const uint8_t* p, Py_ssize_t n) noexcept
    void store_bool(uint8_t* p, mask m, Py_ssize_t n) noexcept
    void prefetch(const void* p) noexcept
    void prefetch_l2(const void* p) noexcept
    void in_register(Py_ssize_t n) noexcept
    void vec_in_register(vec v) noexcept
    vec load_row(const real* p, Py_ssize_t n) noexcept
    vec load_last(const real* p, Py_ssize_t n) noexcept
    void store_last(real* p, vec v, Py_ssize_t n) noexcept
    void transpose(vec* block) noexcept
    void load_columns(vec* block, const real** row, Py_ssize_t at) noexcept
    vec interleave_low(vec a, vec b) noexcept
    vec interleave_high(vec a, vec b) noexcept
