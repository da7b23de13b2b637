# Philox 4x32-10 (kernels/portable/philox.pyx) in SIMD: a 64-bit lane holds one 32-bit word of one block, in its lower half.

cdef enum:
    GROUP = 4               # vectors computed together: hides the latency of a round's multiplications


cdef inline void philox_vectors(const int vectors, uint64_t seed, uint64_t block, uint32_t* out) noexcept nogil:
    cdef ivec[GROUP] c0
    cdef ivec[GROUP] c1
    cdef ivec[GROUP] c2
    cdef ivec[GROUP] c3
    cdef ivec p0, p1
    cdef ivec m0 = isplat(<ireal> 0xD2511F53u)
    cdef ivec m1 = isplat(<ireal> 0xCD9E8D57u)
    cdef uint32_t k0 = <uint32_t> seed, k1 = <uint32_t> (seed >> 32)
    cdef vec low, high
    cdef int i, _round
    for i in range(vectors):
        c0[i] = isplat(<ireal> (block + <uint64_t> (i * LANES))) + lane_numbers()
        c1[i] = shr(c0[i], 32)
        c2[i] = c3[i] = isplat(0)
    for _round in range(10):
        for i in range(vectors):            # the upper halves are garbage, which is never read
            p0 = mul_low(c0[i], m0)
            p1 = mul_low(c2[i], m1)
            c0[i] = shr(p1, 32) ^ c1[i] ^ isplat(<ireal> k0)
            c1[i] = p1
            c2[i] = shr(p0, 32) ^ c3[i] ^ isplat(<ireal> k1)
            c3[i] = p0
        k0 += 0x9E3779B9u
        k1 += 0xBB67AE85u
    for i in range(vectors):
        low = from_bits(words(c0[i], c1[i]))
        high = from_bits(words(c2[i], c3[i]))
        store(<real*> out + 2 * i * LANES, interleave_low(low, high))
        store(<real*> out + (2 * i + 1) * LANES, interleave_high(low, high))


cdef void philox_simd(uint64_t seed, uint64_t block, uint32_t* out, Py_ssize_t blocks) noexcept nogil:
    """The words of `blocks` blocks, a multiple of TOGETHER (philox.pxd), from number `block` on."""
    while blocks >= GROUP * LANES:
        philox_vectors(GROUP, seed, block, out)
        block += GROUP * LANES
        out += 4 * GROUP * LANES
        blocks -= GROUP * LANES
    while blocks > 0:
        philox_vectors(1, seed, block, out)
        block += LANES
        out += 4 * LANES
        blocks -= LANES
