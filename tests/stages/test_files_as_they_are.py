"""Files as people have them: what ../shared/cases/files holds, and what becomes of each.

Whatever way a table of houses is written, the same rows come out of prepare, to the last byte. What
is no matter of the file, but of its cells, is told row by row.
"""

import csv
import io
from pathlib import Path

import numpy as np
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
            "prepare.max_rejected_pct": 20.0,
            "featurize": {"feature_set": "all", "feature_sets": {"all": {"add": list(features)}}},
            "evaluate.slices": {},
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


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        ("price", lambda cell: f"${float(cell):,.2f}", r"price: not a number \(200\)"),
        ("area", lambda cell: f"{cell}%", r"area: not a number \(200\)"),
    ],
    ids=["currency.csv", "percent.csv"],
)
def test_cells_that_are_more_than_a_number_are_told(project, column, change, told):
    with pytest.raises(PipelineError, match=told):
        prepared(written(mapped(column, change)))


@pytest.mark.parametrize("case", sorted(CASES.glob("*.csv")), ids=lambda path: path.name)
def test_the_cases_themselves(project, case):
    """Wherever they are there: each is read, and nothing but its cells can be wrong."""
    given = yaml.safe_load((CASES / "f.yaml").read_text())
    contract = given["contract"]
    if case.name == "spaces.csv":
        names = ["Area (m²)", "city", "Has garage?", "price in €"]
        columns = dict(zip(names, contract["columns"].values(), strict=True))
        prepared(case.read_bytes(), {"columns": columns}, names[:3])
        return
    if case.name in ("currency.csv", "percent.csv"):
        with pytest.raises(PipelineError, match=r"not a number \(200\)"):
            prepared(case.read_bytes(), contract)
    else:
        bad = prepared(case.read_bytes(), contract)["quarantine.csv"].decode().splitlines()[1:]
        # A mark of its own is told, cell by cell, until the contract names it.
        assert all(line.endswith(",area,?,not a number") for line in bad)
        assert bool(bad) == (case.name == "missing_marks.csv")
