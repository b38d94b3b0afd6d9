"""How many requests of a window were refused, and why."""

from collections.abc import Mapping

MOST = 12  # reasons that are told each by itself


def told(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent reasons, all others together.

    >>> told({"too_large": 1, "missing Brand": 5})
    {'missing Brand': 5, 'too_large': 1}
    """
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    found = dict(ordered[:MOST])
    if others := sum(count for _, count in ordered[MOST:]):
        found["others"] = others
    return found


def in_words(counts: Mapping[str, int]) -> str:
    """Return the reasons as a line.

    >>> in_words({"missing Brand": 5, "too_large": 1}), in_words({})
    ('6 requests were refused: 5 missing Brand, 1 too_large', 'no request was refused')
    """
    many = sum(counts.values())
    if not many:
        return "no request was refused"
    why = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
    return f"{many:,} request{'s were' if many != 1 else ' was'} refused: {why}"
