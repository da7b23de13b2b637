# Scalar functions for the rows of formulas.SCALAR: real_NAME for double (float32 is computed in double), whole_NAME for
# integers. Functions that the C library has are taken from there.

cdef extern from "<math.h>" nogil:
    double real_exp2 "exp2"(double x)
    double real_hypot "hypot"(double a, double b)
    double real_erfc "erfc"(double x)
    double real_lgamma "lgamma"(double x)
    float real_lgamma_f32 "lgammaf"(float x)
    double real_floor "floor"(double x)
    double real_trunc "trunc"(double x)
    double real_fmax "fmax"(double a, double b)
    double real_copysign "copysign"(double a, double b)
    double real_nextafter "nextafter"(double a, double b)
    float real_nextafter_f32 "nextafterf"(float a, float b)
    double fabs(double x)
    double exp(double x)
    double log(double x)
    double log1p(double x)
    double sqrt(double x)
    double pow(double x, double y)
    double real_tan "tan"(double x)
    double erf(double x)
    double NAN
    double INFINITY

cdef enum:
    WIDTH_64 = 64


# ---- Logarithms of sums

cdef inline double real_logaddexp2(double a, double b) noexcept nogil:
    if a == b:
        return a + 1
    if a != a or b != b:
        return NAN
    return real_fmax(a, b) + log1p(real_exp2(-fabs(a - b))) * 1.4426950408889634


# ---- Special functions

cdef inline double real_erfinv(double x) noexcept nogil:
    """Giles, "Approximating the erfinv function" (2010), in single precision; then a step of Halley's method for double."""
    cdef double w, y
    if not -1 < x < 1:
        return INFINITY if x == 1 else -INFINITY if x == -1 else NAN
    if x == 0:
        return x
    w = -log((1 - x) * (1 + x))
    if w < 5:
        w -= 2.5
        y = 1.50140941 + w * (0.246640727 + w * (-0.00417768164 + w * (-0.00125372503 + w * (0.00021858087 + w * (
            -4.39150654e-06 + w * (-3.5233877e-06 + w * (3.43273939e-07 + w * 2.81022636e-08)))))))
    else:
        w = sqrt(w) - 3
        y = 2.83297682 + w * (1.00167406 + w * (0.00943887047 + w * (-0.0076224613 + w * (0.00573950773 + w * (
            -0.00367342844 + w * (0.00134934322 + w * (0.000100950558 + w * -0.000200214257)))))))
    y *= x
    # erfc near -1 and 1, where x - erf(y) has no significant digits left
    w = (real_erfc(y) - (1 - x) if y > 0 else (1 + x) - real_erfc(-y)) if fabs(x) > 0.5 else x - erf(y)
    w *= 0.886226925452758 * exp(y * y)
    y += w / (1 - y * w)
    return y


cdef inline double real_digamma(double x) noexcept nogil:
    """The reflection psi(1 - x) - psi(x) = pi / tan(pi x), the recurrence up to 10, an asymptotic series (DLMF 5.5, 5.11)."""
    cdef double r = 0
    cdef double s
    if x == 0:
        return -real_copysign(INFINITY, x)
    if x < 0:
        if x == real_floor(x):
            return NAN
        s = x - real_trunc(x)       # tan(pi x) has period 1, and pi * x would lose the digits of the fraction
        return real_digamma(1 - x) - 3.141592653589793 / real_tan(3.141592653589793 * s)
    while x < 10:
        r -= 1 / x
        x += 1
    s = 1 / (x * x)
    return r + log(x) - 0.5 / x - s * (1 / 12. - s * (1 / 120. - s * (1 / 252. - s * (1 / 240. - s * (1 / 132. - s * (
        691 / 32760. - s / 12))))))


cdef inline double real_polygamma_n(double x, double n) noexcept nogil:
    """(-1)^(n+1) n! zeta(n + 1, x), Hurwitz zeta function by the Euler-Maclaurin formula for x >= 20 (DLMF 25.11)."""
    cdef double[8] bernoulli = [1 / 6., -1 / 30., 1 / 42., -1 / 30., 5 / 66., -691 / 2730., 7 / 6., -3617 / 510.]
    cdef double s = n + 1
    cdef double total = 0
    cdef double term
    cdef int i
    if n == 0:
        return real_digamma(x)
    if x <= 0 and x == real_floor(x):
        return INFINITY if n % 2 == 1 else NAN
    while x < 20:
        total += pow(x, -s)
        x += 1
    total += pow(x, 1 - s) / (s - 1) + pow(x, -s) / 2
    term = s * pow(x, -s - 1) / 2
    for i in range(8):
        total += bernoulli[i] * term
        term *= (s + 2 * i + 1) * (s + 2 * i + 2) / (x * x * (2 * i + 3) * (2 * i + 4))
    for i in range(2, <int> n + 1):
        total *= i
    return total if n % 2 == 1 else -total


# ---- Integers. The divide instruction must never get the divisor -1, since INT64_MIN / -1 raises SIGFPE, nor 0: the ops have
# rejected zeros, but another thread may have written one since.

cdef inline int64_t negated(int64_t a) noexcept nogil:
    return <int64_t> (0 - <uint64_t> a)


cdef inline int64_t whole_floor(int64_t x) noexcept nogil:
    return x


cdef inline int64_t whole_ceil(int64_t x) noexcept nogil:
    return x


cdef inline int64_t whole_trunc(int64_t x) noexcept nogil:
    return x


cdef inline int64_t whole_round_half_even(int64_t x) noexcept nogil:
    return x


cdef inline int64_t whole_fmod(int64_t a, int64_t b) noexcept nogil:
    return 0 if -1 <= b <= 0 else a % b


cdef inline int64_t whole_remainder(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t m = 0 if -1 <= b <= 0 else a % b
    return m + b if m != 0 and (m < 0) != (b < 0) else m


cdef inline int64_t whole_div_trunc(int64_t a, int64_t b) noexcept nogil:
    return negated(a) if -1 <= b <= 0 else a // b


cdef inline int64_t whole_div_floor(int64_t a, int64_t b) noexcept nogil:
    if -1 <= b <= 0:
        return negated(a)
    return a // b - (a % b != 0 and (a < 0) != (b < 0))


cdef inline int64_t whole_fmax(int64_t a, int64_t b) noexcept nogil:
    return a if a > b else b


cdef inline int64_t whole_fmin(int64_t a, int64_t b) noexcept nogil:
    return a if a < b else b


cdef inline int64_t whole_heaviside(int64_t a, int64_t b) noexcept nogil:
    return b if a == 0 else a > 0


cdef inline int64_t whole_bitwise_and(int64_t a, int64_t b) noexcept nogil:
    return a & b


cdef inline int64_t whole_bitwise_or(int64_t a, int64_t b) noexcept nogil:
    return a | b


cdef inline int64_t whole_bitwise_xor(int64_t a, int64_t b) noexcept nogil:
    return a ^ b


cdef inline int64_t whole_bitwise_left_shift(int64_t a, int64_t b) noexcept nogil:
    return <int64_t> (<uint64_t> a << b) if 0 <= b < WIDTH_64 else 0


cdef inline int64_t whole_bitwise_right_shift(int64_t a, int64_t b) noexcept nogil:
    return a >> b if 0 <= b < WIDTH_64 else -(a < 0)


cdef inline int64_t whole_pow_whole(int64_t a, int64_t b) noexcept nogil:
    """Exponentiation by squaring."""
    cdef uint64_t square = <uint64_t> a
    cdef uint64_t y = 1
    if b < 0:
        return 1 if a == 1 else (1 if b % 2 == 0 else -1) if a == -1 else 0
    while b:
        if b & 1:
            y *= square
        square *= square
        b >>= 1
    return <int64_t> y


cdef inline int64_t whole_gcd(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t r
    while b != 0:
        r = 0 if b == -1 else a % b
        a = b
        b = r
    return negated(a) if a < 0 else a


cdef inline int64_t whole_lcm(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t g = whole_gcd(a, b)
    cdef int64_t m
    if g == 0:
        return 0
    m = <int64_t> (<uint64_t> (a // g) * <uint64_t> b)
    return negated(m) if m < 0 else m
