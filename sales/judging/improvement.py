"""By how much one model is better than another, in words: a negative improvement is a worse model.

In percent of the other one's RMSE, or MAE; "any" where nothing bounds it.
"""

import math


def told(pct: float) -> str:
    """Return an improvement in words.

    >>> told(5.038), told(-0.05), told(-0.001), told(-math.inf)
    ('5.04 % better', '0.05 % worse', '0.00 % better', 'any % worse')
    """
    size = f"{abs(pct):.2f}" if math.isfinite(pct) else "any"
    return f"{size} % {'worse' if pct < 0 and size != '0.00' else 'better'}"


def between(low: float, high: float) -> str:
    """Return between which two an improvement lies, in words.

    >>> between(1.2, 9.87), between(-3.0, -0.1)
    ('1.20 to 9.87 % better', '0.10 to 3.00 % worse')
    >>> between(-0.3, 0.21), between(-math.inf, 100.0)
    ('0.30 % worse to 0.21 % better', 'any % worse to 100.00 % better')
    """
    ends = [told(low), told(high)]
    words = {end.split()[-1] for end in ends}
    if words == {"worse"}:
        ends.reverse()  # the smaller number first
    if len(words) == 1:
        ends[0] = ends[0].split()[0]
    return " to ".join(ends)
