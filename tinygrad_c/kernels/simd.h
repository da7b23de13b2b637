/* Vectors of one element type, for whichever instruction set this file is compiled for.
 *
 * REAL_BITS (32 or 64) is given on the compiler's command line and chooses the element type; the width comes from the
 * instruction set that the compiler was told to use. Kernels written in Cython against `real` and `vec` therefore
 * exist once in the source and once per (instruction set, element type) in the package. Arithmetic (+ - * /) on `vec` is
 * the compiler's own vector extension (gcc and clang, x86-64 and arm64); what the extension lacks is below, as small
 * inline functions. Compiled with SIMD_SCALAR (or by a compiler without the extension) a vector has one lane.
 */
#ifndef TINYGRAD_C_SIMD_H
#define TINYGRAD_C_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__) && !defined(SIMD_SCALAR)
#define SIMD_SCALAR
#endif

#if defined(SIMD_SCALAR)
#define VECTOR_BYTES (REAL_BITS / 8)
#elif defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#if (defined(__AVX512F__) || defined(__AVX__) || defined(__SSE2__)) && !defined(SIMD_SCALAR)
#include <immintrin.h>
#endif

#if REAL_BITS == 32
typedef float real;
typedef int32_t ireal;  /* the integer of the same width: bit patterns, masks, exponents */
#else
typedef double real;
typedef int64_t ireal;
#endif

#define LANES ((ptrdiff_t)(VECTOR_BYTES / sizeof(real)))

#ifdef SIMD_SCALAR
typedef real vec;
typedef ireal ivec;
#else
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef ireal ivec __attribute__((vector_size(VECTOR_BYTES)));
#endif
typedef ivec mask;  /* all bits of a lane set, or none */

#define INLINE static inline __attribute__((always_inline))

/* One lane, as an lvalue or a value. */
#ifdef SIMD_SCALAR
#define LANE(v, i) (v)
#else
#define LANE(v, i) ((v)[i])
#endif

INLINE vec splat(real x) {
#ifdef SIMD_SCALAR
    return x;
#else
    return x - (vec){0};
#endif
}
INLINE ivec isplat(ireal x) {
#ifdef SIMD_SCALAR
    return x;
#else
    return x - (ivec){0};
#endif
}
INLINE real lane(vec v, int i) { return LANE(v, i); }
INLINE ireal ilane(ivec v, int i) { return LANE(v, i); }

/* Unaligned loads and stores; the _part forms touch only the first n lanes (0 <= n < LANES), the rest reads as 0. */
INLINE vec load(const real* p) { vec v; memcpy(&v, p, sizeof v); return v; }
INLINE void store(real* p, vec v) { memcpy(p, &v, sizeof v); }
INLINE vec load_part(const real* p, ptrdiff_t n) {
    vec v = splat(0);
#if defined(__AVX512F__) && REAL_BITS == 32
    v = (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX512F__)
    v = (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#else
    for (ptrdiff_t i = 0; i < LANES; i++) if (i < n) LANE(v, i) = p[i];
#endif
    return v;
}
INLINE void store_part(real* p, vec v, ptrdiff_t n) {
#if defined(__AVX512F__) && REAL_BITS == 32
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif defined(__AVX512F__)
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
#else
    for (ptrdiff_t i = 0; i < LANES; i++) if (i < n) p[i] = LANE(v, i);
#endif
}

/* The first n lanes, or all where n >= LANES. */
INLINE vec load_upto(const real* p, ptrdiff_t n) { return n >= LANES ? load(p) : load_part(p, n); }
INLINE void store_upto(real* p, vec v, ptrdiff_t n) { if (n >= LANES) store(p, v); else store_part(p, v, n); }
/* As load_upto, but the lanes from n on are `fill`. */
INLINE vec load_padded(const real* p, ptrdiff_t n, real fill) {
    if (n >= LANES) return load(p);
#if defined(__AVX512F__) && !defined(SIMD_SCALAR) && REAL_BITS == 32
    return (vec)_mm512_mask_loadu_ps((__m512)splat(fill), (__mmask16)((1u << n) - 1), p);
#elif defined(__AVX512F__) && !defined(SIMD_SCALAR)
    return (vec)_mm512_mask_loadu_pd((__m512d)splat(fill), (__mmask8)((1u << n) - 1), p);
#else
    vec v = splat(fill);
    for (ptrdiff_t i = 0; i < LANES; i++) if (i < n) LANE(v, i) = p[i];
    return v;
#endif
}

/* Bit patterns and conversions. */
INLINE ivec bits(vec v) { ivec r; memcpy(&r, &v, sizeof r); return r; }
INLINE vec from_bits(ivec v) { vec r; memcpy(&r, &v, sizeof r); return r; }
INLINE vec to_real(ivec v) {
#ifdef SIMD_SCALAR
    return (real)v;
#else
    return __builtin_convertvector(v, vec);
#endif
}
INLINE ivec to_int(vec v) {  /* towards zero */
#ifdef SIMD_SCALAR
    return (ireal)v;
#else
    return __builtin_convertvector(v, ivec);
#endif
}

/* Comparisons give masks; blend(m, a, b) is a where m is set, else b. */
#ifdef SIMD_SCALAR
#define MASK(condition) (-(ireal)(condition))
#else
#define MASK(condition) ((ivec)(condition))
#endif
INLINE mask gt(vec a, vec b) { return MASK(a > b); }
INLINE mask ge(vec a, vec b) { return MASK(a >= b); }
INLINE mask lt(vec a, vec b) { return MASK(a < b); }
INLINE mask le(vec a, vec b) { return MASK(a <= b); }
INLINE mask eq(vec a, vec b) { return MASK(a == b); }
INLINE mask ne(vec a, vec b) { return MASK(a != b); }
INLINE mask mask_and(mask a, mask b) { return a & b; }
INLINE mask mask_or(mask a, mask b) { return a | b; }
INLINE mask mask_not(mask a) { return ~a; }
INLINE vec blend(mask m, vec a, vec b) { return from_bits((bits(a) & m) | (bits(b) & ~m)); }
INLINE int any_lane(mask m) {
    ireal r = 0;
    for (int i = 0; i < LANES; i++) r |= LANE(m, i);
    return r != 0;
}

INLINE vec vneg(vec a) { return -a; }  /* flips the sign bit: -0.0 for 0.0 */
INLINE vec vabs(vec a) { return from_bits(bits(a) & ~bits(splat((real)-0.0))); }
INLINE vec copysign_(vec a, vec s) { ivec m = bits(splat((real)-0.0)); return from_bits((bits(a) & ~m) | (bits(s) & m)); }
/* NaN in either operand gives NaN, as torch.maximum does. */
INLINE vec vmax(vec a, vec b) { return blend(mask_or(gt(a, b), ne(a, a)), a, b); }
INLINE vec vmin(vec a, vec b) { return blend(mask_or(lt(a, b), ne(a, a)), a, b); }
INLINE vec vsqrt(vec a) {
    vec r;
#if defined(__AVX512F__) && REAL_BITS == 32
    r = (vec)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX512F__)
    r = (vec)_mm512_sqrt_pd((__m512d)a);
#elif REAL_BITS == 32
    for (int i = 0; i < LANES; i++) LANE(r, i) = sqrtf(LANE(a, i));
#else
    for (int i = 0; i < LANES; i++) LANE(r, i) = sqrt(LANE(a, i));
#endif
    return r;
}
/* Lane by lane through a scalar function, for what has no vector form of ours. */
INLINE vec vmap(real (*f)(real), vec a) {
    vec r = a;
    for (int i = 0; i < LANES; i++) LANE(r, i) = f(LANE(a, i));
    return r;
}
INLINE vec vmap2(real (*f)(real, real), vec a, vec b) {
    vec r = a;
    for (int i = 0; i < LANES; i++) LANE(r, i) = f(LANE(a, i), LANE(b, i));
    return r;
}

/* Across the lanes. The order is fixed by LANES: halves are folded, as pairs. */
INLINE real hsum(vec v) {
    real t[LANES];
    memcpy(t, &v, sizeof v);
    for (int w = (int)LANES / 2; w > 0; w /= 2)
        for (int i = 0; i < w; i++) t[i] += t[i + w];
    return t[0];
}
INLINE real hmax(vec v) {
    real m = LANE(v, 0);
    for (int i = 1; i < LANES; i++) { real x = LANE(v, i); m = (m > x || m != m) ? m : x; }
    return m;
}
INLINE real hmin(vec v) {
    real m = LANE(v, 0);
    for (int i = 1; i < LANES; i++) { real x = LANE(v, i); m = (m < x || m != m) ? m : x; }
    return m;
}

/* bool arrays are bytes of 0 or 1; as operands of a kernel they become lanes of 0 or 1, or a mask. n lanes, n <= LANES. */
INLINE mask load_bool(const uint8_t* p, ptrdiff_t n) {
    mask m = isplat(0);
    if (n == LANES) { for (int i = 0; i < LANES; i++) LANE(m, i) = -(ireal)(p[i] != 0); }
    else for (int i = 0; i < LANES; i++) if (i < n) LANE(m, i) = -(ireal)(p[i] != 0);
    return m;
}
INLINE void store_bool(uint8_t* p, mask m, ptrdiff_t n) {
    if (n == LANES) { for (int i = 0; i < LANES; i++) p[i] = (uint8_t)(LANE(m, i) & 1); }
    else for (int i = 0; i < LANES; i++) if (i < n) p[i] = (uint8_t)(LANE(m, i) & 1);
}

/* The matrix product's tile: so many accumulators as the registers hold, with room for a row of B and an element of A. */
#if defined(__AVX512F__) && !defined(SIMD_SCALAR)
#define TILE_ROWS 14
#define MASKED_LOADS 1  /* a masked load costs what a whole one does */
#else
#define MASKED_LOADS 0
#if defined(__AVX__)
#define TILE_ROWS 6
#elif defined(__aarch64__)
#define TILE_ROWS 12
#else
#define TILE_ROWS 4
#endif
#endif

#define PACKED_ROWS ((TILE_ROWS + LANES - 1) / LANES * LANES)

/* n lanes, 1 <= n <= LANES. load_row is for a row of B, which is padded to whole vectors unless loads can be masked. */
INLINE vec load_row(const real* p, ptrdiff_t n) { return MASKED_LOADS ? load_part(p, n) : load(p); }
INLINE vec load_last(const real* p, ptrdiff_t n) { return !MASKED_LOADS && n == LANES ? load(p) : load_part(p, n); }
INLINE void store_last(real* p, vec v, ptrdiff_t n) {
    if (!MASKED_LOADS && n == LANES) store(p, v); else store_part(p, v, n);
}

/* Two vectors as one sequence a0 b0 a1 b1 ..., its first and its second half. */
#if defined(SIMD_SCALAR)
#define INTERLEAVE(a, b, lo, hi) (lo = (a), hi = (b))
#else
#if VECTOR_BYTES * 8 / REAL_BITS == 16
#define LO 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HI 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VECTOR_BYTES * 8 / REAL_BITS == 8
#define LO 0, 8, 1, 9, 2, 10, 3, 11
#define HI 4, 12, 5, 13, 6, 14, 7, 15
#elif VECTOR_BYTES * 8 / REAL_BITS == 4
#define LO 0, 4, 1, 5
#define HI 2, 6, 3, 7
#else
#define LO 0, 2
#define HI 1, 3
#endif
#if defined(__clang__)
#define INTERLEAVE(a, b, lo, hi) (lo = __builtin_shufflevector(a, b, LO), hi = __builtin_shufflevector(a, b, HI))
#else
#define INTERLEAVE(a, b, lo, hi) (lo = __builtin_shuffle(a, b, (ivec){LO}), hi = __builtin_shuffle(a, b, (ivec){HI}))
#endif
#endif

/* A block of LANES rows becomes its transpose. Each round interleaves the first half of the rows with the second: it
 * rotates the bits of (row, lane), an index of 2 log2(LANES) bits, by one; after log2(LANES) rounds they have changed places. */
INLINE void transpose(vec* block) {
    vec next[LANES];
    for (int width = 1; width < LANES; width *= 2) {
        for (int i = 0; i < LANES / 2; i++)
            INTERLEAVE(block[i], block[i + LANES / 2], next[2 * i], next[2 * i + 1]);
        for (int i = 0; i < LANES; i++) block[i] = next[i];
    }
}

#endif
