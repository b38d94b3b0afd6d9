"""Names in backticks, by which an expression may read a column whatever it is called.

`Lot.Area`, `size-m2` and `class` are no names to Python, in backticks they are; two of them within
stand for one.
"""

import keyword
import re

from sales.errors import PipelineError

QUOTED = re.compile(r"`((?:[^`]|``)+)`")
ADVICE = "; a name that is not made of letters, digits and _ stands in `backticks`"


def taken_out(text: str, where: str) -> tuple[str, dict[str, str]]:
    """Return the text with a plain name for each in backticks, and what those stand for.

    Raises PipelineError, which begins with `where`, for a backtick that is left open.

    >>> taken_out("`Lot.Area` * 2", "x")
    ('_0_ * 2', {'_0_': 'Lot.Area'})
    """
    if "`" not in text:
        return text, {}
    mark = "_"
    while re.search(rf"{mark}\d", text):
        mark += "_"
    names: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        name = f"{mark}{len(names)}_"
        names[name] = match[1].replace("``", "`")
        return name

    found = QUOTED.sub(plain, text)
    if "`" in found:
        raise PipelineError(f"{where}: a backtick is left open in '{text}'")
    return found, names


def advice(plain: str) -> str:
    """Return what may be wrong with a text that is no expression.

    >>> advice("class * 2")
    "; 'class' is a word of Python's: write `class` in backticks"
    """
    words = re.findall(r"[^\W\d]\w*", plain)
    own = next((word for word in words if keyword.iskeyword(word)), None)
    if own:
        return f"; '{own}' is a word of Python's: write `{own}` in backticks"
    return ADVICE
