"""Bad cells of a file mended in place: shown in a table to edit, put back, and checked again."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sales.contract import cells
from ui.upload_check import Upload

MOST = 200  # rows to edit at once; the next ones come when these are mended
ROW, WRONG = "Row", "What is wrong"

Edits = dict[tuple[int, str], str]  # the new text, by the row's place from 0 and the file's column


class MendError(Exception):
    """A cell cannot hold what was typed into it; the message is for the person at the page."""


def editable(upload: Upload) -> pd.DataFrame:
    """Return the first bad rows as text: number, what is wrong, the bad columns, then the others.

    The index is the row's place in the file. Only the columns that are sent can be edited.
    """
    places = np.flatnonzero(~upload.good)[:MOST]
    rows = upload.table.take(pa.array(places))
    bad = list(dict.fromkeys(upload.problems["column"]))
    sent = [upload.own(name) for name in upload.columns]
    shown = [name for name in (*bad, *sent) if name in rows.column_names]
    said = (upload.problems["column"] + ": " + upload.problems["problem"]).groupby(
        upload.problems["row"], sort=False
    )
    wrong = said.agg("; ".join)
    numbers = upload.rows[places]
    told = {ROW: numbers, WRONG: [wrong.get(number, "") for number in numbers]}
    text = {name: [cells.shown(cell) for cell in rows[name]] for name in dict.fromkeys(shown)}
    return pd.DataFrame({**told, **text}, index=pd.Index(places, name="place"))


def edits(before: pd.DataFrame, after: pd.DataFrame) -> Edits:
    """Return what was changed between two tables of `editable`."""
    found = {}
    for name in before.columns:
        if name in (ROW, WRONG):
            continue
        now = after[name].fillna("").astype(str)
        for place in before.index[(before[name] != now).to_numpy()]:
            found[int(place), name] = str(now[place])
    return found


def mended(table: pa.Table, edits: Edits) -> pa.Table:
    """Return a table with the new cells, each column in its own type.

    Raises MendError for a text that the type of its column cannot hold.
    """
    for name in dict.fromkeys(name for _, name in edits):
        new = {place: text for (place, column), text in sorted(edits.items()) if column == name}
        place = table.column_names.index(name)
        table = table.set_column(place, name, _with(table[name], new, name))
    return table


def _with(column: pa.ChunkedArray, new: dict[int, str], name: str) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    values = pa.array(list(new.values()) if text else [one or None for one in new.values()])
    if not text:
        values = values.cast(pa.string())
    mask = np.zeros(len(column), bool)
    mask[list(new)] = True
    try:
        values = values.cast(kind)
    except pa.ArrowInvalid:
        typed = ", ".join(f"'{one}'" for one in new.values())
        raise MendError(f"{name} holds {kind} in this file, and cannot hold {typed}.") from None
    whole = column.combine_chunks()
    whole = whole if isinstance(whole, pa.ChunkedArray) else pa.chunked_array([whole])
    return pc.replace_with_mask(whole, pa.array(mask), values)
