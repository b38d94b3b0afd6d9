"""`make truths` and `make erase`: what came true from a file, and one id taken out of it all.

The lines of docs/served.md; its curl lines are in tests/sales/watching/.
"""

import sys

import pandas as pd
import pytest

from sales.errors import PipelineError
from stages import erase, truths
from tests.examples import PUBLISHED_ORDER, set_params
from tests.kept import Keeping


@pytest.fixture
def service(project, promoted, monkeypatch):
    """A service of the project whose rows are on disk: ids `r-0` to `r-2`, orders ORD0 to ORD2."""
    service = Keeping(promoted, project)
    monkeypatch.setenv("SERVED", service.address)
    monkeypatch.setenv("SERVED_SECONDS", "0.1")
    rows = [{**PUBLISHED_ORDER, "OrderID": f"ORD{n}"} for n in range(3)]
    service.ask("POST", "/predict_batch", json=rows, headers={"X-Request-ID": "r"})
    service.log.flush()
    return service


def run(monkeypatch, stage, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *words])
    stage.main()


def written(text: str) -> str:
    with open("shipped.csv", "w") as file:  # noqa: PTH123
        file.write(text)
    return "shipped.csv"


def test_truths_of_a_file_join_their_rows(service, monkeypatch, capsys):
    file = written("RequestId,OrderID,TotalAmount\nr-0,,590.5\n,ORD1,591\n,ORD9,1\n")
    run(monkeypatch, truths, file)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"3 truths are kept in {service.address}"
    assert printed[1].startswith("1 of all truths there name no row that is kept")
    run(monkeypatch, truths, written("request_id,TotalAmount\nr-0,600\n"))
    found = service.rows().set_index("request_id")["truth"]
    assert found["r-0"] == 600
    assert found["r-1"] == 591
    assert pd.isna(found["r-2"])


def test_a_file_is_read_as_the_pipelines_are(service, monkeypatch):
    set_params({"ingest.csv": {"separator": ";", "decimal": ","}})
    run(monkeypatch, truths, written("request_id;TotalAmount\nr-0;590,5\n"))
    assert service.rows().set_index("request_id")["truth"]["r-0"] == 590.5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("request_id,TotalAmount\nr-0,cheap\nr-1,\n", r"TotalAmount: missing, or not .*row 1, 2"),
        ("request_id\nr-0\n", "TotalAmount: the column is missing"),
        ("TotalAmount\n1\n", "no column names the rows: request_id or OrderID"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(service, monkeypatch, text, told):
    with pytest.raises(PipelineError, match=told):
        run(monkeypatch, truths, written(text))


def test_an_id_is_erased_with_its_truths(service, monkeypatch, capsys):
    run(monkeypatch, truths, written("OrderID,TotalAmount\nORD1,591\nORD2,592\n"))
    capsys.readouterr()
    run(monkeypatch, erase, "ORD1")
    told = capsys.readouterr().out
    assert told.startswith(f"1 rows and 1 truths were erased in {service.address}")
    assert service.rows()["key.OrderID"].tolist() == ["ORD0", "ORD2"]


def test_what_was_kept_can_be_erased_where_nothing_is_kept_any_more(service, monkeypatch, capsys):
    monkeypatch.setenv("SERVED_SHARE", "0")
    run(monkeypatch, erase, "r-0")
    assert capsys.readouterr().out.startswith("1 rows and 0 truths were erased")
    assert service.rows()["request_id"].tolist() == ["r-1", "r-2"]


@pytest.mark.parametrize("stage", [truths, erase])
def test_what_is_missing_is_told(project, monkeypatch, stage):
    monkeypatch.setenv("SERVED", "state/served")
    with pytest.raises(PipelineError, match=r"make (truths FILE|erase ID)="):
        run(monkeypatch, stage)
    monkeypatch.setenv("SERVED", "")
    with pytest.raises(PipelineError, match="SERVED names no folder"):
        run(monkeypatch, stage, "a")


def test_private_ids_need_the_secret_of_the_folder(service, monkeypatch):
    set_params({"contract.columns.OrderID": {"role": "id", "private": True}})
    file = written("OrderID,TotalAmount\nORD1,591\n")
    with pytest.raises(PipelineError, match="SERVED_KEY"):
        run(monkeypatch, truths, file)
    monkeypatch.setenv("SERVED_KEY", "secret")
    run(monkeypatch, truths, file)
