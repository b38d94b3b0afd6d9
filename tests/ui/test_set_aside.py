"""What was set aside: searched by any of its words, downloaded to mend, mended on the page."""

import pandas as pd

from tests.bad_rows import REASONS, quarantine
from tests.ui.shown import button, everything, labels
from ui import set_aside
from ui.client import Service


def test_what_is_found_is_found_in_any_cell_and_taken_word_for_word():
    table = set_aside.listed(quarantine())
    assert set_aside.found(table, "TAX")["Row"].tolist() == [3]
    assert set_aside.found(table, "cheap")["Row"].tolist() == [8]
    assert set_aside.found(table, "may.csv")["Row"].tolist() == [3, 8]
    assert set_aside.found(table, ".*").empty
    assert len(set_aside.found(table, "")) == 2


def test_the_rows_to_mend_say_what_is_wrong_and_are_those_that_are_found():
    bad = quarantine()
    bad["cells"].append({**bad["cells"][0], "column": "Discount", "reason": "above 1"})
    cells = set_aside.listed(bad)
    rows = set_aside.to_mend(bad, cells)
    assert list(rows)[:3] == ["File", "Row", "What is wrong"]
    assert rows["What is wrong"].tolist() == [
        "Tax: below 0; Discount: above 1",
        "UnitPrice: not a number",
    ]
    assert rows.loc[1, "UnitPrice"] == "cheap"
    assert set_aside.to_mend(bad, set_aside.found(cells, "cheap"))["Row"].tolist() == [8]
    assert set_aside.to_mend(bad, cells[:0]).empty


def opened(page, running, monkeypatch, bad):
    ask = Service.data
    monkeypatch.setattr(
        Service, "data", lambda self: {**ask(self), "quarantined_by_reason": REASONS}
    )
    monkeypatch.setattr(Service, "quarantine", lambda _: bad)
    return page("data", running)


def test_they_are_searched_and_the_search_tells_what_is_downloaded(page, running, monkeypatch):
    app = opened(page, running, monkeypatch, quarantine())
    reasons, cells = (one.value for one in app.dataframe)
    assert reasons["Bad cells"].tolist() == [7, 1, 1]
    assert cells["Value"].tolist() == ["-1", "cheap"]
    assert "2 of 9 rows" in everything(app)
    assert "Without City, as that is private" in everything(app)
    assert [one.label for one in app.get("download_button")] == [
        *("Download 2 rows to mend", "Download the list of bad cells"),
    ]
    app.text_input(key="sought").set_value("cheap").run()
    [cells] = (one.value for one in app.dataframe)
    assert cells["Row"].tolist() == [8]
    assert "Mend 1 row here" in labels(app)
    app.text_input(key="sought").set_value("nowhere").run()
    assert "Nothing that was set aside holds 'nowhere'" in app.info[0].value
    assert not app.exception


def test_they_are_mended_and_predicted_in_score_a_file(page, running, monkeypatch):
    bad = quarantine()
    app = opened(page, running, monkeypatch, bad)
    button(app, "Mend 2 rows here").click().run()
    sent = app.session_state["upload"]
    assert sent.good.tolist() == [False, False]
    assert "2 of 2 rows cannot be scored" in everything(app)
    assert [one.label for one in app.expander] == ["Mend them here"]
    assert sorted(sent.problems["column"]) == ["Tax", "UnitPrice"]
    assert list(sent.table.column_names)[:3] == ["File", "Row", "What is wrong"]


def test_a_service_without_them_gives_the_reasons(page, running, monkeypatch):
    app = opened(page, running, monkeypatch, None)
    [reasons] = (one.value for one in app.dataframe)
    assert isinstance(reasons, pd.DataFrame)
    assert [one.label for one in app.get("download_button")] == ["Download the reasons"]
