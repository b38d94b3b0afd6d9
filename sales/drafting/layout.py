"""params.yaml as text: quoted where YAML would make something else of it, comments kept.

Written here and not by PyYAML, which keeps no comments and leaves `1e5`, a number to DVC, a text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sales.errors import printable

WIDTH = 110
PLAIN = re.compile(r"[A-Za-z_À-ÖØ-öø-ÿ][\w À-ÖØ-öø-ÿ./+²³°()*-]*(?<![ .])")
# What YAML 1.1 or 1.2 takes for something else than text, in letters of any size.
WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "none"}
LIKE_A_NUMBER = re.compile(r"[-+.]?[\d.][\d_.,:eExXoO+-]*")
GROUP = re.compile(r"^([A-Za-z_]\w*):", re.M)
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
Key = tuple[str, ...]
Comments = Mapping[Key, str]


def scalar(value: Any) -> str:
    """Return a value as YAML has it, whichever version reads it.

    >>> [scalar(each) for each in ("Lot.Area", "no", "1e5", "2024-06-03", "it's", 0.5, None)]
    ['Lot.Area', "'no'", "'1e5'", "'2024-06-03'", "'it''s'", '0.5', 'null']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    text = str(value)
    if PLAIN.fullmatch(text) and text.lower() not in WORDS and not LIKE_A_NUMBER.fullmatch(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _number(value: float) -> str:
    if isinstance(value, float) and "e" in repr(value):
        mantissa, exponent = repr(value).split("e")  # YAML 1.1 asks for the point and the sign
        mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
        return f"{mantissa}e{int(exponent):+03d}"
    return repr(value)


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def flow(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        inner = (f"{scalar(key)}: {flow(each)}" for key, each in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    return scalar(value)


def group(name: str, tree: Any, comments: Comments) -> str:
    """Return a group of params.yaml; `comments` by the path of their key within it."""
    return "\n".join([*_lines(name, tree, comments, (), 0), ""])


def _lines(name: str, tree: Any, comments: Comments, path: Key, depth: int) -> Iterator[str]:
    start = f"{'  ' * depth}{scalar(name)}:"
    comment = printable(comments.get(path, ""))
    short = f"{start} {flow(tree)}"
    nested = isinstance(tree, Mapping | list | tuple) and tree
    told_of = any(other[: len(path)] == path and other != path for other in comments)
    if depth and not told_of and (not nested or len(short) <= WIDTH):
        yield from _commented(short, comment, depth)
        return
    yield from _commented(start if nested else f"{start} {flow(tree)}", comment, depth)
    if isinstance(tree, Mapping):
        for key, each in tree.items():
            yield from _lines(key, each, comments, (*path, key), depth + 1)
    elif nested:
        yield from (f"{'  ' * depth}- {flow(each)}" for each in tree)


def _commented(line: str, comment: str, depth: int) -> Iterator[str]:
    if comment and len(line) + len(comment) + 3 <= WIDTH:
        yield f"{line} # {comment}"
        return
    indent = "  " * depth
    words, told = comment.split(" "), ""
    for word in words if comment else ():
        if told and len(indent) + len(told) + len(word) + 3 > WIDTH:
            yield f"{indent}# {told}"
            told = word
        else:
            told = f"{told} {word}" if told else word
    if told:
        yield f"{indent}# {told}"
    yield line


def replaced(text: str, groups: Mapping[str, str]) -> str:
    """Return params.yaml with some groups in the place of those of their name.

    What stands above a group stays, and so do all other groups, to the last comment. Raises
    KeyError for a group that is not there.
    """
    starts = [(match[1], match.start()) for match in GROUP.finditer(text)]
    found = {name for name, _ in starts}
    missing = sorted(set(groups) - found)
    if missing:
        raise KeyError(missing[0])
    ends = [start for _, start in starts[1:]] + [len(text)]
    parts = [text[: starts[0][1]]]
    for (name, start), end in zip(starts, ends, strict=True):
        body, above_next = _parted(text[start:end])
        parts += [groups.get(name, body), above_next]
    return "".join(parts)


def _parted(body: str) -> tuple[str, str]:
    """Return a group, and the blank lines and comments that stand above the next one."""
    lines = body.splitlines(keepends=True)
    end = len(lines)
    while end > 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return "".join(lines[:end]), "".join(lines[end:])


def comments(text: str, name: str) -> dict[Key, str]:
    """Return the comments above and behind the keys of a group, by the path of the key."""
    starts = [(match[1], match.start()) for match in GROUP.finditer(text)]
    ends = [start for _, start in starts[1:]] + [len(text)]
    bodies = {each: text[s:e] for (each, s), e in zip(starts, ends, strict=True)}
    found: dict[Key, str] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in _parted(bodies.get(name, ""))[0].splitlines()[1:]:
        if line.lstrip().startswith("#"):
            above.append(line.strip("# "))
            continue
        match = KEYED.match(line)
        if match:
            depth = len(match[1])
            path = [(at, key) for at, key in path if at < depth] + [(depth, match[2])]
            told = " ".join([*above, match[3] or ""]).strip()
            if told:
                found[tuple(key for _, key in path)] = told
        above = []
    return found


KEYED = re.compile(r"^( +)([\w.]+):(?: +[^'\"{\[#]*?)?(?: +# (.*))?$")
