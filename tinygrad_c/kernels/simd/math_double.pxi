# Vector math functions, continued: those that have polynomials for double only. float32 is computed through them (widen.pxi),
# so its results are the true values, rounded. Error bounds for float64 in ulps, which tests/kernels/test_math.py checks:
#
#     asin 2   acos 1.5   atan 1.7   atan2 2   sinh 2   cosh 1.6   asinh 3   acosh 3   atanh 3   exp2 1.2   log10 1.2
#
# tan, erfinv and erfc are for float32 only (relative errors about 2^-40, 2^-29 and 2^-35); the remainders are exact.


cdef inline vec _asin_tail(vec z) noexcept nogil:
    """(asin(x) / x - 1) / z, |x| <= 1/2, z = x^2"""
    cdef vec p = _poly3(z, splat(<real> 0.03179006812567383), -0.016032699990058526, 0.019396286743328196, 0.006580498664215943)
    p = _poly3(z, p, 0.012155869710883867, 0.013887491432158144, 0.017359447893812874)
    p = _poly3(z, p, 0.022371777525007137, 0.03038195818798737, 0.044642856856042995)
    return (p * z + splat(<real> 0.07500000000294697)) * z + splat(<real> 0.16666666666665653)


cdef inline vec _asin_reduced(vec x, vec* r_tail) noexcept nogil:
    """r = |x| up to 1/2, and sqrt((1 - |x|) / 2) beyond, where asin(|x|) = pi / 2 - 2 asin(r). Sets r_tail = asin(r) - r."""
    cdef vec a = vabs(x)
    cdef mask near = le(a, splat(<real> 0.5))
    cdef vec z = blend(near, a * a, splat(<real> 0.5) * (splat(1) - a))
    cdef vec r = blend(near, a, vsqrt(z))
    r_tail[0] = (r * z) * _asin_tail(z)
    return r


cdef inline vec v_asin(vec x) noexcept nogil:
    cdef vec tail
    cdef vec r = _asin_reduced(x, &tail)
    cdef vec far = (splat(<real> 0.7853981633974483) - r) + (splat(<real> 3.061616997868383e-17) - tail)
    return copysign_(blend(le(vabs(x), splat(<real> 0.5)), r + tail, far + far), x)


cdef inline vec v_acos(vec x) noexcept nogil:
    cdef vec tail
    cdef vec r = _asin_reduced(x, &tail)
    cdef mask left = lt(x, splat(0))
    cdef vec low = splat(<real> 6.123233995736766e-17)
    cdef vec near = splat(<real> 1.5707963267948966) - (copysign_(r, x) + (copysign_(tail, x) - low))
    cdef vec far = (r + tail) + (r + tail)
    far = blend(left, splat(<real> 3.141592653589793) - (far - (low + low)), far)
    return blend(le(vabs(x), splat(<real> 0.5)), near, far)


cdef inline vec v_atan2(vec y, vec x) noexcept nogil:
    """atan(t), t = smaller / larger of |y|, |x|; from (t - 1) / (t + 1) where that is smaller; then the octant."""
    cdef vec zero = splat(0)
    cdef vec one = splat(1)
    cdef vec inf = splat(<real> libm.INFINITY)
    cdef vec a = vabs(y)
    cdef vec b = vabs(x)
    cdef mask steep = gt(a, b)
    cdef vec n = blend(steep, b, a)
    cdef vec d = blend(steep, a, b)
    cdef mask middle
    cdef vec t, z, p, base, low
    # 0 / 0 becomes 0, inf / inf 1; huge and tiny operands are scaled, so that sum and difference stay finite
    z = blend(lt(d, splat(<real> 1e-280)), splat(<real> 4.149515568880993e+180), one)
    z = blend(gt(d, splat(<real> 1e300)), splat(<real> 2.409919865102884e-181), z)
    t = blend(eq(n, inf), one, n * z)
    d = blend(eq(n, inf), one, blend(eq(d, zero), one, d * z))
    n = t
    middle = gt(n, d * splat(<real> 0.41421356237309503))
    base = blend(middle, splat(<real> 0.7853981633974483), zero)
    low = blend(middle, splat(<real> 3.061616997868383e-17), zero)
    t = blend(middle, n - d, n) / blend(middle, n + d, d)
    z = t * t
    p = _poly3(z, splat(<real> -0.018000494093745892), 0.03815435189802958, -0.05043048895137661, 0.058487750499715226)
    p = _poly3(z, p, -0.06663234781730887, 0.07692072684016593, -0.09090898527219575)
    p = _poly3(z, p, 0.11111110813337642, -0.1428571428088028, 0.19999999999961654)
    p = (p * z + splat(<real> -0.3333333333333323)) * (t * z) + low
    # pi / 2 - that where steep, pi - that where x < 0: the large parts first
    base = blend(steep, splat(<real> 1.5707963267948966) - base, base)
    low = blend(steep, splat(<real> 6.123233995736766e-17) - p, p)
    t = blend(steep, vneg(t), t)
    steep = lt(copysign_(one, x), zero)
    base = blend(steep, splat(<real> 3.141592653589793) - base, base)
    low = blend(steep, splat(<real> 1.2246467991473532e-16) - low, low)
    t = blend(steep, vneg(t), t)
    t = base + (t + low)
    return blend(ne(x, x), x, blend(ne(y, y), y, copysign_(t, y)))


cdef inline vec v_atan(vec x) noexcept nogil:
    return v_atan2(x, splat(1))


cdef inline vec _half_exp(vec a) noexcept nogil:
    """e^a / 2, 0 <= a; also where e^a would overflow"""
    cdef vec k_magic, low
    cdef vec r = _reduce_exp(min_or_b(splat(<real> 712.0), a), &k_magic, &low)
    r = r - low
    return scale2(splat(1) + (r + _exp_tail(r)), (k_magic - from_bits(_magic())) - splat(1))


cdef inline vec v_sinh(vec x) noexcept nogil:
    """x + x^3 P(x^2) up to 1, (e^|x| - e^-|x|) / 2 beyond."""
    cdef vec a = vabs(x)
    cdef vec z = a * a
    cdef vec h = _half_exp(a)
    cdef vec p = _poly3(z, splat(<real> 7.759225382411632e-13), 1.6057243497656782e-10, 2.5052123353141242e-08,
                        2.7557319155663834e-06)
    p = _poly3(z, p, 0.00019841269841436461, 0.00833333333333314, 0.16666666666666669)
    return copysign_(blend(lt(a, splat(1)), a + (a * z) * p, h - splat(<real> 0.25) / h), x)


cdef inline vec v_cosh(vec x) noexcept nogil:
    cdef vec h = _half_exp(vabs(x))
    return h + splat(<real> 0.25) / h


cdef inline vec v_exp2(vec x) noexcept nogil:
    cdef vec a = min_or_b(splat(<real> 1025.0), max_or_b(splat(<real> -1076.0), x))
    cdef vec k = vround(a)
    cdef vec f = a - k
    cdef vec r = f * splat(<real> 0.6931471805599453)
    cdef vec p = r + (product_error(f, splat(<real> 0.6931471805599453), r) + f * splat(<real> 2.3190468138462996e-17))
    return scale2(splat(1) + (p + _exp_tail(r)), k)


cdef inline vec v_log10(vec x) noexcept nogil:
    """log10(2) e in two parts, the first exact, plus log(1 + f) / log(10), with f / log(10) in two parts."""
    cdef vec e
    cdef vec f = _split_any(x, &e)
    cdef vec high = e * splat(<real> 0.30102999566395283)
    cdef vec scale = splat(<real> 0.4342944819032518)
    cdef vec p = f * scale
    cdef vec rest = product_error(f, scale, p) + f * splat(<real> 1.098319650216765e-17)
    cdef vec sum = high + p
    rest = rest + _log_tail(f) * scale + e * splat(<real> 2.8363394551044964e-14)
    rest = rest + (p - (sum - high))
    return _log_ends(x, sum + rest)


cdef inline real _tan(real x) noexcept nogil:
    return <real> libm.tan(x)


cdef inline vec v_tan(vec x) noexcept nogil:
    cdef vec a = vabs(x)
    cdef vec k_magic
    cdef vec r = _reduce_quarter(a, &k_magic)
    r = _sin_or_cos(r, k_magic) / _sin_or_cos(r, k_magic + splat(1))
    r = from_bits(bits(r) ^ (bits(x) & bits(splat(<real> -0.0))))
    if any_lane(_beyond(a)):
        return blend(_beyond(a), vmap(_tan, x), r)
    return r


cdef inline vec v_erfinv(vec x) noexcept nogil:
    """x P(w), w = -log(1 - x^2), or x Q(sqrt(w)): the form is Giles's, "Approximating the erfinv function" (2012). 2^-29."""
    cdef vec one = splat(1)
    cdef vec w = vneg(v_log((one - x) * (one + x)))
    cdef vec s = w - splat(<real> 2.5)
    cdef vec p = _poly3(s, splat(<real> 1.3285812277195833e-10) * s + splat(<real> 4.3702960288316007e-10),
                        -1.1023197260645551e-08, 1.6457260154544083e-08, 4.796987342122696e-07)
    cdef vec q
    p = _poly3(s, p, -3.426012361360561e-06, -4.998759390806532e-06, 0.00021826355803621542)
    p = _poly3(s, p, -0.001252704877412724, -0.004177324636812324, 0.24664027578600192) * s + splat(<real> 1.501409351692698)
    s = vsqrt(w) - splat(3)
    q = _poly3(s, splat(<real> -2.9055444391736814e-05) * s + splat(<real> 0.00016022068702015334),
               -0.00027829515070267264, -0.00011960124232068745, 0.0014756315091924677)
    q = _poly3(s, q, -0.0035672770895531355, 0.005687554900841692, -0.007642738826337393)
    q = _poly3(s, q, 0.00944531726541844, 1.0016752359777485, 2.832976801242974)
    p = x * blend(lt(w, splat(5)), p, q)
    return blend(eq(vabs(x), one), x * splat(<real> libm.INFINITY), p)


cdef inline vec v_erfc(vec x) noexcept nogil:
    """e^(-x^2) P((|x| - 5/2) / (|x| + 5/2)) for x > 0, 2 minus that for x < 0. For numbers of float32, whose squares are exact:
    2^-35."""
    cdef vec a = min_or_b(splat(27), vabs(x))
    cdef vec t = (a - splat(<real> 2.5)) / (a + splat(<real> 2.5))
    cdef vec p = _poly3(t, splat(<real> 2.8823044688342875e-07) * t + splat(<real> 6.679941218573117e-06),
                        1.538187417151846e-05, -3.460651500381824e-05, -0.00012722510398773177)
    p = _poly3(t, p, 0.00022878960688109304, 0.0008754830605835576, -0.002642473822847533)
    p = _poly3(t, p, -0.003993641691574065, 0.03992255021888737, -0.12503305617490842)
    p = _poly3(t, p, 0.2517131928449308, -0.37173673387564543, 0.21080636406275288)
    p = p * v_exp(vneg(a * a))
    return blend(lt(x, splat(0)), splat(2) - p, p)


# ---- Remainders

cdef vec _fmod_lanes(vec a, vec b, mask wanted, vec otherwise) noexcept nogil:
    cdef real[MAX_LANES] u
    cdef real[MAX_LANES] v
    cdef int i
    store(u, a)
    store(v, b)
    for i in range(LANES):
        u[i] = <real> libm.fmod(u[i], v[i])
    return blend(wanted, load(u), otherwise)


cdef inline vec v_fmod(vec a, vec b) noexcept nogil:
    """|a| - q |b|, exactly: q = trunc(|a| / |b|), computed from the rounded quotient, is at most 1 too large. Calls the C
    library where q has more bits than the fraction of a double, or b is infinite."""
    cdef vec x = vabs(a)
    cdef vec y = vabs(b)
    cdef vec inf = splat(<real> libm.INFINITY)
    cdef vec q = vtrunc(x / y)
    cdef vec p = q * y
    cdef vec r = (x - p) - product_error(q, y, p)
    cdef mask wrong
    r = blend(lt(r, splat(0)), r + y, r)
    wrong = mask_not(mask_and(lt(r, y), lt(q, splat(<real> 4503599627370496.0))))
    wrong = mask_and(wrong, mask_and(lt(x, inf), gt(y, splat(0))))
    r = copysign_(r, a)
    if any_lane(wrong):
        return _fmod_lanes(a, b, wrong, r)
    return r


cdef inline mask _sign_differs(vec m, vec b) noexcept nogil:
    """Where a remainder is not 0 and its sign is not that of b."""
    return mask_and(ne(m, splat(0)), lt(copysign_(splat(1), m) * copysign_(splat(1), b), splat(0)))


cdef inline vec v_remainder(vec a, vec b) noexcept nogil:
    cdef vec m = v_fmod(a, b)
    return blend(_sign_differs(m, b), m + b, m)


cdef inline vec v_div_floor(vec a, vec b) noexcept nogil:
    """From the remainder, so that 1.0 // 0.1 is 9: a / b would be rounded up to 10."""
    cdef vec zero = splat(0)
    cdef vec one = splat(1)
    cdef vec m = v_fmod(a, b)
    cdef vec d = (a - m) / b
    cdef vec f
    d = d - blend(_sign_differs(m, b), one, zero)
    f = vfloor(d)
    f = f + blend(gt(d - f, splat(<real> 0.5)), one, zero)
    f = blend(eq(d, zero), copysign_(zero, a / b), f)
    return blend(eq(b, zero), a / b, f)


# ---- float32 as double, and back

cdef void widen_inner(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<double*> p[0])[i] = (<const float*> p[1])[i]


cdef void narrow_inner(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<float*> p[0])[i] = <float> (<const double*> p[1])[i]
