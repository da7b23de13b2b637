"""Philox 4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11), uniform and normal.

The stream of a seed is a sequence of blocks of four 32-bit words: block b is Philox of the counter (b low, b high, 0, 0) under
the key (seed low, seed high). The words of an element depend on its index alone, so the numbers do not depend on how the work
is divided. Only IEEE + - * / and sqrt are used, and this module is compiled without contraction to fused multiply-adds, so the
numbers are bitwise the same on every processor. Operands, params and units of the kernels: philox.pxd.

    float32 uniform   word >> 8, times 2^-24               float64 uniform   two words, low first, >> 11, times 2^-53
    float32 normal    inverse_normal((word + 1/2) 2^-32)    float64 normal    inverse_normal((two words >> 12, + 1/2) 2^-52)
"""
from libc.math cimport copysign, fabs, sqrt
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tinygrad_c.kernels.call cimport Call
from tinygrad_c.kernels.table cimport philox_simd_t

cdef enum:
    CHUNK = 256                 # elements computed at a time; a multiple of 4 * TOGETHER


cdef double FAR = 1.3887943864964021e-11     # e^-25: sqrt(-log p) = 5


cdef void philox(uint64_t seed, uint64_t number, uint64_t high, uint32_t* out) noexcept nogil:
    cdef uint32_t c0 = <uint32_t> number, c1 = <uint32_t> (number >> 32)
    cdef uint32_t c2 = <uint32_t> high, c3 = <uint32_t> (high >> 32)
    cdef uint32_t k0 = <uint32_t> seed, k1 = <uint32_t> (seed >> 32)
    cdef uint64_t p0, p1
    cdef int _round
    for _round in range(10):
        p0 = <uint64_t> c0 * 0xD2511F53u
        p1 = <uint64_t> c2 * 0xCD9E8D57u
        c0 = (<uint32_t> (p1 >> 32)) ^ c1 ^ k0
        c1 = <uint32_t> p1
        c2 = (<uint32_t> (p0 >> 32)) ^ c3 ^ k1
        c3 = <uint32_t> p0
        k0 += 0x9E3779B9u
        k1 += 0xBB67AE85u
    out[0] = c0
    out[1] = c1
    out[2] = c2
    out[3] = c3


cdef philox_simd_t philox_simd


cdef void set_philox_simd(philox_simd_t of_this_processor) noexcept:
    global philox_simd
    philox_simd = of_this_processor


cdef void fill_words(uint64_t seed, uint64_t block, uint32_t* out, Py_ssize_t blocks) noexcept nogil:
    philox_simd(seed, block, out, blocks)


cdef inline void fill_for(const Call* call, Py_ssize_t block, uint32_t* out, Py_ssize_t blocks) noexcept nogil:
    """The words of a Call's blocks, from block `block` of the Call on."""
    fill_words(<uint64_t> call.param[RANDOM_SEED].i, <uint64_t> call.param[RANDOM_BLOCK].i + <uint64_t> block, out, blocks)


cdef inline double bits53(const uint32_t* word) noexcept nogil:
    """Two words as an integer below 2^53."""
    return <double> ((<uint64_t> word[1] << 32 | word[0]) >> 11)


cdef inline double bits52(const uint32_t* word) noexcept nogil:
    """Two words as an integer below 2^52: 1/2 can be added exactly."""
    return <double> ((<uint64_t> word[1] << 32 | word[0]) >> 12)


cdef void uniform32(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """low + (high - low) * u"""
    cdef uint32_t[CHUNK] word
    cdef float* out = <float*> call.operand[0].data
    cdef float low = <float> call.param[RANDOM_FIRST].f, width = <float> call.param[RANDOM_SECOND].f
    cdef Py_ssize_t i = begin * RANDOM_UNIT, stop = min(end * RANDOM_UNIT, call.shape[0]), j, n
    while i < stop:
        fill_for(call, i // 4, word, CHUNK // 4)
        n = min(CHUNK, stop - i)
        for j in range(n):
            out[i + j] = <float> <int> (word[j] >> 8) * <float> 5.9604644775390625e-08 * width + low
        i += CHUNK


cdef void uniform64(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef uint32_t[2 * CHUNK] word
    cdef double* out = <double*> call.operand[0].data
    cdef double low = call.param[RANDOM_FIRST].f, width = call.param[RANDOM_SECOND].f
    cdef Py_ssize_t i = begin * RANDOM_UNIT, stop = min(end * RANDOM_UNIT, call.shape[0]), j, n
    while i < stop:
        fill_for(call, i // 2, word, CHUNK // 2)
        n = min(CHUNK, stop - i)
        for j in range(n):
            out[i + j] = bits53(word + 2 * j) * 1.1102230246251565e-16 * width + low
        i += CHUNK


# ---- Normal numbers: the inverse of the normal distribution function, Wichura's PPND16 (AS 241, Applied Statistics 37, 1988),
# relative accuracy 1e-16 in exact arithmetic.

cdef inline double natural_log(double x) noexcept nogil:
    """log of a positive normal number: x = m 2^e, m about 1; the series of log m = 2 atanh((m - 1) / (m + 1)).

    It has no branches or conversions, so that the compiler vectorizes loops over it: e is read from the bits of 2^52 + e.
    """
    cdef uint64_t u, v
    cdef double m, e, s, z, series
    memcpy(&u, &x, sizeof(x))
    v = u >> 52 | <uint64_t> 0x4330000000000000
    u = (u & 0xFFFFFFFFFFFFFu) | <uint64_t> 0x3FF0000000000000
    memcpy(&m, &u, sizeof(m))
    memcpy(&e, &v, sizeof(e))
    e = e - (4503599627370496. + 1023.)
    e = e + 1 if m > 1.4142135623730951 else e
    m = m * 0.5 if m > 1.4142135623730951 else m
    s = (m - 1) / (m + 1)
    z = s * s
    series = 1 / 21.
    series = series * z + 1 / 19.
    series = series * z + 1 / 17.
    series = series * z + 1 / 15.
    series = series * z + 1 / 13.
    series = series * z + 1 / 11.
    series = series * z + 1 / 9.
    series = series * z + 1 / 7.
    series = series * z + 1 / 5.
    series = series * z + 1 / 3.
    return e * 0.6931471805599453 + (2 * s + 2 * s * (z * series))


cdef inline double normal_middle(double q) noexcept nogil:
    """For |q| <= 0.425, q = p - 1/2."""
    cdef double r = 0.180625 - q * q
    return q * (((((((2.5090809287301226727e+3 * r + 3.3430575583588128105e+4) * r + 6.7265770927008700853e+4) * r
                    + 4.5921953931549871457e+4) * r + 1.3731693765509461125e+4) * r + 1.9715909503065514427e+3) * r
                 + 1.3314166789178437745e+2) * r + 3.3871328727963666080) \
        / (((((((5.2264952788528545610e+3 * r + 2.8729085735721942674e+4) * r + 3.9307895800092710610e+4) * r
               + 2.1213794301586595867e+4) * r + 5.3941960214247511077e+3) * r + 6.8718700749205790830e+2) * r
            + 4.2313330701600911252e+1) * r + 1)


cdef inline double normal_near_tail(double p) noexcept nogil:
    """The absolute value, given p as the smaller of p and 1 - p; p >= e^-25."""
    cdef double r = sqrt(-natural_log(p)) - 1.6
    return (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
               + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.76949722146069140550) * r
            + 4.63033784615654529590) * r + 1.42343711074968357734) \
        / (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
               + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940) * r
            + 2.05319162663775882187) * r + 1)


cdef double normal_far_tail(double p) noexcept nogil:
    cdef double r = sqrt(-natural_log(p)) - 5
    return (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
               + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580) * r
            + 5.46378491116411436990) * r + 6.65790464350110377720) \
        / (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
               + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
            + 5.99832206555887937690e-1) * r + 1)


cdef double inverse_normal(double p) noexcept nogil:
    cdef double q = p - 0.5, tail = p if q < 0 else 1 - p
    if fabs(q) <= 0.425:
        return normal_middle(q)
    return copysign(normal_near_tail(tail) if tail >= FAR else normal_far_tail(tail), q)


cdef inline void to_normal(double* p, Py_ssize_t n) noexcept nogil:
    """In place. Applies the middle formula to all elements; those in the tails, one in 7, are gathered and computed again, and
    those in the far tails, one in 10^11, once more. No loop has an unpredictable branch. 1/2 - |p - 1/2| is exactly the
    smaller of p and 1 - p."""
    cdef double[CHUNK] q
    cdef double[CHUNK] tail
    cdef double[CHUNK] value
    cdef int[CHUNK] where
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        q[i] = p[i] - 0.5
        p[i] = normal_middle(q[i])
    for i in range(n):
        where[k] = <int> i
        tail[k] = 0.5 - fabs(q[i])
        k += fabs(q[i]) > 0.425
    for i in range(k):
        value[i] = normal_near_tail(tail[i])
    for i in range(k):
        if tail[i] < FAR:
            value[i] = normal_far_tail(tail[i])
        p[where[i]] = copysign(value[i], q[where[i]])


cdef void normal32(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """mean + deviation * z"""
    cdef uint32_t[CHUNK] word
    cdef double[CHUNK] p
    cdef float* out = <float*> call.operand[0].data
    cdef double mean = call.param[RANDOM_FIRST].f, deviation = call.param[RANDOM_SECOND].f
    cdef Py_ssize_t i = begin * RANDOM_UNIT, stop = min(end * RANDOM_UNIT, call.shape[0]), j, n
    while i < stop:
        fill_for(call, i // 4, word, CHUNK // 4)
        n = min(CHUNK, stop - i)
        for j in range(n):
            p[j] = (<double> word[j] + 0.5) * 2.3283064365386963e-10
        to_normal(p, n)
        for j in range(n):
            out[i + j] = <float> (p[j] * deviation + mean)
        i += CHUNK


cdef void normal64(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef uint32_t[2 * CHUNK] word
    cdef double[CHUNK] p
    cdef double* out = <double*> call.operand[0].data
    cdef double mean = call.param[RANDOM_FIRST].f, deviation = call.param[RANDOM_SECOND].f
    cdef Py_ssize_t i = begin * RANDOM_UNIT, stop = min(end * RANDOM_UNIT, call.shape[0]), j, n
    while i < stop:
        fill_for(call, i // 2, word, CHUNK // 2)
        n = min(CHUNK, stop - i)
        for j in range(n):
            p[j] = (bits52(word + 2 * j) + 0.5) * 2.220446049250313e-16
        to_normal(p, n)
        for j in range(n):
            out[i + j] = p[j] * deviation + mean
        i += CHUNK


cdef void keep(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Bytes: 1 with probability p = param[RANDOM_FIRST], else 0. One word each, compared with p * 2^32."""
    cdef uint32_t[CHUNK] word
    cdef uint8_t* out = <uint8_t*> call.operand[0].data
    cdef uint64_t limit = <uint64_t> (call.param[RANDOM_FIRST].f * 4294967296.)
    cdef Py_ssize_t i = begin * RANDOM_UNIT, stop = min(end * RANDOM_UNIT, call.shape[0]), j, n
    while i < stop:
        fill_for(call, i // 4, word, CHUNK // 4)
        n = min(CHUNK, stop - i)
        for j in range(n):
            out[i + j] = word[j] < limit
        i += CHUNK


# ---- Uniform integers below n: words below 2^32 mod n are rejected, so that every remainder is equally likely
# (Generator.below does the same for one number, and for any n).

cdef inline Py_ssize_t blocks_for(Py_ssize_t words) noexcept nogil:
    """How many blocks to compute at a time."""
    return min(CHUNK // 4, (words // 4 + TOGETHER) // TOGETHER * TOGETHER)


cdef inline int64_t remainder(uint32_t u, double n, double inverse) noexcept nogil:
    """u mod n, from the nearest quotient. It has no branches or 64-bit conversions, so that loops over it vectorize: adding
    1.5 * 2^52 rounds to an integer, and 2^52 + r has r in its low bits."""
    cdef double x = <double> <int> (u ^ 0x80000000u) + 2147483648.
    cdef double r = x - ((x * inverse + 6755399441055744.) - 6755399441055744.) * n
    cdef uint64_t pattern
    r = (r + n if r < 0 else r) + 4503599627370496.
    memcpy(&pattern, &r, sizeof(r))
    return <int64_t> (pattern & 0xFFFFFFFFFFFFFu)


cdef void below_many(uint64_t seed, uint64_t* position, uint32_t n, int64_t first, int64_t* out,
                     Py_ssize_t count) noexcept nogil:
    """first + uniform integers below n. Advances `position` past every block that was used."""
    cdef uint32_t[CHUNK] word
    cdef uint32_t excess = <uint32_t> ((<uint64_t> 1 << 32) % n), least
    cdef double inverse = 1. / n
    cdef Py_ssize_t i = 0, j, blocks, whole
    while i < count:
        blocks = blocks_for(count - i)
        fill_words(seed, position[0], word, blocks)
        whole = min(4 * blocks, count - i)
        least = excess
        for j in range(whole):
            least = min(least, word[j])
        if least == excess:                 # no word is rejected
            for j in range(whole):
                out[i + j] = first + remainder(word[j], n, inverse)
            i += whole
            j = whole
        else:
            j = 0
            while j < 4 * blocks and i < count:
                out[i] = first + remainder(word[j], n, inverse)
                i += word[j] >= excess
                j += 1
        position[0] += <uint64_t> (j + 3) // 4


cdef void shuffle(uint64_t seed, uint64_t* position, int64_t* p, Py_ssize_t count) noexcept nogil:
    """Fisher-Yates shuffle, from the last position down: every order is equally likely. count is below 2^32."""
    cdef uint32_t[CHUNK] word
    cdef uint32_t n, u
    cdef Py_ssize_t i = count - 1, j, blocks
    while i > 0:
        blocks = blocks_for(i)
        fill_words(seed, position[0], word, blocks)
        j = 0
        while j < 4 * blocks and i > 0:
            u = word[j]
            n = <uint32_t> i + 1
            j += 1
            if u < n and u < (<uint64_t> 1 << 32) % n:
                continue
            u %= n
            p[i], p[u] = p[u], p[i]
            i -= 1
        position[0] += <uint64_t> (j + 3) // 4


cdef void draw_below(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Uniform integers from FROM to FROM + BELOW - 1."""
    cdef uint64_t* stream = <uint64_t*> <size_t> call.param[STREAM].i
    below_many(stream[0], &stream[1], <uint32_t> call.param[BELOW].i, call.param[FROM].i, <int64_t*> call.operand[0].data,
               call.shape[0])


cdef void draw_order(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The numbers from 0 on in a random order."""
    cdef uint64_t* stream = <uint64_t*> <size_t> call.param[STREAM].i
    cdef int64_t* p = <int64_t*> call.operand[0].data
    cdef Py_ssize_t i
    for i in range(call.shape[0]):
        p[i] = i
    shuffle(stream[0], &stream[1], p, call.shape[0])
