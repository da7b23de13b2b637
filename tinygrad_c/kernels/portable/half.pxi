# float16 (IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits) and bfloat16 (1, 8, 7) as their bits. float to either is
# rounded to nearest, ties to even. Every NaN becomes the quiet NaN that PyTorch writes.

cdef inline float as_float(uint32_t bits) noexcept nogil:
    cdef float x
    memcpy(&x, &bits, 4)
    return x


cdef inline uint32_t bits_of(float x) noexcept nogil:
    cdef uint32_t bits
    memcpy(&bits, &x, 4)
    return bits


cdef inline float from_half(uint16_t h) noexcept nogil:
    cdef uint32_t sign = (<uint32_t> h & 0x8000) << 16
    cdef uint32_t a = h & 0x7fff
    if a >= 0x7c00:                     # infinity, NaN
        return as_float(sign | 0x7f800000 | a << 13)
    if a < 0x0400:                      # 0, or a * 2^-24
        return as_float(sign | bits_of(<float> a * <float> 5.9604644775390625e-08))
    return as_float(sign | (a << 13) + (112 << 23))         # the biases differ by 127 - 15


cdef inline uint16_t to_half(float x) noexcept nogil:
    cdef uint32_t bits = bits_of(x)
    cdef uint16_t sign = <uint16_t> (bits >> 16 & 0x8000)
    cdef uint32_t a = bits & 0x7fffffff
    if a > 0x7f800000:
        return sign | 0x7e00
    if a >= 0x477ff000:                 # 65520 rounds to 2^16: infinity
        return sign | 0x7c00
    if a < 0x38800000:                  # below 2^-14: the last place of a sum with 1/2 is 2^-24
        return <uint16_t> (sign | bits_of(as_float(a) + <float> 0.5) - 0x3f000000)
    a += 0xfff + (a >> 13 & 1)
    return <uint16_t> (sign | (a - (112 << 23)) >> 13)


cdef inline float from_bfloat(uint16_t b) noexcept nogil:
    return as_float(<uint32_t> b << 16)


cdef inline uint16_t to_bfloat(float x) noexcept nogil:
    cdef uint32_t bits = bits_of(x)
    if bits & 0x7fffffff > 0x7f800000:
        return 0x7fc0
    return <uint16_t> (bits + 0x7fff + (bits >> 16 & 1) >> 16)
