"""The key of a row: written down, the same for ever, and of the row alone."""

import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract import Contract
from sales.data import keys
from sales.errors import PipelineError

MASK = 2**64 - 1


def siphash(text, seed):
    """Return SipHash-2-4 of a text, as Aumasson and Bernstein have written it down (2012)."""
    data = text.encode()
    k0, k1 = struct.unpack("<QQ", f"{seed:016d}".encode())
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D]
    v += [k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def turned(x, b):
        return ((x << b) | (x >> (64 - b))) & MASK

    def stir(times):
        for _ in range(times):
            v[0] = (v[0] + v[1]) & MASK
            v[2] = (v[2] + v[3]) & MASK
            v[1], v[3] = turned(v[1], 13) ^ v[0], turned(v[3], 16) ^ v[2]
            v[0] = (turned(v[0], 32) + v[3]) & MASK
            v[2] = (v[2] + v[1]) & MASK
            v[1], v[3] = turned(v[1], 17) ^ v[2], turned(v[3], 21) ^ v[0]
            v[2] = turned(v[2], 32)

    whole = len(data) // 8 * 8
    for start in range(0, whole, 8):
        (word,) = struct.unpack("<Q", data[start : start + 8])
        v[3] ^= word
        stir(2)
        v[0] ^= word
    last = int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56
    v[3] ^= last
    stir(2)
    v[0] ^= last
    v[2] ^= 0xFF
    stir(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def stirred(number):
    """Return what splitmix64 makes of a number at its end."""
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & MASK
    return number ^ (number >> 31)


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_text_s_hash_is_the_one_that_is_written_down(texts, seed):
    found = keys.texts(pd.Series(texts, dtype=object), seed)
    assert found.tolist() == [stirred(siphash(text, seed)) for text in texts]
    assert keys.ids(pd.Series([*texts, None], dtype="str"), seed).tolist() == [*found, 0]


def test_golden_values():
    found = keys.texts(pd.Series(["ORD0000001", "ORD0000002", "Müller", "", None]), 42)
    assert found.tolist() == GOLDEN_TEXTS
    contract = Contract(
        columns={
            "Day": {"role": "date"},
            "Kind": {"role": "categorical", "missing": "allowed"},
            "Size": {"role": "numeric", "missing": "allowed"},
            "Price": {"role": "target"},
        }
    )
    rows = pd.DataFrame(
        {
            "Day": np.array(["2024-06-03", "0001-01-01T00:01"], "datetime64[ms]"),
            "Kind": pd.Categorical(["a", None]),
            "Size": [np.nan, -0.0],
            "Price": [1.5, 1e300],
        }
    )
    assert keys.of_rows(contract, rows, 42).tolist() == GOLDEN_ROWS


def test_a_row_s_key_is_of_what_it_holds_alone():
    contract = Contract(
        columns={
            "B": {"role": "categorical"},
            "A": {"role": "numeric", "integer": True},
            "T": {"role": "target"},
        }
    )
    rows = pd.DataFrame({"B": list("xyxz"), "A": [1, 2, 1, 3], "T": [1.0, 2.0, 1.0, 3.0]})
    found = keys.of_rows(contract, rows, 7)
    assert found[0] == found[2]
    assert len(set(found)) == 3
    other = rows[::-1].reset_index(drop=True)
    other = other.assign(A=other["A"].astype(float), B=pd.Categorical(other["B"]))[["T", "A", "B"]]
    assert keys.of_rows(contract, other, 7).tolist() == found[::-1].tolist()
    assert set(keys.of_rows(contract, rows, 8)).isdisjoint(found)


def test_equal_cells_in_other_columns_are_another_row():
    contract = Contract(columns={n: {"role": "numeric"} for n in "AB"} | {"T": {"role": "target"}})
    one = pd.DataFrame({"A": [1.0], "B": [2.0], "T": [0.0]})
    other = one.rename(columns={"A": "B", "B": "A"})
    assert keys.of_rows(contract, one, 1) != keys.of_rows(contract, other, 1)


def test_a_row_without_a_group_is_one_by_itself():
    groups = pd.Series(["a", None, "a", None], dtype=object)
    rows = np.array([1, 2, 3, 4], np.uint64)
    found = keys.of_groups(groups, rows, 42)
    assert found[0] == found[2] == keys.texts(groups[:1], 42)[0]
    assert found[1::2].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (pa.array(["7", "7.0", "", "NA", None, "x"]), ["7", "7", None, None, None, "x"]),
        (pa.array([7, 8, None]), ["7", "8", None]),
        (pa.array([7.0, 7.5, float("nan")]), ["7", "7.5", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([b"a", b"b"]), ["a", "b"]),
    ],
)
def test_names_of_groups_are_read_as_categories_are(cells, names):
    found = keys.group_names(pa.table({"g": cells}), "g", "a.csv")
    assert found.astype(object).where(found.notna(), None).tolist() == names


def test_a_group_that_cannot_be_read_is_one_line():
    with pytest.raises(
        PipelineError, match=r"^a: has no column 'who', which prepare\.group names$"
    ):
        keys.group_names(pa.table({"g": ["a"]}), "who", "a")
    with pytest.raises(PipelineError, match=r"which prepare\.group names, holds lists"):
        keys.group_names(pa.table({"g": [["a"]]}), "g", "a")


GOLDEN_TEXTS = [
    8777003544965158636,
    2277734310913996763,
    8734478532947768504,
    18139517765072965920,
    0,
]
GOLDEN_ROWS = [6449816466454585185, 18275028749510702051]
