"""Intervals of a share."""

from math import sqrt

_Z95 = 1.959964


def wilson_interval(count: int, total: int) -> tuple[float | None, float | None]:
    """Return the 95 % Wilson interval of `count` in `total`; None without a total."""
    if not total:
        return None, None
    share, z2 = count / total, _Z95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, middle - half), min(1.0, middle + half)
