"""`make data`: what the last run had, and what has changed where the files lie since."""

from pathlib import Path

import pandas as pd
import pytest

from sales.data import spans
from sales.errors import PipelineError
from stages import data, ingest, prepare
from tests.examples import make_orders, set_params

INCOMING = Path("data/incoming")


@pytest.fixture
def two_files(project):
    set_params({"ingest.source": "files"})
    orders = make_orders(300)
    orders["OrderDate"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(range(300), unit="h")
    for name, rows in {"a.csv": orders[:200], "b.csv": orders[200:]}.items():
        rows.to_csv(INCOMING / name, index=False)
    ingest.main()
    prepare.main()


def test_each_file_with_its_rows_and_days(two_files, capsys):
    capsys.readouterr()
    data.main()
    _, a, b = capsys.readouterr().out.splitlines()
    assert a.split()[:4] == ["a.csv", "200", "2024-01-01", "2024-01-09"]
    assert b.split()[:4] == ["b.csv", "100", "2024-01-09", "2024-01-13"]


def test_what_has_changed_vanished_or_come_since_is_named(two_files, capsys):
    capsys.readouterr()
    with (INCOMING / "a.csv").open("a") as file:
        file.write("\n")
    (INCOMING / "b.csv").unlink()
    make_orders(20).to_parquet(INCOMING / "c.parquet")
    data.main()
    assert capsys.readouterr().out.splitlines()[3:] == [
        "a.csv has changed since it was used: make repro takes it anew",
        "c.parquet has not been used yet: make repro",
        "b.csv is gone since it was used: make repro goes on without it",
    ]


def test_a_file_whose_rows_are_all_set_aside_is_there_without_days(two_files):
    set_params({"prepare.max_rejected_pct": 100})
    table = make_orders(300)
    table[200:].assign(Quantity=-1).to_csv(INCOMING / "b.csv", index=False)
    ingest.main()
    prepare.main()
    told = spans.of(data.files.read_json(Path("metrics/data.json")), "files")
    assert (told[1].name, told[1].rows, told[1].first) == ("b.csv", 100, None)


def test_before_a_run_it_says_what_to_do(project):
    with pytest.raises(PipelineError, match="no data yet: `make repro`"):
        data.main()
