"""Files as people have them: what ../shared/cases/files holds, and what becomes of each.

Whatever way a table of houses is written, the same rows come out of prepare, to the last byte. What
is no matter of the file, but of its cells, is told row by row.
"""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sales.errors import PipelineError
from stages import ingest, prepare
from tests.examples import ROOT, set_params

CASES = ROOT.parent / "shared" / "cases" / "files"
CONTRACT = {
    "columns": {
        "area": {"role": "numeric", "min": 0},
        "city": {"role": "categorical"},
        "garage": {"role": "categorical"},
        "price": {"role": "target", "min": 0},
    }
}


def houses():
    rng = np.random.default_rng(1)
    rows = [["area", "city", "garage", "price", "sold"]]
    for number in range(200):
        area = round(float(rng.uniform(40, 200)), 1)
        city = ["Bonn", "Köln", "Aachen"][number % 3]
        garage = "yes" if rng.random() < 0.5 else "no"
        price = f"{3000 * area + rng.normal(0, 1e4):.2f}"
        rows.append([f"{area}", city, garage, price, f"{number % 12 + 1:02d}/15/2023"])
    return rows


ROWS = houses()


def written(rows, separator=",", encoding="utf-8", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n", quoting=quoting).writerows(rows)
    return text.getvalue().encode(encoding)


def mapped(column, change):
    """Return the rows with each cell of a column changed, but not the header."""
    at = ROWS[0].index(column)
    return [ROWS[0], *([*row[:at], change(row[at]), *row[at + 1 :]] for row in ROWS[1:])]


COMMAS = [
    [cell.replace(".", ",") if at in (0, 3) else cell for at, cell in enumerate(row)]
    for row in ROWS
]
PLAIN = written(ROWS)
SAME = {
    "bom.csv": written(ROWS, encoding="utf-8-sig"),
    "decimal_comma.csv": written(COMMAS),
    "excel_de.csv": written(COMMAS, ";"),
    "index.csv": written([["", *ROWS[0]], *(["7", *row] for row in ROWS[1:])]),
    "latin1.csv": written(ROWS, encoding="latin-1"),
    "tsv.csv": written(ROWS, "\t"),
    "usdate.csv": PLAIN,  # a column that nobody reads, as long as it has no role
    "utf16.csv": written(ROWS, encoding="utf-16"),
    "all quoted": written(ROWS, quoting=csv.QUOTE_ALL),
    "bars, of Windows": written(ROWS, "|", "windows-1252").replace(b"\n", b"\r\n"),
}


def prepared(content, contract=CONTRACT, features=("area", "city", "garage")):
    """Return what prepare makes of a file, by name."""
    Path("data/incoming/houses.csv").write_bytes(content)
    set_params(
        {
            "ingest.source": "files",
            "contract": contract,
            "prepare.split": "random",
            "prepare.max_rejected_pct": 20.0,
            "featurize": {"feature_set": "all", "feature_sets": {"all": {"add": list(features)}}},
            "evaluate.slices": {},
            "evaluate.inclusion": {},
            "evaluate.behaviour": {},
        }
    )
    ingest.main()
    prepare.main()
    return {path.name: path.read_bytes() for path in Path("data/prepared").iterdir()}


@pytest.fixture
def expected(project):
    return prepared(PLAIN)


@pytest.mark.parametrize("case", SAME)
def test_the_same_rows_come_of_it(expected, case, capsys):
    assert prepared(SAME[case]) == expected
    assert "200 rows in, 200 accepted" in capsys.readouterr().out


def test_ingest_says_how_a_file_was_read(project, capsys):
    prepared(SAME["excel_de.csv"])
    told = "houses.csv: separated by semicolons, with decimal commas\n"
    assert told in capsys.readouterr().out


def test_what_is_given_is_not_looked_for(project):
    set_params({"ingest.csv.separator": ";"})
    with pytest.raises(PipelineError, match="it has a single column"):
        prepared(PLAIN)


def test_a_quarantined_cell_is_shown_as_it_was_typed(project):
    rows = [row[:] for row in COMMAS]
    rows[3][0], rows[4][0] = "1.5", "zwölf"
    prepared(written(rows, ";"))
    lines = Path("data/prepared/quarantine.csv").read_text().splitlines()[1:]
    assert lines == [
        "houses.csv,3,area,1.5,not a number",
        "houses.csv,4,area,zwölf,not a number",
    ]


def test_columns_may_have_any_name(project):
    names = ["Area (m²)", "city", "Has garage?", "price in €", "sold on"]
    columns = dict(zip(names, CONTRACT["columns"].values(), strict=False))
    found = prepared(written([names, *ROWS[1:]]), {"columns": columns}, names[:3])
    assert len(found["quarantine.csv"].splitlines()) == 1


CURRENCY = written(mapped("price", lambda cell: f"${float(cell):,.2f}"))
PERCENT = written(mapped("area", lambda cell: f"{cell}%"))


def columns(**changes):
    """Return the contract with columns changed, or added."""
    old = CONTRACT["columns"]
    return {
        "columns": {**old, **{name: old.get(name, {}) | each for name, each in changes.items()}}
    }


def read(part="train"):
    return pd.read_parquet(f"data/prepared/{part}.parquet")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (CURRENCY, r"price: not a number \(200\);.* name decimal of the column$"),
        (PERCENT, r"area: not a number \(200\);.* name decimal of the column$"),
    ],
    ids=["currency.csv", "percent.csv"],
)
def test_cells_that_are_more_than_a_number_are_told(project, content, told):
    with pytest.raises(PipelineError, match=told):
        prepared(content)


def test_a_column_that_names_its_decimal_mark_reads_currency(expected):
    found = prepared(CURRENCY, columns(price={"decimal": "."}))
    assert found == expected


def test_a_column_that_names_its_decimal_mark_reads_percents(expected):
    before = pd.read_parquet(io.BytesIO(expected["train.parquet"]))
    prepared(PERCENT, columns(area={"decimal": "."}))
    assert read()["area"].to_numpy() == pytest.approx(before["area"].to_numpy() / 100, rel=1e-15)
    pd.testing.assert_frame_equal(read().drop(columns="area"), before.drop(columns="area"))


@pytest.mark.parametrize("given", [None, ",", "."])
@pytest.mark.parametrize("own", [None, ",", "."])
def test_a_column_has_the_last_word_over_its_file(project, given, own):
    """Areas are written with commas, prices with points: no mark of the file is right for both."""
    set_params({"ingest.csv.decimal": given})
    contract = columns(price={} if own is None else {"decimal": own})
    content = written([[row[0], *row[1:3], ROWS[at][3], row[4]] for at, row in enumerate(COMMAS)])
    of_file = given or "."  # a column speaks for either mark, and what is not certain is plain
    if own == "." and of_file == ",":
        prepared(content, contract)
        train = read()
        assert len(train) == 140
        assert (train["area"] * 3000 - train["price"]).abs().max() < 5e4  # each in its own unit
        return
    wrong = {"area": of_file != ",", "price": (own or of_file) != "."}
    with pytest.raises(PipelineError, match=r"of 200 rows are bad") as caught:
        prepared(content, contract)
    for name, bad in wrong.items():
        assert (f"{name}: not a number" in str(caught.value)) == bad


def test_a_date_as_americans_write_it(project):
    """f_date.yaml: a date is ISO 8601, until the contract says how else it is written."""
    told = r"sold: not a date \(200\);.* name format or dayfirst of the column$"
    with pytest.raises(PipelineError, match=told):
        prepared(PLAIN, columns(sold={"role": "date"}))
    for how in ({"dayfirst": False}, {"format": "%m/%d/%Y"}):
        prepared(PLAIN, columns(sold={"role": "date", **how}))
        assert sorted(read()["sold"].dt.strftime("%m/%d").unique())[-1] == "12/15"
    with pytest.raises(
        PipelineError, match=r"sold: not a date \(200\)"
    ):  # no month has 15 as number
        prepared(PLAIN, columns(sold={"role": "date", "dayfirst": True}))


def test_yes_and_no_are_words_in_quotes_and_truths_of_a_boolean(project, expected):
    """f_yesno.yaml: YAML reads `[yes, no]` as truth values."""
    told = r"contract\.columns\.garage\.values\.0: YAML reads yes, on or true as a truth value: put"
    with pytest.raises(PipelineError, match=told):
        prepared(PLAIN, columns(garage=yaml.safe_load("values: [yes, no]")))
    assert prepared(PLAIN, columns(garage=yaml.safe_load("values: ['yes', 'no']"))) == expected
    words = read()["garage"]
    prepared(PLAIN, columns(garage={"role": "boolean"}))
    assert (read()["garage"] == (words == "yes")).all()


def case(name):
    found = yaml.safe_load((CASES / name).read_text())
    return found["contract"]["columns"]


@pytest.mark.parametrize("path", sorted(CASES.glob("*.csv")), ids=lambda path: path.name)
def test_the_cases_themselves(project, path):
    """Wherever they are there: each is read, and nothing but its cells can be wrong."""
    given = case("f.yaml")
    if path.name == "spaces.csv":
        names = ["Area (m²)", "city", "Has garage?", "price in €"]
        prepared(
            path.read_bytes(), {"columns": dict(zip(names, given.values(), strict=True))}, names[:3]
        )
        return
    if path.name in ("currency.csv", "percent.csv"):
        with pytest.raises(PipelineError, match=r"not a number \(200\)"):
            prepared(path.read_bytes(), {"columns": given})
        which = "price" if path.name == "currency.csv" else "area"
        given[which]["decimal"] = "."
    bad = (
        prepared(path.read_bytes(), {"columns": given})["quarantine.csv"].decode().splitlines()[1:]
    )
    # A mark of its own is told, cell by cell, until the contract names it.
    assert all(line.endswith(",area,?,not a number") for line in bad)
    assert bool(bad) == (path.name == "missing_marks.csv")
    if bad:
        marks = {"missing": "allowed", "missing_marks": ["?", "-"]}
        given = {
            name: {**column, **marks} if name in ("area", "garage") else column
            for name, column in given.items()
        }
        assert (
            len(prepared(path.read_bytes(), {"columns": given})["quarantine.csv"].splitlines()) == 1
        )
        assert read()["area"].isna().any()
        assert set(read()["garage"].dropna()) == {"yes", "no"}


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")
def test_the_contracts_of_the_cases(project):
    plain, dates, words = ((CASES / name) for name in ("plain.csv", "usdate.csv", "plain.csv"))
    with pytest.raises(PipelineError, match=r"sold: not a date \(200\)"):
        prepared(dates.read_bytes(), {"columns": case("f_date.yaml")})
    dated = case("f_date.yaml")
    dated["sold"]["dayfirst"] = False
    prepared(dates.read_bytes(), {"columns": dated})
    assert read()["sold"].dt.year.unique().tolist() == [2023]
    with pytest.raises(PipelineError, match=r"garage\.values\.0: YAML reads yes, on or true"):
        prepared(words.read_bytes(), {"columns": case("f_yesno.yaml")})
    quoted = case("f_yesno.yaml")
    quoted["garage"]["values"] = ["yes", "no"]
    prepared(plain.read_bytes(), {"columns": quoted})
