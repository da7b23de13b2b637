/* SIMD vectors of one element type, for the instruction set that this file is compiled for.
 *
 * REAL_BITS (32 or 64), a macro on the compiler's command line, chooses the element type; the compiler's target instruction
 * set determines the width. So kernels written in Cython with `real` and `vec` exist once in the source and once per
 * (instruction set, element type) in the package. Arithmetic (+ - * /) on `vec` is the compiler's vector extension (gcc and
 * clang, x86-64 and arm64); what the extension lacks is below, as small inline functions. Compiled with SIMD_SCALAR (or by a
 * compiler without the extension) a vector has one lane.
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
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

/* X86: the vector width in bits if there are SSE/AVX intrinsics, else 0. MM(max) expands to _mm512_max_ps or similar. */
#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#if REAL_BITS == 32
#define MM_TYPE _ps
#else
#define MM_TYPE _pd
#endif
#if defined(SIMD_SCALAR) || !defined(__SSE2__)
#define X86 0
#else
#include <immintrin.h>
#if defined(__AVX512F__)
#define X86 512
#define MM(name) JOIN(_mm512_, name, MM_TYPE)
#define MM2(name, tail) JOIN(JOIN(_mm512_, name, MM_TYPE), tail, )
#elif defined(__AVX2__)
#define X86 256
#define MM(name) JOIN(_mm256_, name, MM_TYPE)
#else
#define X86 128
#define MM(name) JOIN(_mm_, name, MM_TYPE)
#endif
#endif

#if REAL_BITS == 32
typedef float real;
typedef int32_t ireal;  /* the integer of the same width: bit patterns, exponents */
typedef uint32_t ureal;
#else
typedef double real;
typedef int64_t ireal;
typedef uint64_t ureal;
#endif

#define LANES ((ptrdiff_t)(VECTOR_BYTES / sizeof(real)))
#define MAX_LANES 16        /* over all instruction sets: the size of small arrays in kernels */

#ifdef SIMD_SCALAR
typedef real vec;
typedef ireal ivec;
typedef ureal uvec;
#else
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef ireal ivec __attribute__((vector_size(VECTOR_BYTES)));
typedef ureal uvec __attribute__((vector_size(VECTOR_BYTES)));
#endif

/* The result of a comparison: one bit per lane with AVX-512, else lanes with all bits set or clear. Only the functions below
 * depend on which. */
#if X86 == 512 && REAL_BITS == 32
typedef __mmask16 mask;
#elif X86 == 512
typedef __mmask8 mask;
#else
typedef ivec mask;
#endif

#define INLINE static inline __attribute__((always_inline))

#if VECTOR_BYTES * 8 / REAL_BITS == 16
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#elif VECTOR_BYTES * 8 / REAL_BITS == 8
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#elif VECTOR_BYTES * 8 / REAL_BITS == 4
#define LANE_NUMBERS 0, 1, 2, 3
#else
#define LANE_NUMBERS 0, 1
#endif

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

/* Unaligned loads and stores; the _part forms access only the first n lanes (0 <= n < LANES); the others are loaded as 0. */
INLINE vec load(const real* p) { vec v; memcpy(&v, p, sizeof v); return v; }
INLINE void store(real* p, vec v) { memcpy(p, &v, sizeof v); }
#if X86 == 512
INLINE mask first_lanes(ptrdiff_t n) { return (mask)((1u << n) - 1); }
#elif X86 == 256
INLINE __m256i first_lanes(ptrdiff_t n) { return (__m256i)((ivec){LANE_NUMBERS} < isplat((ireal)n)); }
#endif
INLINE vec load_part(const real* p, ptrdiff_t n) {
#if X86 == 512
    return MM(maskz_loadu)(first_lanes(n), p);
#elif X86 == 256
    return MM(maskload)(p, first_lanes(n));
#else
    vec v = splat(0);
    for (ptrdiff_t i = 0; i < LANES; i++) if (i < n) LANE(v, i) = p[i];
    return v;
#endif
}
INLINE void store_part(real* p, vec v, ptrdiff_t n) {
#if X86 == 512
    MM(mask_storeu)(p, first_lanes(n), v);
#elif X86 == 256 && REAL_BITS == 32
    __m128 part = _mm256_castps256_ps128(v);    /* maskstore takes 12 cycles and more on AMD's Zen 1 to 3 */
    if (n & 4) { _mm_storeu_ps(p, part); part = _mm256_extractf128_ps(v, 1); p += 4; }
    if (n & 2) { _mm_storel_pi((__m64*)p, part); part = _mm_movehl_ps(part, part); p += 2; }
    if (n & 1) _mm_store_ss(p, part);
#elif X86 == 256
    __m128d part = _mm256_castpd256_pd128(v);
    if (n & 2) { _mm_storeu_pd(p, part); part = _mm256_extractf128_pd(v, 1); p += 2; }
    if (n & 1) _mm_store_sd(p, part);
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
#if X86 == 512
    return MM(mask_loadu)(splat(fill), first_lanes(n), p);
#elif X86 == 256
    return MM(blendv)(splat(fill), MM(maskload)(p, first_lanes(n)), (vec)first_lanes(n));
#else
    vec v = splat(fill);
    for (ptrdiff_t i = 0; i < LANES; i++) if (i < n) LANE(v, i) = p[i];
    return v;
#endif
}

/* Bit patterns. */
INLINE ivec bits(vec v) { ivec r; memcpy(&r, &v, sizeof r); return r; }
INLINE vec from_bits(ivec v) { vec r; memcpy(&r, &v, sizeof r); return r; }
INLINE ivec shl(ivec v, int n) { return (ivec)((uvec)v << n); }
INLINE ivec shr(ivec v, int n) { return (ivec)((uvec)v >> n); }  /* logical: shifts zeros in */
/* The lower halves of two 64-bit lanes as one that holds them in this order in memory. */
INLINE ivec words(ivec first, ivec second) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    ivec swap = first;
    first = second;
    second = swap;
#endif
    return (first & isplat((ireal)0xFFFFFFFFu)) | shl(second, 32);
}

/* Comparisons give masks, false where an operand is NaN (ne: true); blend(m, a, b) is a where m is set, else b. */
#if X86 == 512
#define COMPARE(name, op, predicate) INLINE mask name(vec a, vec b) { return MM2(cmp, _mask)(a, b, predicate); }
#elif defined(SIMD_SCALAR)
#define COMPARE(name, op, predicate) INLINE mask name(vec a, vec b) { return -(ireal)(a op b); }
#else
#define COMPARE(name, op, predicate) INLINE mask name(vec a, vec b) { return (mask)(a op b); }
#endif
COMPARE(gt, >, _CMP_GT_OQ)
COMPARE(ge, >=, _CMP_GE_OQ)
COMPARE(lt, <, _CMP_LT_OQ)
COMPARE(le, <=, _CMP_LE_OQ)
COMPARE(eq, ==, _CMP_EQ_OQ)
COMPARE(ne, !=, _CMP_NEQ_UQ)
INLINE mask mask_and(mask a, mask b) { return (mask)(a & b); }
INLINE mask mask_or(mask a, mask b) { return (mask)(a | b); }
INLINE mask mask_not(mask a) { return (mask)~a; }
INLINE vec blend(mask m, vec a, vec b) {
#if X86 == 512
    return MM(mask_blend)(m, b, a);
#elif X86 == 256
    return MM(blendv)(b, a, from_bits(m));
#else
    return from_bits((bits(a) & m) | (bits(b) & ~m));
#endif
}
INLINE int any_lane(mask m) {
#if X86 == 512
    return m != 0;
#elif X86
    return MM(movemask)(from_bits(m)) != 0;
#else
    ireal r = 0;
    for (int i = 0; i < LANES; i++) r |= LANE(m, i);
    return r != 0;
#endif
}

INLINE vec vneg(vec a) { return -a; }  /* flips the sign bit: -0.0 for 0.0 */
INLINE vec vabs(vec a) { return from_bits(bits(a) & ~bits(splat((real)-0.0))); }
INLINE vec copysign_(vec a, vec s) { ivec m = bits(splat((real)-0.0)); return from_bits((bits(a) & ~m) | (bits(s) & m)); }
/* max_or_b is b where either operand is NaN, like the x86 instruction: a clamp with the bound as operand a keeps NaN. */
INLINE vec max_or_b(vec a, vec b) {
#if X86
    return MM(max)(a, b);
#else
    return blend(gt(a, b), a, b);
#endif
}
INLINE vec min_or_b(vec a, vec b) {
#if X86
    return MM(min)(a, b);
#else
    return blend(lt(a, b), a, b);
#endif
}
/* NaN in either operand gives NaN, as torch.maximum does. */
INLINE vec vmax(vec a, vec b) { return blend(ne(b, b), b, max_or_b(b, a)); }
INLINE vec vmin(vec a, vec b) { return blend(ne(b, b), b, min_or_b(b, a)); }
INLINE vec vsqrt(vec a) {
#if X86
    return MM(sqrt)(a);
#else
    vec r = a;
    for (int i = 0; i < LANES; i++) LANE(r, i) = (real)sqrt((double)LANE(a, i));  /* exact for float too */
    return r;
#endif
}
/* Rounding to integers; -0.0, and negative numbers that round to 0, keep their sign. */
#if X86 == 512
#define ROUND(name, mode, correction) INLINE vec name(vec a) { return MM(roundscale)(a, mode | 8); }
#elif X86 == 256
#define ROUND(name, mode, correction) INLINE vec name(vec a) { return MM(round)(a, mode | 8); }
#else
/* Rounds to nearest by adding 2^(bits of the fraction), then corrects by 1 where that rounded the wrong way. */
#define ROUND(name, mode, correction) INLINE vec name(vec a) { \
    const vec whole = splat(REAL_BITS == 32 ? (real)0x1p23 : (real)0x1p52), zero = splat(0), one = splat(1); \
    vec b = vabs(a), r = copysign_((b + whole) - whole, a); \
    (void)zero, (void)one; \
    return blend(lt(b, whole), copysign_(r correction, a), a); \
}
#endif
ROUND(vround, 0, )
ROUND(vfloor, 1, - blend(gt(r, a), one, zero))
ROUND(vceil, 2, + blend(lt(r, a), one, zero))
ROUND(vtrunc, 3, - blend(gt(vabs(r), b), copysign_(one, a), zero))
/* x * 2^k, rounded once; k is an integer, at most twice the largest exponent of a number. */
INLINE vec scale2(vec x, vec k) {
#if X86 == 512
    return MM(scalef)(x, k);
#else
    const int shift = REAL_BITS == 32 ? 23 : 52;
    const vec magic = splat(REAL_BITS == 32 ? (real)0x1.8p23 : (real)0x1.8p52), one = splat(1);
    vec half = k * splat((real)0.5) + magic;    /* its low bits are the integer nearest to k / 2 */
    vec rest = (k - (half - magic)) + magic;
    return x * from_bits(shl(bits(half), shift) + bits(one)) * from_bits(shl(bits(rest), shift) + bits(one));
#endif
}
/* The rounding error a * b - p of p = a * b, exactly, if nothing overflows: by FMA, or by Dekker's splitting (1971). */
INLINE vec product_error(vec a, vec b, vec p) {
#if X86 && defined(__FMA__)
    return MM(fmsub)(a, b, p);
#else
    const ivec upper = shl(isplat(-1), REAL_BITS == 32 ? 12 : 27);
    vec ah = from_bits(bits(a) & upper), bh = from_bits(bits(b) & upper), al = a - ah, bl = b - bh;
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
#endif
}
INLINE ivec lane_numbers(void) {
#ifdef SIMD_SCALAR
    return 0;
#else
    return (ivec){LANE_NUMBERS};
#endif
}
/* The 64-bit products of the lower 32 bits of each lane; for lanes of 64 bits. */
INLINE ivec mul_low(ivec a, ivec b) {
#if X86 == 512
    return (ivec)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif X86 == 256
    return (ivec)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif X86
    return (ivec)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    ivec r = a;
    for (int i = 0; i < LANES; i++) LANE(r, i) = (ireal)((uint64_t)(uint32_t)LANE(a, i) * (uint32_t)LANE(b, i));
    return r;
#endif
}
/* Applies a scalar function to each lane, where there is no vector form. */
INLINE vec vmap(real (*f)(real), vec a) {
    vec r = a;
    for (int i = 0; i < LANES; i++) LANE(r, i) = f(LANE(a, i));
    return r;
}

/* Horizontal reductions: the halves of the vector are combined, then their halves, so the order depends on LANES only. */
INLINE vec swapped(vec v, int w) {  /* lane i is lane i ^ w of v */
#if defined(__GNUC__) && !defined(__clang__) && !defined(SIMD_SCALAR)
    return __builtin_shuffle(v, (ivec){LANE_NUMBERS} ^ isplat(w));
#else
    vec r = v;
    for (int i = 0; i < LANES; i++) LANE(r, i) = LANE(v, i ^ w);
    return r;
#endif
}
#define FOLD(v, f) \
    if (LANES > 8) v = f(v, swapped(v, 8)); \
    if (LANES > 4) v = f(v, swapped(v, 4)); \
    if (LANES > 2) v = f(v, swapped(v, 2)); \
    if (LANES > 1) v = f(v, swapped(v, 1))
INLINE vec vadd(vec a, vec b) { return a + b; }
INLINE real hsum(vec v) { FOLD(v, vadd); return LANE(v, 0); }
INLINE real hmax(vec v) { FOLD(v, vmax); return LANE(v, 0); }
INLINE real hmin(vec v) { FOLD(v, vmin); return LANE(v, 0); }

/* bool arrays are bytes of 0 or 1; in kernels they are masks. n lanes, n <= LANES. */
#if X86 == 256 || X86 == 128
INLINE mask load_bool(const uint8_t* p, ptrdiff_t n) {
    uint64_t word = 0;
    memcpy(&word, p, (size_t)(n == LANES ? LANES : n & (LANES - 1)));
    __m128i b = _mm_set_epi64x(0, (long long)word);
#if X86 == 256 && REAL_BITS == 32
    return (mask)_mm256_cvtepi8_epi32(b) > 0;
#elif X86 == 256
    return (mask)_mm256_cvtepi8_epi64(b) > 0;
#else
    b = _mm_unpacklo_epi8(b, b);
    b = _mm_unpacklo_epi16(b, b);
#if REAL_BITS == 64
    b = _mm_unpacklo_epi32(b, b);
#endif
    return (mask)_mm_cmpgt_epi32(b, _mm_setzero_si128());
#endif
}
INLINE void store_bool(uint8_t* p, mask m, ptrdiff_t n) {
    uint64_t signs = (uint64_t)MM(movemask)(from_bits(m));   /* bit i to byte i; the eighth separately */
    uint64_t word = ((signs & 127) * 0x0002040810204081u & 0x0101010101010101u) | signs >> 7 << 56;
    memcpy(p, &word, (size_t)(n == LANES ? LANES : n & (LANES - 1)));
}
#elif X86 == 512
INLINE mask load_bool(const uint8_t* p, ptrdiff_t n) {
    __m128i b = _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), p);
    return (mask)_mm_test_epi8_mask(b, b);
}
INLINE void store_bool(uint8_t* p, mask m, ptrdiff_t n) {
    _mm_mask_storeu_epi8(p, (__mmask16)((1u << n) - 1), _mm_maskz_set1_epi8(m, 1));
}
#else
INLINE mask load_bool(const uint8_t* p, ptrdiff_t n) {
    mask m = isplat(0);
    for (int i = 0; i < LANES; i++) if (i < n) LANE(m, i) = -(ireal)(p[i] != 0);
    return m;
}
INLINE void store_bool(uint8_t* p, mask m, ptrdiff_t n) {
    for (int i = 0; i < LANES; i++) if (i < n) p[i] = (uint8_t)(LANE(m, i) & 1);
}
#endif

/* Register block of the matrix product: as many accumulators as fit in registers beside a row of B and an element of A. */
#if defined(__AVX512F__) && !defined(SIMD_SCALAR)
#define TILE_ROWS 14
#define MASKED_LOADS 1  /* a masked load costs the same as a full one */
#else
#define MASKED_LOADS 0
#if defined(__AVX2__)
#define TILE_ROWS 6
#elif defined(__aarch64__)
#define TILE_ROWS 12
#else
#define TILE_ROWS 4
#endif
#endif
#define MAX_TILE_ROWS 14
#define TILE_VECS 2     /* a tile of C is TILE_ROWS x TILE_VECS vectors */
typedef char arrays_are_large_enough[LANES <= MAX_LANES && TILE_ROWS <= MAX_TILE_ROWS ? 1 : -1];
#define FIRST_ROWS (TILE_ROWS > 8 ? 8 : TILE_ROWS)  /* rows of the tile that packs B */

#define DOT_ROWS (LANES >= 16 ? 4 : LANES >= 4 ? 2 : 1)  /* LANES dot products: DOT_ROWS rows x LANES / DOT_ROWS columns */

#if defined(__GNUC__)
#define prefetch(p) __builtin_prefetch(p)
#define prefetch_l2(p) __builtin_prefetch(p, 0, 2)
/* Forces the integer n into a register: in a loop, multiples of n are then computed again, not kept on the stack. */
#define in_register(n) __asm__("" : "+r"(n))
#else
#define prefetch(p) ((void)(p))
#define prefetch_l2(p) ((void)(p))
#define in_register(n) ((void)(n))
#endif
/* Forces a vector into a register: gcc would load it from memory again at each use. */
#if X86 == 512
#define vec_in_register(v) __asm__("" : "+v"(v))
#elif X86
#define vec_in_register(v) __asm__("" : "+x"(v))
#elif defined(__GNUC__) && defined(__aarch64__)
#define vec_in_register(v) __asm__("" : "+w"(v))
#else
#define vec_in_register(v) ((void)(v))
#endif

/* n lanes, 1 <= n <= LANES. load_row reads a row of B, which is padded to whole vectors unless loads can be masked. */
INLINE vec load_row(const real* p, ptrdiff_t n) { return MASKED_LOADS ? load_part(p, n) : load(p); }
INLINE vec load_last(const real* p, ptrdiff_t n) { return !MASKED_LOADS && n == LANES ? load(p) : load_part(p, n); }
INLINE void store_last(real* p, vec v, ptrdiff_t n) {
    if (!MASKED_LOADS && n == LANES) store(p, v); else store_part(p, v, n);
}

/* Interleaves two vectors to a0 b0 a1 b1 ...: lo is the first half of the sequence, hi the second. */
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

INLINE vec interleave_low(vec a, vec b) { vec lo, hi; INTERLEAVE(a, b, lo, hi); (void)hi; return lo; }
INLINE vec interleave_high(vec a, vec b) { vec lo, hi; INTERLEAVE(a, b, lo, hi); (void)lo; return hi; }

/* Transposes a block of LANES rows in place. Each round interleaves the first half of the rows with the second: it rotates
 * the bits of (row, lane), an index of 2 log2(LANES) bits, by one; after log2(LANES) rounds row and lane are exchanged. AVX2
 * interleaves within halves of a vector only: two such rounds transpose the quarters, and two quarters are exchanged last.
 * load_columns loads the transposed block: lane r of block[c] is row[r][at + c].
 * (The rounds are written out: gcc 12 keeps arrays in registers only if their indices are constants early.) */
#if X86 == 256
enum { HALF = VECTOR_BYTES / sizeof(real) / 2 };
INLINE void interleave_halves(const vec* block, vec* to) {
    for (int i = 0; i < HALF; i++) {
        int j = i + (i >= HALF / 2 ? HALF / 2 : 0);
        to[2 * i] = MM(unpacklo)(block[j], block[j + HALF / 2]);
        to[2 * i + 1] = MM(unpackhi)(block[j], block[j + HALF / 2]);
    }
}
INLINE vec two_halves(const real* low, const real* high) {
#if REAL_BITS == 32
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
#else
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(low)), _mm_loadu_pd(high), 1);
#endif
}
INLINE void load_columns(vec* block, const real** row, ptrdiff_t at) {
    vec a[2 * HALF], b[2 * HALF];
    for (int i = 0; i < HALF; i++) {            /* the exchange of quarters comes first, by loads of halves */
        a[i] = two_halves(row[i] + at, row[i + HALF] + at);
        a[i + HALF] = two_halves(row[i] + at + HALF, row[i + HALF] + at + HALF);
    }
    interleave_halves(a, b);
    if (HALF == 4) interleave_halves(b, a);
    for (int i = 0; i < 2 * HALF; i++) block[i] = HALF == 4 ? a[i] : b[i];
}
INLINE void transpose(vec* block) {
    vec a[2 * HALF], b[2 * HALF];
    interleave_halves(block, a);
    if (HALF == 4) interleave_halves(a, b);
    for (int i = 0; i < HALF; i++) {
        vec x = HALF == 4 ? b[i] : a[i], y = HALF == 4 ? b[i + HALF] : a[i + HALF];
        block[i] = MM(permute2f128)(x, y, 0x20);
        block[i + HALF] = MM(permute2f128)(x, y, 0x31);
    }
}
#else
INLINE void interleave_rows(const vec* block, vec* to) {
    for (int i = 0; i < LANES / 2; i++) INTERLEAVE(block[i], block[i + LANES / 2], to[2 * i], to[2 * i + 1]);
}
INLINE void transpose(vec* block) {
    vec next[LANES];
    if (LANES > 8) { interleave_rows(block, next); interleave_rows(next, block); }
    if (LANES > 2) { interleave_rows(block, next); interleave_rows(next, block); }
    if (LANES == 2 || LANES == 8) {
        interleave_rows(block, next);
        for (int i = 0; i < LANES; i++) block[i] = next[i];
    }
}
INLINE void load_columns(vec* block, const real** row, ptrdiff_t at) {
    for (int i = 0; i < LANES; i++) block[i] = load(row[i] + at);
    transpose(block);
}
#endif

/* Lane i is the sum of the lanes of sums[i], LANES vectors, which are overwritten. Each round interleaves the first half of the
 * vectors with the second and adds the two results, so that half as many are left. */
INLINE vec hsums(vec* sums) {
#if X86 == 256
#define ADD_HALVES(i, j) (sums[i] = MM(unpacklo)(sums[i], sums[j]) + MM(unpackhi)(sums[i], sums[j]))
    if (HALF == 4) { ADD_HALVES(0, 2); ADD_HALVES(1, 3); ADD_HALVES(HALF, HALF + 2); ADD_HALVES(HALF + 1, HALF + 3); }
    ADD_HALVES(0, 1);
    ADD_HALVES(HALF, HALF + 1);
    return MM(permute2f128)(sums[0], sums[HALF], 0x20) + MM(permute2f128)(sums[0], sums[HALF], 0x31);
#else
#define ADD_ROWS(n) \
    for (int i = 0; i < n && LANES > n; i++) sums[i] = interleave_low(sums[i], sums[i + n]) + interleave_high(sums[i], sums[i + n])
    ADD_ROWS(8);
    ADD_ROWS(4);
    ADD_ROWS(2);
    ADD_ROWS(1);
    return sums[0];
#endif
}

#endif
