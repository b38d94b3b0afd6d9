"""What the tags of a registered version tell of it: a text in pieces that any database takes.

`told` holds the first, `told_1` the next. The tag `told` of the registered model itself is another
one whenever one of its followed versions tells something else.
"""

import json
from collections.abc import Mapping
from itertools import count

TOLD, PIECE = "told", 4_500  # an older MLflow's database holds 5,000 characters in a tag


def name(number: int) -> str:
    """Return the tag of a piece, counted from 0."""
    return f"{TOLD}_{number}" if number else TOLD


def apart(text: str, there: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that hold a text; those of a longer one that are `there` are emptied.

    >>> apart("ab", {"told": "cd", "told_1": "ef"})
    {'told': 'ab', 'told_1': ''}
    """
    starts = range(0, len(text), PIECE)
    found = {name(number): text[start : start + PIECE] for number, start in enumerate(starts)}
    number = len(found)
    while there.get(name(number)):
        found[name(number)] = ""
        number += 1
    return found


def together(tags: Mapping[str, str]) -> str:
    """Return the JSON object that a version's tags hold; nothing of none, or of half of it.

    Half of it is there while it is being written: whoever follows reads it again after that.

    >>> together({"told": '{"decision"', "told_1": ":null}", "told_2": ""})
    '{"decision":null}'
    >>> together({"told": '{"decision"'})
    ''
    """
    pieces = []
    for number in count():
        if not (piece := tags.get(name(number))):
            break
        pieces.append(piece)
    found = "".join(pieces)
    try:
        return found if isinstance(json.loads(found), dict) else ""
    except ValueError:
        return ""
