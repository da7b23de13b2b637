"""Print the polynomials of tinygrad_c/kernels/simd/math.pxi: weighted minimax fits by Remez exchange, in 60 digits.

Run it by hand (`python tools/fit_math.py [name ...]`, needs mpmath, takes a minute or two). Each fit minimises the
maximum of |w(x) * (P(x) - f(x))| on [a, b]; w converts the error of P into a relative error of the function that uses P.
The coefficients are then rounded to the element type, and the error of the rounded ones is printed.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp
import numpy as np

mp.mp.dps = 60
GRID = 40                       # points per interval of the exchange
FLOOR = mp.mpf("1e-3")          # lower bound of the weights: the exchange degenerates at 0


@dataclass(frozen=True)
class Fit:
    """P(x) = sum of c[i] x^i for i = 0..degree, near f on [a, b]."""

    f: Callable
    w: Callable
    a: float | mp.mpf
    b: float | mp.mpf
    degree: int
    bits: int


def remez(x, f, w, degree: int, rounds: int = 30):
    """The coefficients of the best polynomial on the sorted grid x, by Remez exchange."""
    n, m = degree + 1, len(x)
    at = [round((m - 1) * (1 - mp.cos(mp.pi * i / n)) / 2) for i in range(n + 1)]
    for _ in range(rounds):
        rows = mp.matrix(n + 1, n + 1)
        for i, k in enumerate(at):
            for p in range(n):
                rows[i, p] = w[k] * x[k] ** p
            rows[i, n] = (-1) ** i
        c = list(mp.lu_solve(rows, mp.matrix([w[k] * f[k] for k in at])))[:n]
        error = [w[k] * (mp.polyval(c[::-1], x[k]) - f[k]) for k in range(m)]
        peaks = []                                      # the largest error of each run of equal sign
        for k in range(m):
            if peaks and (error[k] > 0) == (error[peaks[-1]] > 0):
                if abs(error[k]) > abs(error[peaks[-1]]):
                    peaks[-1] = k
            else:
                peaks.append(k)
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
        if len(peaks) < n + 1 or peaks == at:
            break
        at = peaks
    return c


def rounded(c, bits: int):
    return mp.mpf(float(np.float32(c)) if bits == 32 else float(c))


def solve(fit: Fit):
    a, b = mp.mpf(fit.a), mp.mpf(fit.b)
    m = GRID * (fit.degree + 2)
    x = [a + (b - a) * (1 - mp.cos(mp.pi * (i + mp.mpf(1) / 2) / m)) / 2 for i in range(m)]
    f, w = [fit.f(t) for t in x], [fit.w(t) for t in x]
    c = [rounded(t, fit.bits) for t in remez(x, f, w, fit.degree)]
    return c, max(abs(w[k] * (mp.polyval(c[::-1], x[k]) - f[k])) for k in range(m))


def exp_tail(r):
    """(e^r - 1 - r - r^2 / 2) / r^3"""
    return sum(r**k / mp.factorial(k + 3) for k in range(40))


def log_tail(f):
    """(log(1 + f) - f + f^2 / 2) / f^3"""
    if abs(f) < mp.mpf("1e-3"):
        return sum((-f) ** k / (k + 3) for k in range(30))
    return (mp.log1p(f) - f + f * f / 2) / f**3


def log2_tail(f):
    """log2(1 + f) / f - 1"""
    return mp.log1p(f) / (f * mp.log(2)) - 1


def atanh_tail(z):
    """(log((1 + s) / (1 - s)) / s - 2) / z, with z = s^2"""
    return sum(2 * z**k / (2 * k + 3) for k in range(60))


def atanh_far_tail(z):
    """(atanh(s) / s - 1 - z / 3) / z^2, with z = s^2"""
    return sum(z**k / (2 * k + 5) for k in range(60))


def erf_tail(z):
    """erf(x) / x - 1, with z = x^2"""
    return 2 / mp.sqrt(mp.pi) * sum((-z) ** k / (mp.factorial(k) * (2 * k + 1)) for k in range(60)) - 1


def tanh_tail(z):
    """(tanh(x) / x - 1) / z, with z = x^2"""
    return (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def sin_tail(z):
    """(sin(x) / x - 1) / z, with z = x^2"""
    return sum((-1) ** (k + 1) * z**k / mp.factorial(2 * k + 3) for k in range(30))


def cos_tail(z):
    """(cos(x) - 1 + z / 2) / z^2, with z = x^2"""
    return sum((-1) ** k * z**k / mp.factorial(2 * k + 4) for k in range(30))


def asin_tail(z):
    """(asin(x) / x - 1) / z, with z = x^2"""
    return (mp.asin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def atan_tail(z):
    """(atan(x) / x - 1) / z, with z = x^2"""
    return (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def sinh_tail(z):
    """(sinh(x) / x - 1) / z, with z = x^2"""
    return sum(z**k / mp.factorial(2 * k + 3) for k in range(30))


def erfinv_ratio(w):
    """erfinv(x) / x, with w = -log(1 - x^2)"""
    x = mp.sqrt(-mp.expm1(-w))
    return mp.erfinv(x) / x


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")
LOG_A, LOG_B = mp.sqrt(mp.mpf(1) / 2) - 1, mp.sqrt(2) - 1
ATANH_Z = (LOG_B / (2 + LOG_B)) ** 2 * mp.mpf("1.0001")
QUARTER_PI2 = (mp.pi / 4) ** 2 * mp.mpf("1.0001")


def exp_fit(degree, bits):
    return Fit(exp_tail, lambda r: r * r + FLOOR, -HALF_LN2, HALF_LN2, degree, bits)


def erf_small(b, degree, bits):
    return Fit(erf_tail, lambda z: 1 / (1 + erf_tail(z)), 0, b * b, degree, bits)


def erf_large(a, b, degree, bits):
    """-log(erfc(x)); erf's relative error is this polynomial's error times erfc / erf."""
    return Fit(lambda x: -mp.log(mp.erfc(x)), lambda x: mp.erfc(x) / mp.erf(x), a, b, degree, bits)


FITS = {
    "exp32": lambda: exp_fit(3, 32),
    "exp64": lambda: exp_fit(8, 64),
    "log32": lambda: Fit(log_tail, lambda f: f * f + FLOOR, LOG_A, LOG_B, 7, 32),
    "log2_32": lambda: Fit(log2_tail, lambda f: 1 / (1 + log2_tail(f)), LOG_A, LOG_B, 9, 32),
    "log64": lambda: Fit(atanh_tail, lambda z: z + FLOOR, 0, ATANH_Z, 6, 64),
    "pow32": lambda: Fit(atanh_far_tail, lambda z: z * z + FLOOR / 10, 0, ATANH_Z, 2, 32),
    "pow64": lambda: Fit(atanh_far_tail, lambda z: z * z + FLOOR / 10, 0, ATANH_Z, 8, 64),
    "erf32_small": lambda: erf_small(1.0, 6, 32),
    "erf32_large": lambda: erf_large(1.0, 3.925, 7, 32),
    "erf64_small": lambda: erf_small(1.0, 12, 64),
    "erf64_large": lambda: erf_large(1.0, 5.93, 18, 64),
    "normal_cdf32": lambda: Fit(lambda a: mp.log(mp.ncdf(-a), 2), lambda a: mp.sqrt(2 * mp.ncdf(-a)), 0, 6.0, 9, 32),
    "exp2_32": lambda: Fit(lambda f: mp.mpf(2) ** f, lambda f: mp.mpf(2) ** -f, -0.5005, 0.5005, 6, 32),
    "tanh32": lambda: Fit(tanh_tail, lambda z: z + FLOOR, 0, 0.625**2, 4, 32),
    "tanh64": lambda: Fit(tanh_tail, lambda z: z + FLOOR, 0, 0.625**2, 10, 64),
    "asin64": lambda: Fit(asin_tail, lambda z: z + FLOOR, 0, 0.25, 11, 64),
    "atan64": lambda: Fit(atan_tail, lambda z: z + FLOOR, 0, (mp.sqrt(2) - 1) ** 2 * mp.mpf("1.0001"), 10, 64),
    "sinh64": lambda: Fit(sinh_tail, lambda z: z + FLOOR, 0, 1, 6, 64),
    "erfinv_near": lambda: Fit(lambda s: erfinv_ratio(s + 2.5), lambda s: 1 / erfinv_ratio(s + 2.5), -2.5, 2.5, 11, 64),
    "erfinv_far": lambda: Fit(lambda s: erfinv_ratio((s + 3) ** 2), lambda s: 1 / erfinv_ratio((s + 3) ** 2), -0.7640, 1.08,
                              10, 64),
    "sin32": lambda: Fit(sin_tail, lambda z: z + FLOOR, 0, QUARTER_PI2, 2, 32),
    "cos32": lambda: Fit(cos_tail, lambda z: z * z + FLOOR, 0, QUARTER_PI2, 2, 32),
    "sin64": lambda: Fit(sin_tail, lambda z: z + FLOOR, 0, QUARTER_PI2, 5, 64),
    "cos64": lambda: Fit(cos_tail, lambda z: z * z + FLOOR, 0, QUARTER_PI2, 5, 64),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or FITS:
        fit = FITS[name]()
        coefficients, worst = solve(fit)
        unit = 2.0**-24 if fit.bits == 32 else 2.0**-53
        print(f"{name}: largest weighted error 2^{float(mp.log(worst, 2)):.1f}, {float(worst) / unit:.3f} half ulps")
        for i, c in enumerate(coefficients):
            print(f"    x^{i:<3d}{float(np.float32(float(c))) if fit.bits == 32 else float(c)!r}")
