"""What a user is told of bad input: whole files refused, single rows set aside with a reason."""

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales import params
from sales.contract import Contract
from sales.contract.holes import MISSING
from sales.errors import PipelineError
from stages import ingest, prepare
from tests.examples import held, make_orders, set_params

INCOMING = Path("data/incoming")


def text_of(rows=100, seed=0):
    """Return good orders as a table of text, the way a CSV holds them."""
    return (
        make_orders(rows, seed)
        .assign(OrderDate=lambda t: t["OrderDate"].dt.strftime("%Y-%m-%d"))
        .astype(str)
    )


def run_stages():
    changes = {"ingest.source": "files", "prepare.max_rejected_pct": 50}
    set_params({**changes, "prepare.split": "random"})  # few rows, and the published test rows
    ingest.main()
    prepare.main()


def quarantined():
    table = pd.read_csv("data/prepared/quarantine.csv", dtype=str, keep_default_na=False)
    return [tuple(row) for row in table.itertuples(index=False)]


GOOD = text_of().to_csv(index=False)
HEADER, FIRST, *REST = GOOD.splitlines()
WITHOUT_TAX = text_of().drop(columns="Tax").to_csv(index=False)

# file name, its bytes, the message
BROKEN_FILES = {
    "nothing in it": ("a.csv", b"", "a.csv: the file is empty"),
    "blank lines only": ("a.csv", b"\n\n", "a.csv: the file is empty"),
    "a header only": ("a.csv", HEADER.encode(), "a.csv: the file has a header but no rows"),
    "a missing column": ("a.csv", WITHOUT_TAX.encode(), "a.csv: missing column Tax"),
    "two missing columns": (
        "a.csv",
        text_of().drop(columns=["Tax", "City"]).to_csv(index=False).encode(),
        "a.csv: missing columns Tax, City",
    ),
    "a misspelt column": (
        "a.csv",
        GOOD.replace("UnitPrice", "Unit Price").encode(),
        "a.csv: missing column UnitPrice; is it 'Unit Price' for 'UnitPrice'?",
    ),
    "another separator": (
        "a.csv",
        GOOD.replace(",", "~").encode(),
        "it has a single column: name its separator in ingest.csv.separator",
    ),
    "a column twice": (
        "a.csv",
        GOOD.replace("Brand", "Category", 1).encode(),
        "a.csv: the column 'Category' stands there twice",
    ),
    "no text": ("a.csv", b"\0\1\2" + GOOD.encode(), "a.csv: not text; save it as CSV, in UTF-8"),
    "UTF-8 that is broken": (
        "a.csv",
        GOOD.replace("Apex", "Apéx").encode().replace(b"\xc3", b"", 1),
        "is not utf-8; save it as UTF-8, or name its encoding in ingest.csv.encoding",
    ),
    "a row too short": (
        "a.csv",
        "\n".join([HEADER, FIRST, FIRST.rpartition(",")[0], *REST]).encode(),
        "a.csv: line 3: expected 15 columns, got 14",
    ),
    "a row too long": (
        "a.csv",
        "\n".join([HEADER, FIRST, *REST, FIRST + ",more"]).encode(),
        "a.csv: line 102: expected 15 columns, got 16",
    ),
    "no Parquet": ("a.parquet", b"PAR1 but not really", "a.parquet: not a Parquet file, or cut"),
    "a cut gzip": ("a.csv.gz", gzip.compress(GOOD.encode())[:-400], "a.csv.gz: cannot be read"),
    "no gzip": ("a.csv.gz", GOOD.encode(), "a.csv.gz: cannot be read"),
    "no workbook": ("a.xlsx", b"PK", "a.xlsx: cannot be read as a workbook: "),
    "a workbook of old": ("a.xls", b"", "a.xls: an old workbook: save it as .xlsx"),
    "something else": ("a.sav", b"x", "a.sav: not CSV, Parquet, Excel (.xlsx), JSON lines"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_broken_file_stops_with_one_line(project, case):
    name, content, message = BROKEN_FILES[case]
    (INCOMING / name).write_bytes(content)
    with pytest.raises(PipelineError) as caught:
        run_stages()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("metrics/data.json").exists()
    assert not list(Path("data").glob("**/*.part"))


# column, what stands there in row 3, the reason
BAD_CELLS = {
    "an empty price": ("UnitPrice", "", "missing"),
    "a price of NaN": ("UnitPrice", "NaN", "missing"),
    "an infinite price": ("UnitPrice", "inf", "not a number"),
    "a negative price": ("UnitPrice", "-5.0", "below 0.01"),
    "a free item": ("UnitPrice", "0", "below 0.01"),
    "an absurd price": ("UnitPrice", "1e9", "above 10000"),
    "a price in words": ("UnitPrice", "twelve", "not a number"),
    "a price with its currency": ("UnitPrice", "$12.50", "not a number"),
    "a hexadecimal price": ("UnitPrice", "0x10", "not a number"),
    "a discount above 1": ("Discount", "1.5", "above 1"),
    "a negative discount": ("Discount", "-0.1", "below 0"),
    "a fractional quantity": ("Quantity", "2.5", "not a whole number"),
    "no quantity": ("Quantity", "0", "below 1"),
    "a negative tax": ("Tax", "-1", "below 0"),
    "a negative total": ("TotalAmount", "-1", "below 0"),
    "an unknown brand": ("Brand", "Acme", "not one of the allowed values"),
    "a brand in lower case": ("Brand", "apex", "not one of the allowed values"),
    "no country": ("Country", "", "missing"),
    "a date in words": ("OrderDate", "yesterday", "not a date"),
    "the thirtieth of February": ("OrderDate", "2024-02-30", "not a date"),
    "a date too early": ("OrderDate", "1999-12-31", "before 2020-01-01"),
    "a date too late": ("OrderDate", "2031-01-01", "after 2024-12-31"),
    "no date": ("OrderDate", "", "missing"),
    "no id": ("OrderID", "", "missing"),
    "an id twice": ("OrderID", "ORD0000001", "duplicate of row 1 of a.csv"),
}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_a_bad_cell_is_set_aside_with_place_value_and_reason(project, case):
    column, value, reason = BAD_CELLS[case]
    table = text_of()
    table.loc[2, column] = value
    table.to_csv(INCOMING / "a.csv", index=False)
    run_stages()
    assert quarantined() == [("a.csv", "3", column, value, reason)]
    counts = json.loads(Path("metrics/data.json").read_text())
    assert (counts["rows_in"], counts["rows_accepted"], counts["rows_quarantined"]) == (100, 99, 1)
    kind = "duplicate id" if reason.startswith("duplicate") else reason
    assert counts["quarantined_by_reason"] == {f"{column}: {kind}": 1}


def test_a_total_that_is_not_the_sum_of_its_parts(project):
    table = text_of()
    right = float(table.loc[2, "TotalAmount"])
    table.loc[2, "TotalAmount"] = f"{right + 0.02:.2f}"
    table.to_csv(INCOMING / "a.csv", index=False)
    run_stages()
    [(file, row, column, value, reason)] = quarantined()
    assert (file, row, column, value) == ("a.csv", "3", "TotalAmount", f"{right + 0.02:.2f}")
    assert reason.startswith("total_is_the_sum_of_its_parts: ")
    assert reason.endswith(f"is not {right:.2f} within 0.01")


def test_a_row_with_several_faults_has_a_line_for_each_but_counts_once(project):
    table = text_of()
    table.loc[4, ["UnitPrice", "Brand", "OrderDate"]] = ["-1", "Acme", "never"]
    table.to_csv(INCOMING / "a.csv", index=False)
    run_stages()
    assert {(row, column) for _, row, column, _, _ in quarantined()} == {
        ("5", "Brand"),
        ("5", "OrderDate"),
        ("5", "UnitPrice"),
    }
    assert json.loads(Path("metrics/data.json").read_text())["rows_quarantined"] == 1


def test_duplicates_are_found_across_files_and_the_first_good_one_stays(project):
    first, second = text_of(), text_of()
    first.loc[0, "Brand"] = "Acme"  # its namesake in b.csv is the first good one
    first.to_csv(INCOMING / "a.csv", index=False)
    second.to_csv(INCOMING / "b.csv", index=False)
    run_stages()
    rows = quarantined()
    assert rows[0] == ("a.csv", "1", "Brand", "Acme", "not one of the allowed values")
    assert rows[1] == ("b.csv", "2", "OrderID", "ORD0000002", "duplicate of row 2 of a.csv")
    assert len(rows) == 100


def test_the_header_is_where_the_parser_finds_it_and_ids_stay_what_they_are(project, capsys):
    """Typed by their looks, `00042` would be 42, and orders enter twice under two ids."""
    first = text_of(120, 1).assign(OrderID=[f"{number:06d}" for number in range(120)], Note="x")
    second = first.rename(columns={"Note": "Remark\n(free)"})
    (INCOMING / "a.csv").write_text("\n\n" + first.to_csv(index=False))
    second.to_csv(INCOMING / "b.csv", index=False)
    run_stages()
    assert "Note, Remark (free)\n" in capsys.readouterr().out
    assert len(quarantined()) == 120
    assert {reason.partition(" of row")[0] for *_, reason in quarantined()} == {"duplicate"}
    train = pd.read_parquet("data/prepared/train.parquet")
    assert train["OrderID"].str.fullmatch(r"000\d{3}").all()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_without_any_cell_are_skipped_and_counted(project, capsys, kind):
    lines = GOOD.splitlines()
    empty = "," * (len(lines[0].split(",")) - 1)
    lines[5] = lines[5].replace("Austin", "Nowhere").replace("Seattle", "Nowhere")
    text = "\n".join([*lines[:3], empty, *lines[3:], *[empty] * 7]) + "\n"
    if kind == "csv":
        (INCOMING / "a.csv").write_text(text)
    else:
        table = pd.read_csv(io.StringIO(text), parse_dates=["OrderDate"])
        table.to_parquet(INCOMING / "a.csv.parquet")
    run_stages()
    [(file, row, column, value, reason)] = quarantined()
    assert (file.removesuffix(".parquet"), row) == ("a.csv", "6")  # with the skipped one before it
    assert (column, value, reason) == ("City", "Nowhere", "not one of the allowed values")
    counts = json.loads(Path("metrics/data.json").read_text())
    assert (counts["rows_in"], counts["rows_accepted"], counts["rows_quarantined"]) == (100, 99, 1)
    assert counts["rows_without_cells"] == 8
    assert "skipped, as they hold no cell at all: 8 row(s)" in capsys.readouterr().out


def test_without_such_rows_nothing_is_said_of_them(project, capsys):
    (INCOMING / "a.csv").write_text(GOOD)
    run_stages()
    assert "rows_without_cells" not in json.loads(Path("metrics/data.json").read_text())
    assert "no cell" not in capsys.readouterr().out


def test_a_parquet_file_of_what_is_no_text_stops_with_one_line(project):
    table = pa.Table.from_pandas(make_orders(100)).drop_columns(["Brand"])
    pa.parquet.write_table(
        table.append_column("Brand", pa.array([["Apex"]] * 100)), INCOMING / "a.parquet"
    )
    with pytest.raises(PipelineError, match=r"^a.parquet: the column 'Brand' holds lists or"):
        run_stages()


def test_a_data_set_with_a_column_twice_is_told_so(project):
    folder = INCOMING / "orders.parquet"
    folder.mkdir()
    table = pa.Table.from_pandas(make_orders(100))
    twice = table.append_column("Brand", table["Brand"])
    for part in range(2):
        pa.parquet.write_table(twice, folder / f"{part}.parquet")
    with pytest.raises(PipelineError, match=r"the column 'Brand' stands there twice$"):
        run_stages()


def test_more_bad_rows_than_allowed_fail_with_the_reasons(project):
    table = text_of()
    table.loc[:9, "UnitPrice"] = "-1"
    table.to_csv(INCOMING / "a.csv", index=False)
    set_params({"ingest.source": "files", "prepare.max_rejected_pct": 5})
    ingest.main()
    with pytest.raises(PipelineError, match=r"10 of 100 rows are bad, 10\.00 %") as caught:
        prepare.main()
    assert "UnitPrice: below 0.01 (10)" in str(caught.value)
    assert len(quarantined()) == 10
    assert not Path("metrics/data.json").exists()


def test_all_rows_bad(project):
    text_of().assign(Brand="Acme").to_csv(INCOMING / "a.csv", index=False)
    with pytest.raises(PipelineError, match="100 of 100 rows are bad"):
        run_stages()


def test_two_files_any_column_order_bom_crlf_and_extra_columns(project, capsys):
    first, second = text_of(60, 1), text_of(60, 2)
    second["OrderID"] = [f"X{i}" for i in range(60)]
    text = first[first.columns[::-1]].assign(Remark="é").to_csv(index=False, lineterminator="\r\n")
    (INCOMING / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    second.to_csv(INCOMING / "b.csv.gz", index=False)
    run_stages()
    assert quarantined() == []
    assert "ignored, not in the contract: Remark" in capsys.readouterr().out
    parts = [pd.read_parquet(f"data/prepared/{p}.parquet") for p in ("train", "valid", "test")]
    together = pd.concat(parts).sort_values("OrderID")
    expected = pd.concat([make_orders(60, 1), second]).sort_values("OrderID")
    assert list(together["UnitPrice"]) == list(expected["UnitPrice"].astype(float))


def test_a_parquet_file_gives_the_same_bytes_as_the_csv_of_it(project):
    make_orders(100).to_parquet(INCOMING / "a.parquet")
    run_stages()
    from_parquet = Path("data/prepared/train.parquet").read_bytes()
    (INCOMING / "a.parquet").unlink()
    text_of().to_csv(INCOMING / "a.csv", index=False)
    run_stages()
    assert Path("data/prepared/train.parquet").read_bytes() == from_parquet


def test_files_under_synthetic_and_none_under_files_both_stop(project):
    with pytest.raises(PipelineError, match="is files, but data/incoming holds none"):
        run_stages()
    (INCOMING / "a.csv").write_text(GOOD)
    set_params({"ingest.source": "synthetic"})
    with pytest.raises(PipelineError, match=r"holds a\.csv, but ingest\.source is synthetic"):
        ingest.main()
    assert not Path("data/raw").exists()


CELLS = st.sampled_from(["", "-1", "1", "2.5", "Acme", "Apex", "1e400", "2024-01-01", "ORD0000001"])


@settings(max_examples=40)
@given(
    spoilt=st.lists(
        st.tuples(st.integers(0, 99), st.sampled_from(HEADER.split(",")), CELLS), max_size=30
    )
)
def test_rows_in_are_rows_out_and_quarantined(spoilt):
    contract = params.read("contract", Contract, Path(__file__).parents[2] / "params.yaml")
    table = text_of()
    for row, column, value in spoilt:
        table.loc[row, column] = value
    raw = pa.Table.from_pandas(table.replace("", None), preserve_index=False)
    accepted, checked = held(contract, raw)
    untold = {row + 1 for row in range(100) if table.loc[row, "TotalAmount"] in MISSING}
    assert checked.without_target == len(untold)
    assert checked.rows_in == 100 - len(untold)
    bad_rows = set(checked.quarantine["row"])
    assert len(accepted) + len(bad_rows) + len(untold) == 100
    out = bad_rows | untold
    kept = table.loc[[row for row in range(100) if row + 1 not in out], "OrderID"]
    assert list(accepted["OrderID"]) == list(kept)
    assert accepted["OrderID"].is_unique
    assert np.isfinite(accepted[list(contract.numeric)].to_numpy(float)).all()


@pytest.mark.public_data
def test_the_public_file_is_good_and_its_test_rows_are_the_published_ones(project, public_data):
    from sklearn.model_selection import train_test_split

    (INCOMING / public_data.name).symlink_to(public_data)
    run_stages()
    counts = json.loads(Path("metrics/data.json").read_text())
    assert (counts["rows_in"], counts["rows_quarantined"]) == (100_000, 0)
    ids = pd.read_csv(public_data, usecols=["OrderID"])["OrderID"]
    _, published = train_test_split(ids, test_size=0.2, random_state=42)
    assert set(pd.read_parquet("data/prepared/test.parquet")["OrderID"]) == set(published)
