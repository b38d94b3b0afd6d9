"""A model's plots, as MLflow's page shows them."""

import io
import multiprocessing
import os
import queue
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from sales.registry import drawings, today
from tests.examples import ROOT

CURVE = pd.DataFrame(
    {"step": [1, 2, 1, 2], "split": ["train", "train", "valid", "valid"], "rmse": [9.0, 2, 9, 3]}
)
PREDICTIONS = pd.DataFrame({"true": [1.0, 2], "predicted": [1.5, 1], "residual": [0.5, -1]})
IMPORTANCE = pd.DataFrame(
    {"feature": [f"f{i}" for i in range(30)], "importance": [float(30 - i) for i in range(30)]}
)
TABLES = {"learning_curve": CURVE, "predictions": PREDICTIONS, "importance": IMPORTANCE}


def drawn(png):
    with Image.open(io.BytesIO(png)) as picture:
        picture.load()
        return picture.convert("RGB")


def test_each_is_a_picture_of_its_own():
    found = drawings.of("xgboost", TABLES)
    assert list(found) == ["learning_curve.png", "predicted.png", "residuals.png", "importance.png"]
    for png in found.values():
        assert drawn(png).size == (700, 450)
    assert len(set(found.values())) == 4


@pytest.mark.parametrize(
    ("table", "file", "changed"),
    [
        ("learning_curve", "learning_curve.png", CURVE.assign(rmse=[9.0, 1, 9, 3])),
        ("predictions", "predicted.png", PREDICTIONS.assign(predicted=[1.2, 1])),
        ("predictions", "residuals.png", PREDICTIONS.assign(residual=[0.2, -1])),
        ("importance", "importance.png", IMPORTANCE.assign(importance=1.0)),
    ],
)
def test_other_rows_are_another_picture(table, file, changed):
    before = drawings.of("xgboost", TABLES)
    after = drawings.of("xgboost", {**TABLES, table: changed})
    assert drawn(before[file]).tobytes() != drawn(after[file]).tobytes()


def test_the_axis_of_a_perfect_fit_is_not_logarithmic():
    [png] = drawings.of("a", {"learning_curve": CURVE.assign(rmse=0.0)}).values()
    assert drawn(png).size == (700, 450)


def test_a_name_is_shown_as_it_is():
    """As text: `$` begins a formula for Matplotlib, which this one would end in an error."""
    names = IMPORTANCE[:2].assign(feature=["$x^$", "n" * 50])
    assert drawings.of("a", {"importance": names}).keys() == {"importance.png"}


def test_no_rows_are_no_picture():
    assert drawings.of("a", {"learning_curve": CURVE[:0], "slices": CURVE}) == {}


def test_fonts_are_looked_up_once_and_kept_with_the_state(tmp_path):
    draw = (
        "import os, pandas\n"
        "from sales.registry import drawings\n"
        "table = pandas.DataFrame({'feature': ['x'], 'importance': [1]})\n"
        "drawings.of('a', {'importance': table})\n"
        "assert 'MPLCONFIGDIR' not in os.environ"
    )
    told = {k: v for k, v in os.environ.items() if k != "MPLCONFIGDIR"}
    told |= {"HOME": str(tmp_path), "SALES_STATE": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", draw], env=told, check=True, cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    assert list((tmp_path / "state" / "matplotlib").glob("fontlist*"))


@pytest.fixture
def plots(tmp_path, monkeypatch):
    """What `evaluate` would have left of two models."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots/learning_curve").mkdir(parents=True)
    for name in ("a", "b"):
        CURVE.to_csv(f"plots/learning_curve/{name}.csv", index=False)
    for table in ("predictions", "importance"):
        both = pd.concat([TABLES[table].assign(model=name) for name in ("a", "b")])
        both.to_csv(f"plots/{table}.csv", index=False)


def test_another_process_draws_the_same_pictures(plots, monkeypatch):
    with drawings.here([]) as pictures:
        asked = {name: pictures(name, today.plotted(name)) for name in ("a", "b")}
    monkeypatch.setattr(drawings, "of", lambda *_: pytest.fail("drawn here"))
    with drawings.beside(["a", "b"]) as pictures:
        assert {name: pictures(name, {}) for name in ("b", "a")} == asked
    assert asked["a"] != asked["b"]


def test_what_the_other_process_could_not_draw_is_drawn_here(plots, monkeypatch, capfd):
    Path("plots/predictions.csv").write_text("model,true\na,1\n", encoding="utf-8")
    with drawings.beside(["a"]) as pictures:
        assert pictures("a", {"importance": IMPORTANCE}).keys() == {"importance.png"}
    assert "KeyError" in capfd.readouterr().err


def test_an_end_in_the_middle_of_a_message_is_an_end():
    receiver, sender = multiprocessing.Pipe(duplex=False)
    sender.send(("a", {"importance.png": b"drawn"}))
    os.write(sender.fileno(), (100).to_bytes(4, "big") + b"a half")
    sender.close()
    came = queue.SimpleQueue()
    drawings._take(receiver, came)
    assert [came.get(), came.get()] == [("a", {"importance.png": b"drawn"}), None]


def test_nobody_waits_for_pictures_that_nobody_asks_for(plots):
    before = {*multiprocessing.active_children()}  # of other tests
    with drawings.beside(["a"]):
        [other] = {*multiprocessing.active_children()} - before
    assert not other.is_alive()
