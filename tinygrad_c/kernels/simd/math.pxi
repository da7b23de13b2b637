# Vector math functions: exp, log, tanh, erf, sin, pow and others for float and double, at every instruction set.
#
# No tables, and no branches on data except for sin and cos of huge arguments. Each function reduces its argument to a short
# interval, exactly where it matters (Cody and Waite: a constant in two parts, of which the first has so few bits that its
# product with a small integer is exact), and evaluates a minimax polynomial there. tools/fit_math.py prints the
# polynomials; tests/kernels/test_math.py holds the errors, in units in the last place (ulp) of the true value, to these bounds,
# over the whole range, with and without fused multiply-add, including denormals while flush-to-zero is not set (threads.h):
#
#     exp 1.1   expm1 1.4   log 1.0   log1p 1.1   log2 1.4   sigmoid 1.4   tanh 1.3   erf 1.4   sin, cos 1.6   pow 1.2
#
# sin and cos of huge arguments go through the C library, one lane at a time, in double.
from libc cimport math as libm


cdef inline vec _poly3(vec x, vec p, real c2, real c1, real c0) noexcept nogil:
    """p x^3 + c2 x^2 + c1 x + c0: three steps of Horner's rule. Longer polynomials chain it through p."""
    return ((p * x + splat(c2)) * x + splat(c1)) * x + splat(c0)


cdef inline ivec _magic() noexcept nogil:
    """The bits of 1.5 * 2^(bits of the fraction): adding that number rounds to an integer, which is then in the low bits."""
    return bits(splat(<real> 12582912.0)) if REAL_BITS == 32 else bits(splat(<real> 6755399441055744.0))


cdef inline vec _power_of_2(vec k_magic, real unit) noexcept nogil:
    """unit * 2^k, given k + magic; unit is a power of 2."""
    return from_bits(shl(bits(k_magic), 23 if REAL_BITS == 32 else 52) + bits(splat(unit)))


cdef inline vec _reduce_exp(vec x, vec* k_magic, vec* low) noexcept nogil:
    """x = k ln 2 + high - low with |high - low| <= ln 2 / 2: gives high, exact; sets low and k + magic."""
    cdef vec magic = from_bits(_magic())
    cdef vec t = x * splat(<real> 1.4426950408889634) + magic
    cdef vec k = t - magic
    k_magic[0] = t
    if REAL_BITS == 32:
        low[0] = k * splat(<real> 1.428606765330187e-06)
        return x - k * splat(<real> 0.693145751953125)
    low[0] = k * splat(<real> 1.9082149292705877e-10)
    return x - k * splat(<real> 0.6931471803691238)


cdef inline vec _exp_tail(vec r) noexcept nogil:
    """e^r - 1 - r, |r| <= ln 2 / 2"""
    cdef vec p, z
    if REAL_BITS == 32:         # even and odd powers separately: shorter chains of dependent steps
        z = r * r
        p = splat(<real> 0.008366310968995094) * r + splat(<real> 0.04166640713810921)
        p = splat(<real> 0.0013940458884462714) * z + p
        return (p * z + (splat(<real> 0.1666654646396637) * r + splat(<real> 0.5))) * z
    else:
        p = splat(<real> 2.511208593276229e-08) * r + splat(<real> 2.762209887900365e-07)
        p = _poly3(r, p * r + splat(<real> 2.7557236038006934e-06),
                   2.4801516688348843e-05, 0.0001984126989328243, 0.0013888888920220333)
        p = _poly3(r, p, 0.008333333333319457, 0.04166666666662075, 0.16666666666666677)
    return (p * r + splat(<real> 0.5)) * (r * r)


cdef inline vec v_exp(vec x) noexcept nogil:
    cdef vec k_magic, low, r
    x = max_or_b(splat(<real> -104.0 if REAL_BITS == 32 else <real> -746.0), x)
    x = min_or_b(splat(<real> 89.0 if REAL_BITS == 32 else <real> 710.0), x)
    r = _reduce_exp(x, &k_magic, &low)
    r = r - low
    return scale2(splat(1) + (r + _exp_tail(r)), k_magic - from_bits(_magic()))


cdef inline vec v_expm1(vec x) noexcept nogil:
    """Computes half of it, then doubles: for the largest x, 2^k itself would overflow."""
    cdef vec y = max_or_b(splat(<real> -20.0 if REAL_BITS == 32 else <real> -40.0), x)
    cdef vec k_magic, low, s
    cdef vec high = _reduce_exp(min_or_b(splat(<real> 89.0 if REAL_BITS == 32 else <real> 710.0), y), &k_magic, &low)
    s = _power_of_2(k_magic, 0.5)
    y = (s * high + (s - splat(<real> 0.5))) + s * (_exp_tail(high - low) - low)
    return blend(lt(vabs(x), splat(<real> 1e-10 if REAL_BITS == 32 else <real> 1e-20)), x, y + y)


cdef inline vec _tanh_small(vec z) noexcept nogil:
    """(tanh(x) / x - 1) / z, |x| <= 5/8, z = x^2"""
    cdef vec p
    if REAL_BITS == 32:
        p = splat(<real> -0.005721691530197859) * z + splat(<real> 0.020655274391174316)
        return _poly3(z, p, -0.05374516174197197, 0.13331516087055206, -0.3333328366279602)
    p = splat(<real> -1.6139265474612144e-05) * z + splat(<real> 7.728935301154351e-05)
    p = _poly3(z, p, -0.00022870054407083429, 0.0005863891354346464, -0.001454982941937192)
    p = _poly3(z, p, 0.0035919943140763433, -0.008863221710486638, 0.02186948763713322)
    return _poly3(z, p, -0.05396825393435011, 0.13333333333270048, -0.3333333333333293)


cdef inline vec v_tanh(vec x) noexcept nogil:
    """x + x^3 P(x^2) up to 5/8, 1 - 2 / (1 + e^(2|x|)) beyond."""
    cdef vec a = min_or_b(splat(<real> 10.0 if REAL_BITS == 32 else <real> 20.0), vabs(x))
    cdef vec z = a * a
    cdef vec small = a + (a * z) * _tanh_small(z)
    cdef vec k_magic, low, r, s
    r = _reduce_exp(a + a, &k_magic, &low)
    r = r - low
    s = _power_of_2(k_magic, 1)
    r = splat(1) - splat(2) / ((s + splat(1)) + s * (r + _exp_tail(r)))
    return copysign_(blend(lt(a, splat(<real> 0.625)), small, r), x)


cdef inline vec v_sigmoid(vec x) noexcept nogil:
    """u / (u + u e^-x), u a power of 2 so small that nothing overflows before the result underflows."""
    cdef real u = 5.421010862427522e-20 if REAL_BITS == 32 else 7.458340731200207e-155      # 2^-64, 2^-512
    cdef vec k_magic, low, high, s, whole, part, sum, y
    x = max_or_b(splat(<real> -104.0 if REAL_BITS == 32 else <real> -746.0), x)
    x = min_or_b(splat(<real> 40.0 if REAL_BITS == 32 else <real> 60.0), x)
    high = _reduce_exp(vneg(x), &k_magic, &low)
    s = _power_of_2(k_magic, u)
    whole = s + splat(u)
    part = s * (high + (_exp_tail(high - low) - low)) + (splat(u) - (whole - s))
    sum = whole + part
    y = splat(1) / sum
    y = y - y * (y * (part - (sum - whole)))    # corrects for the rounding error of the sum
    return y * splat(u)


cdef inline vec _erf_large(vec a) noexcept nogil:
    """-log(1 - erf(a)), 1 <= a, up to where erf rounds to 1"""
    cdef vec p
    if REAL_BITS == 32:
        p = splat(<real> 2.169751860492397e-05) * a + splat(<real> -0.0004414715804159641)
        p = _poly3(a, p, 0.004205279517918825, -0.02521032653748989, 0.10842207819223404)
        return _poly3(a, p, 0.6332164406776428, 1.1295802593231201, -0.00018846598686650395)
    p = _poly3(a, splat(<real> -1.04960588150769e-12), 4.7959650474670576e-11, -1.0256848703756503e-09, 1.3626487583042325e-08)
    p = _poly3(a, p, -1.257029717482992e-07, 8.50561403528176e-07, -4.32698200457571e-06)
    p = _poly3(a, p, 1.6513733086758042e-05, -4.5036847796233634e-05, 7.036558630104707e-05)
    p = _poly3(a, p, 4.4824125491180825e-05, -0.0006411748064689581, 0.0017690027207218262)
    p = _poly3(a, p, -0.00028049009854674167, -0.019078154987676947, 0.10274725222668082)
    return _poly3(a, p, 0.6366284888579558, 1.1283773292812336, 1.7961812628484653e-07)


cdef inline vec _erf_small(vec z) noexcept nogil:
    """erf(x) / x - 1, |x| <= 1, z = x^2"""
    cdef vec p
    if REAL_BITS == 32:
        p = _poly3(z, splat(<real> 7.853877468733117e-05), -0.0008010197780095041, 0.005188328213989735, -0.026853812858462334)
        return _poly3(z, p, 0.1128358542919159, -0.3761262595653534, 0.12837916612625122)
    p = _poly3(z, splat(<real> 5.945260824914696e-11), -1.136566580151185e-09, 1.4657879910627581e-08, -1.635002525043636e-07)
    p = _poly3(z, p, 1.6460972821383026e-06, -1.4925593507269706e-05, 0.00012055331036919498)
    p = _poly3(z, p, -0.0008548326978742835, 0.005223977624780878, -0.026866170645072896)
    return _poly3(z, p, 0.11283791670954857, -0.3761263890318375, 0.1283791670955126)


cdef inline vec v_erf(vec x) noexcept nogil:
    """x + x P(x^2) up to 1, 1 - exp(-Q(|x|)) beyond."""
    cdef vec a = min_or_b(splat(<real> 3.925 if REAL_BITS == 32 else <real> 5.93), vabs(x))
    cdef vec small = a + a * _erf_small(a * a)
    cdef vec k_magic, low, r, s
    r = _reduce_exp(vneg(_erf_large(a)), &k_magic, &low)
    r = r - low
    s = _power_of_2(k_magic, 1)
    return copysign_(blend(lt(a, splat(1)), small, (splat(1) - s) - s * (r + _exp_tail(r))), x)


cdef inline vec _log2_cdf(vec a) noexcept nogil:
    """log2(P(Z < -a)), Z standard normal, 0 <= a <= 6: even and odd powers separately, as two parallel sums"""
    cdef vec z = a * a
    cdef vec even = _poly3(z, splat(<real> -4.830938451050315e-06),
                           -0.00018364899733569473, 0.007142582442611456, -0.4591841995716095)
    cdef vec odd = _poly3(z, splat(<real> 2.081530823261346e-07),
                          4.495627945289016e-05, -0.0001776582357706502, -0.05256187543272972)
    return (even * z + splat(<real> -0.9999999403953552)) + a * (odd * z + splat(<real> -1.1511083841323853))


cdef inline vec _exp2_short(vec f) noexcept nogil:
    """2^f, |f| <= 1/2"""
    cdef vec z = f * f
    cdef vec even = _poly3(z, splat(<real> 0.00015345732390414923), 0.009618490003049374, 0.24022646248340607, 1.0)
    cdef vec odd = splat(<real> 0.0013400062453001738) * z + splat(<real> 0.05550328269600868)
    return even + f * (odd * z + splat(<real> 0.6931471824645996))


cdef inline vec v_normal_cdf(vec x) noexcept nogil:
    """P(Z < x), Z standard normal. Float: 2^Q(|x|) for x < 0, 0 below -6, where it is less than 1e-9; 1 minus that for x > 0.
    It costs two thirds of erf, and keeps its precision for x < 0, where 1 + erf cancels."""
    cdef vec a, t, k_magic, p
    if REAL_BITS == 64:
        return splat(<real> 0.5) * (splat(1) + v_erf(x * splat(<real> 0.7071067811865476)))
    a = vabs(x)
    t = _log2_cdf(a)
    k_magic = t + from_bits(_magic())
    p = _exp2_short(t - (k_magic - from_bits(_magic()))) * _power_of_2(k_magic, 1)
    p = blend(lt(a, splat(6)), p, splat(0))
    return blend(lt(x, splat(0)), p, splat(1) - p)


cdef inline vec _split(ivec pattern, vec bias, vec* e) noexcept nogil:
    """Splits a positive number, given by its bits, into m 2^e with m from sqrt(1/2) to sqrt(2): returns m - 1, sets e. bias is
    2^(bits of the fraction) + 127 for float, + 1023 for double; more if the number was scaled up before."""
    cdef int fraction = 23 if REAL_BITS == 32 else 52
    cdef ivec one = bits(splat(1))
    cdef ivec half = bits(splat(<real> 0.7071067811865476))
    cdef ivec t = pattern + (one - half)
    cdef ivec whole = bits(splat(<real> 8388608.0)) if REAL_BITS == 32 else bits(splat(<real> 4503599627370496.0))
    e[0] = from_bits(shr(t, fraction) + whole) - bias
    return from_bits(pattern - shl(shr(t, fraction), fraction) + one) - splat(1)


cdef inline vec _log_tail(vec f) noexcept nogil:
    """log(1 + f) - f"""
    cdef vec p, s, z, half_square
    if REAL_BITS == 32:
        p = splat(<real> -0.07865539193153381) * f + splat(<real> 0.12879224121570587)
        p = _poly3(f, p, -0.13125267624855042, 0.14181412756443024, -0.16624972224235535)
        p = _poly3(f, p, 0.2000228315591812, -0.2500079572200775, 0.33333316445350647)
        return (f * p - splat(<real> 0.5)) * (f * f)
    # with s = f / (2 + f): log(1 + f) = 2 atanh(s), arranged so that f itself is the leading term
    s = f / (f + splat(2))
    z = s * s
    p = _poly3(z, splat(<real> 0.14756566407594435), 0.15318226378669245, 0.1818338958791086, 0.2222220221719313)
    p = _poly3(z, p, 0.28571428703222973, 0.3999999999961418, 0.6666666666666698)
    half_square = f * f * splat(<real> 0.5)
    return s * (half_square + z * p) - half_square


cdef inline vec _log_sum(vec e, vec f, vec tail) noexcept nogil:
    """e ln 2 + f + tail"""
    if REAL_BITS == 32:
        return e * splat(<real> 0.693145751953125) + (f + (tail + e * splat(<real> 1.428606765330187e-06)))
    return e * splat(<real> 0.6931471803691238) + (f + (tail + e * splat(<real> 1.9082149292705877e-10)))


cdef inline vec _log_ends(vec x, vec y) noexcept nogil:
    """y, but inf at inf, -inf at 0, NaN below 0 and at NaN."""
    y = blend(eq(x, splat(<real> libm.INFINITY)), x, y)
    return blend(gt(x, splat(0)), y, blend(eq(x, splat(0)), splat(<real> -libm.INFINITY), splat(<real> libm.NAN)))


cdef inline vec _split_any(vec x, vec* e) noexcept nogil:
    """_split of x; denormals are scaled up first."""
    cdef mask tiny
    if REAL_BITS == 32:
        tiny = lt(x, splat(<real> 1.1754943508222875e-38))
        return _split(bits(blend(tiny, x * splat(<real> 16777216.0), x)),
                      blend(tiny, splat(<real> 8388759.0), splat(<real> 8388735.0)), e)
    tiny = lt(x, splat(<real> 2.2250738585072014e-308))
    return _split(bits(blend(tiny, x * splat(<real> 18014398509481984.0), x)),
                  blend(tiny, splat(<real> 4503599627371573.0), splat(<real> 4503599627371519.0)), e)


cdef inline vec v_log(vec x) noexcept nogil:
    cdef vec e
    cdef vec f = _split_any(x, &e)
    return _log_ends(x, _log_sum(e, f, _log_tail(f)))


cdef inline vec _log2_tail(vec f) noexcept nogil:
    """log2(1 + f) - f: so that the larger part, f, is exact"""
    cdef vec p
    if REAL_BITS == 32:
        p = _poly3(f, splat(<real> -0.10994977504014969), 0.18617531657218933, -0.19106285274028778, 0.20460055768489838)
        p = _poly3(f, p, -0.23961737751960754, 0.2885674238204956, -0.3606966435909271)
        return _poly3(f, p, 0.4808982312679291, -0.7213473320007324, 0.4426950514316559) * f
    return f * splat(<real> 0.4426950408889634) + _log_tail(f) * splat(<real> 1.4426950408889634)


cdef inline vec v_log2(vec x) noexcept nogil:
    cdef vec e
    cdef vec f = _split_any(x, &e)
    return _log_ends(x, e + (f + _log2_tail(f)))


cdef inline vec v_log1p(vec x) noexcept nogil:
    """log(u + c) with u + c = 1 + x exactly: u = m 2^e and f = m - 1 + c 2^-e."""
    cdef vec u = x + splat(1)
    cdef vec c = x - (u - splat(1))
    cdef vec e, f
    cdef vec g = _split(bits(u), splat(<real> 8388735.0 if REAL_BITS == 32 else <real> 4503599627371519.0), &e)
    c = c * (splat(<real> 0.5) * _power_of_2(from_bits(_magic()) - e, 2))       # 2^-e may be one too small for _power_of_2
    f = g + c
    return copysign_(_log_ends(u, _log_sum(e, f, _log_tail(f) + (c - (f - g)))), x)


cdef inline vec _reduce_quarter(vec x, vec* k_magic) noexcept nogil:
    """x - k pi / 2 with k the integer nearest to x / (pi / 2); sets k + magic. pi / 2 is split into parts: k times each but the
    last is exact; c is the rounding error of the first difference that is not exact."""
    cdef vec magic = from_bits(_magic())
    cdef vec t = x * splat(<real> 0.6366197723675814) + magic
    cdef vec k = t - magic
    cdef vec r, c, p
    k_magic[0] = t
    if REAL_BITS == 32:
        x = (x - k * splat(<real> 1.5703125)) - k * splat(<real> 0.0004837512969970703)
        p = k * splat(<real> 7.549533620476723e-08)
        r = x - p
        c = (x - r) - p
        return r - ((k * splat(<real> 2.5632829192545614e-12) - c) + k * splat(<real> 6.123234262925839e-17))
    x = x - k * splat(<real> 1.5707963267341256)
    p = k * splat(<real> 6.077100506303966e-11)
    r = x - p
    c = (x - r) - p
    return r - ((k * splat(<real> 2.0222662487111665e-21) - c) + k * splat(<real> 8.4784276603689e-32))


cdef inline vec _sin_or_cos(vec r, vec k_magic) noexcept nogil:
    """sin(r + k pi / 2), |r| <= pi / 4"""
    cdef vec z = r * r
    cdef vec half = splat(<real> 0.5) * z
    cdef vec one = splat(1)
    cdef vec w = one - half
    cdef vec s, c
    cdef int top = REAL_BITS - 1
    cdef ivec k = bits(k_magic)
    cdef mask odd = lt(from_bits(shl(k, top) + bits(one)), splat(0))
    if REAL_BITS == 32:
        s = (splat(<real> -0.00019517572945915163) * z + splat(<real> 0.00833218079060316)) * z
        s = s + splat(<real> -0.16666655242443085)
        c = (splat(<real> 2.4439452317892574e-05) * z + splat(<real> -0.0013887378154322505)) * z
        c = c + splat(<real> 0.04166664555668831)
    else:
        s = splat(<real> 1.5897004592080002e-10) * z + splat(<real> -2.5050762092618557e-08)
        s = (s * z + splat(<real> 2.7557313720528024e-06)) * z + splat(<real> -0.00019841269829903461)
        s = (s * z + splat(<real> 0.008333333333322559)) * z + splat(<real> -0.16666666666666632)
        c = splat(<real> -1.1361315834592324e-11) * z + splat(<real> 2.087575829713418e-09)
        c = (c * z + splat(<real> -2.7557314636012914e-07)) * z + splat(<real> 2.4801587290581596e-05)
        c = (c * z + splat(<real> -0.0013888888888876141)) * z + splat(<real> 0.041666666666666616)
    s = r + (r * z) * s
    c = w + (((one - w) - half) + (z * z) * c)
    return from_bits(bits(blend(odd, c, s)) ^ shl(shr(k, 1), top))


cdef inline real _sin(real x) noexcept nogil:
    return <real> libm.sin(x)


cdef inline real _cos(real x) noexcept nogil:
    return <real> libm.cos(x)


cdef inline mask _beyond(vec a) noexcept nogil:
    """Where |x| is too large for _reduce_quarter, or NaN."""
    return mask_not(lt(a, splat(<real> 1600.0 if REAL_BITS == 32 else <real> 200000.0)))


cdef inline vec v_sin(vec x) noexcept nogil:
    cdef vec a = vabs(x)
    cdef vec k_magic
    cdef vec r = _reduce_quarter(a, &k_magic)
    r = from_bits(bits(_sin_or_cos(r, k_magic)) ^ (bits(x) & bits(splat(<real> -0.0))))
    if any_lane(_beyond(a)):
        return blend(_beyond(a), vmap(_sin, x), r)
    return r


cdef inline vec v_cos(vec x) noexcept nogil:
    cdef vec a = vabs(x)
    cdef vec k_magic
    cdef vec r = _reduce_quarter(a, &k_magic)
    r = _sin_or_cos(r, k_magic + splat(1))
    if any_lane(_beyond(a)):
        return blend(_beyond(a), vmap(_cos, x), r)
    return r


cdef inline vec _atanh_far_tail(vec z) noexcept nogil:
    """(atanh(s) / s - 1 - z / 3) / z^2, z = s^2"""
    cdef vec p
    if REAL_BITS == 32:
        p = splat(<real> 0.11607536673545837) * z + splat(<real> 0.1427827924489975)
        return p * z + splat(<real> 0.20000024139881134)
    p = _poly3(z, splat(<real> 0.05426280010342769), 0.05222652895179834, 0.05883681918386812, 0.06666641050580623)
    p = _poly3(z, p, 0.07692307986311409, 0.09090909088977933, 0.11111111111117619)
    return (p * z + splat(<real> 0.14285714285714277)) * z + splat(<real> 0.2)


cdef inline vec _log_two_parts(vec x, vec* low) noexcept nogil:
    """log(x) as the sum of two numbers, about 10 bits more accurate than one: x^y needs that, since y log(x) may be large."""
    cdef vec one = splat(1)
    cdef vec third = splat(<real> 0.3333333432674408 if REAL_BITS == 32 else <real> 0.3333333333333333)
    cdef vec third_low = splat(<real> -9.934107758624577e-09 if REAL_BITS == 32 else <real> 1.850371707708594e-17)
    cdef vec e, f, d, inverse, s, s_low, z, z_low, c, c_low, p, p_low, high, tail
    f = _split_any(x, &e)
    # s = f / (2 + f), in two parts
    d = f + splat(2)
    inverse = one / d
    s = f * inverse
    p = s * d
    s_low = inverse * (((f - p) - product_error(s, d, p)) - s * (f - (d - splat(2))))
    # log(1 + f) = 2 (s + s c), c = s^2 / 3 + s^4 (...)
    z = s * s
    z_low = product_error(s, s, z) + (s + s) * s_low
    p = z * third
    p_low = product_error(z, third, p) + (z * third_low + z_low * third) + (z * z) * _atanh_far_tail(z)
    c = p + p_low
    c_low = p_low - (c - p)
    p = s * c
    p_low = product_error(s, c, p) + (s * c_low + s_low * c)
    s = s + s
    p = p + p
    tail = (s_low + s_low) + (p_low + p_low)
    # e ln 2 in two parts; the first is exact
    if REAL_BITS == 32:
        d = e * splat(<real> 0.693145751953125)
        tail = tail + e * splat(<real> 1.428606765330187e-06)
    else:
        d = e * splat(<real> 0.6931471803691238)
        tail = tail + e * splat(<real> 1.9082149292705877e-10)
    high = d + s
    tail = tail + (s - (high - d))
    s = high + p
    tail = tail + (p - (s - high))
    high = s + tail
    low[0] = tail - (high - s)
    return high


cdef inline mask _is_whole(vec a) noexcept nogil:
    """Whether a, which is >= 0, is an integer; true for inf and for numbers so large that they have no fraction."""
    cdef vec unit = splat(<real> 8388608.0 if REAL_BITS == 32 else <real> 4503599627370496.0)
    return mask_or(ge(a, unit), eq((a + unit) - unit, a))


cdef inline vec v_pow(vec x, vec y) noexcept nogil:
    """e^(y log|x|), with the signs and special cases of C's pow."""
    cdef vec one = splat(1)
    cdef vec zero = splat(0)
    cdef vec inf = splat(<real> libm.INFINITY)
    cdef vec a = vabs(x)
    cdef vec b = vabs(y)
    cdef vec t, t_low, low, high, k_magic, large, r
    cdef mask whole = _is_whole(b)
    cdef mask odd = mask_and(whole, mask_not(_is_whole(b * splat(<real> 0.5))))
    # clamp y and y log|x|: beyond these bounds the result does not change
    large = splat(<real> 4294967296.0 if REAL_BITS == 32 else <real> 18446744073709551616.0)
    r = min_or_b(large, max_or_b(vneg(large), y))
    high = _log_two_parts(a, &low)
    high = blend(eq(a, zero), vneg(inf), blend(eq(a, inf), inf, high))
    t = r * high
    t_low = product_error(r, high, t) + r * low
    large = min_or_b(splat(<real> 89.0 if REAL_BITS == 32 else <real> 710.0), t)
    large = max_or_b(splat(<real> -104.0 if REAL_BITS == 32 else <real> -746.0), large)
    t_low = blend(eq(large, t), t_low, zero)
    high = _reduce_exp(large, &k_magic, &low)
    r = high + (t_low - low)
    r = scale2(one + (r + _exp_tail(r)), k_magic - from_bits(_magic()))
    r = blend(odd, copysign_(r, x), r)
    r = blend(mask_and(mask_and(lt(x, zero), lt(a, inf)), mask_not(whole)), splat(<real> libm.NAN), r)
    r = blend(ne(x, x), x, r)
    return blend(mask_or(eq(x, one), eq(y, zero)), one, blend(ne(y, y), y, r))
