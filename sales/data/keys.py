"""What a row is known by, as a 64-bit hash: by it rows stay in their part as a table grows.

The definition, of which golden values stand in the tests. A text is hashed in UTF-8 by SipHash-2-4
under the 16 digits of the seed, then stirred (`pandas.util.hash_array`, in C). A row's key is the
text of its group, where a group column is named and filled; else its id; else all that the contract
reads of it: column by column, in the order of their names, the hash so far is joined with the
column's by exclusive or, and stirred. A number counts by its bits as a float64 (-0.0 is 0.0), a
date by its milliseconds since 1970, a text by its hash, and what is missing as 0.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from sales.contract import Column, Contract, cells
from sales.errors import PipelineError

VERSION = 1  # of the definition above: whoever keeps keys for later keeps it with them


def texts(values: pd.Series, seed: int) -> np.ndarray:
    """Return the hash of each text; 0 where there is none.

    >>> texts(pd.Series(["ORD0000001", None]), 42).tolist()
    [8777003544965158636, 0]
    """
    codes, uniques = pd.factorize(values)
    known = pd.util.hash_array(
        np.asarray(uniques, dtype=object), hash_key=f"{seed:016d}", categorize=False
    )
    found = np.zeros(len(values), np.uint64)
    there = codes >= 0
    found[there] = known[codes[there]]
    return found


def ids(values: pd.Series, seed: int) -> np.ndarray:
    """Return what `texts` does, of values that hardly come again: none is looked for."""
    known = pd.util.hash_array(
        values.fillna("").to_numpy(object), hash_key=f"{seed:016d}", categorize=False
    )
    return np.where(values.isna().to_numpy(), np.uint64(0), known)


def made_of(contract: Contract) -> str | dict[str, str]:
    """Return what a row's key is made of: the id's column, else the columns with their roles."""
    if contract.id:
        return contract.id
    return {name: contract.columns[name].role for name in sorted(contract.required)}


def of_rows(contract: Contract, rows: pd.DataFrame, seed: int) -> np.ndarray:
    """Return the hash of each row's id, where the contract has one, else of its content."""
    if contract.id:
        return ids(rows[contract.id], seed)
    found = np.zeros(len(rows), np.uint64)
    for name in sorted(contract.required):
        found = pd.util.hash_array(found ^ _values(rows[name], seed))
    return found


def of_groups(groups: pd.Series, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the hash of each group's name; a row without a group is one by itself, by its own."""
    found = texts(groups, seed)
    return np.where(groups.isna().to_numpy(), rows, found)


def group_names(table: pa.Table, column: str, file: str) -> pd.Series:
    """Return a column of what came in as names of groups, read as a category is: None is no name.

    Raises PipelineError for a file without the column, and for lists and the like.
    """
    if column not in table.column_names:
        raise PipelineError(f"{file}: has no column '{column}', which prepare.group names")
    if cells.nested(table[column].type):
        what = cells.called(table[column].type)
        named = f"the column '{column}', which prepare.group names"
        raise PipelineError(f"{file}: {named}, holds {what}")
    return cells.read(table[column], Column(role="categorical")).values.to_pandas()


def _values(values: pd.Series, seed: int) -> np.ndarray:
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return texts(values.astype(object), seed)
    if pd.api.types.is_datetime64_any_dtype(kind):
        at = values.to_numpy("datetime64[ms]")
        return np.where(np.isnat(at), 0, at.view(np.int64)).astype(np.uint64)
    if pd.api.types.is_numeric_dtype(kind):
        numbers = values.to_numpy(np.float64, na_value=np.nan) + 0.0
        return np.where(np.isnan(numbers), 0.0, numbers).view(np.uint64)
    return texts(values, seed)
