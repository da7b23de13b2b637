"""Orthogonal polynomials of degree n at x, by their recurrences: p[k + 1] = (a[k] x + b[k]) p[k] - c[k] p[k - 1].

n is an integer, or a tensor of integers that broadcasts with x. For a negative n the polynomial is 0. DLMF 18.9.
"""
from __future__ import annotations

from collections.abc import Callable

from tinygrad_c import Tensor, tensor, where
from tinygrad_c._base.arguments import array_of, takes_out
from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public

# name: p[1] as (factor of x, constant), and (a, b, c) for k >= 1.
# For the documentation: the value of degree 2 at 2 and at 2 * 2 - 1.
RECURRENCES: dict[str, tuple[tuple[float, float], Callable[[int], tuple[float, float, float]], str]] = {
    "chebyshev_polynomial_t": ((1, 0), lambda k: (2, 0, 1), "7. 17."),
    "chebyshev_polynomial_u": ((2, 0), lambda k: (2, 0, 1), "15. 35."),
    "chebyshev_polynomial_v": ((2, -1), lambda k: (2, 0, 1), "11. 29."),
    "chebyshev_polynomial_w": ((2, 1), lambda k: (2, 0, 1), "19. 41."),
    "hermite_polynomial_h": ((2, 0), lambda k: (2, 0, 2 * k), "14."),
    "hermite_polynomial_he": ((1, 0), lambda k: (1, 0, k), "3."),
    "laguerre_polynomial_l": ((-1, 1), lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1)), "-1."),
    "legendre_polynomial_p": ((1, 0), lambda k: ((2 * k + 1) / (k + 1), 0, k / (k + 1)), "5.5000"),
}


def _polynomial(name: str, shifted: bool) -> Callable[..., Tensor]:
    first, rest, shown = RECURRENCES[name]

    def polynomial(input, n) -> Tensor:
        x = input if isinstance(input, Tensor) else tensor(float(input))
        x = x if x.is_floating_point() else x * 1.0
        degrees = n.detach() if isinstance(n, Tensor) else tensor(n)
        degrees = degrees.trunc() if degrees.is_floating_point() else degrees
        if shifted:
            x = 2 * x - 1
        top = int(array_of(degrees).max()) if degrees.numel() else 0
        if top > 100_000:
            raise RuntimeError(f"the degree of polynomials can be at most 100,000 (one pass per degree), got {top:,}")
        before, here = x * 0, x * 0 + 1                 # of degrees -1 and 0
        found = where(degrees == 0, here, before)
        for k in range(top):
            a, b, c = (*first, 0) if k == 0 else rest(k)
            before, here = here, (a * x + b) * here - c * before
            found = where(degrees == k + 1, here, found)
        return found

    polynomial.__name__ = polynomial.__qualname__ = ("shifted_" if shifted else "") + name
    kind, letter = name.split("_polynomial_")
    polynomial.__doc__ = (f"{kind.title()}'s polynomial {letter.title()} of degree n at {'2 x - 1' if shifted else 'x'}, "
                          "by recurrence: the cost is proportional to the largest n.\n\n"
                          f"    >>> tinygrad_c.special.{polynomial.__name__}(tinygrad_c.tensor([2.]), 2)\n"
                          f"    tensor([{shown.split()[shifted]}])")
    return public(takes_out(unbatched(polynomial)))


for _name in RECURRENCES:
    globals()[_name] = _polynomial(_name, False)
    if _name.startswith("chebyshev"):
        globals()["shifted_" + _name] = _polynomial(_name, True)
