"""What the columns of a SQLite query are: there a column has no type, only each cell has one.

The driver takes a column for what its first cells are and fails at the first cell that is not, as
in a column of prices of which the first thousand are whole. So all rows are asked first, and a row
that shows each column's kind goes ahead of the others.
"""

from collections.abc import Sequence
from typing import Any

from sales.data import database

RANK = '" rank"'
# What a column is in which there are such cells, the most telling first: an example, and how the
# others become like it.
KINDS = {
    "blob": ("x'00'", "CAST({} AS BLOB)"),
    "text": ("'a'", "CAST({} AS TEXT)"),
    "real": ("0.5", "CAST({} AS REAL)"),
    "integer": ("0", "{}"),
}
NOTHING = ("NULL", "{}")


def shown(connection: Any, asked: str, order_by: Sequence[str]) -> str:
    """Return a statement for the rows of `asked`, after one that is to be thrown away."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({asked}) LIMIT 0")  # noqa: S608 (a SELECT already)
        names = [database.quoted_part(name) for name, *_ in cursor.description]
        there = ", ".join(f"max(typeof({name}) = '{kind}')" for name in names for kind in KINDS)
        cursor.execute(f"SELECT {there} FROM ({asked})")  # noqa: S608
        found = iter(cursor.fetchone())
    examples, casts = [], []
    for name in names:
        kinds = [kind for kind in KINDS if next(found)]
        example, cast = KINDS[kinds[0]] if kinds else NOTHING
        examples.append(f"{example} AS {name}")
        casts.append(cast.format(name) if len(kinds) > 1 else name)
    by = ", ".join([RANK, *map(database.quoted_part, order_by)])
    return (
        f"SELECT {', '.join(names)} FROM (SELECT 0 AS {RANK}, {', '.join(examples)} "  # noqa: S608
        f"UNION ALL SELECT 1, {', '.join(casts)} FROM ({asked})) ORDER BY {by}"
    )
