"""A reference holds what the rows of a model were like, and how well it did on the test rows."""

import json

import numpy as np
import pytest

from sales import files, params
from sales.errors import PipelineError
from sales.judging import reference, scores
from sales.judging.reference import PREDICTION
from sales.models import saved
from tests.examples import ROOT, make_orders


@pytest.fixture(scope="module")
def settings():
    found = params.read("evaluate", scores.EvaluateParams, ROOT / "params.yaml")
    return found.model_copy(update={"min_slice_rows": 20})


@pytest.fixture
def made(promoted, settings):
    model = saved.load(promoted / "champion")
    return model, reference.of(model, make_orders(400), make_orders(150), settings)


def test_fields_are_those_of_a_request_with_the_dates_parts_and_the_prediction_last(made):
    model, found = made
    names = [shape.name for shape in found.fields]
    assert names[-1] == PREDICTION
    assert {"Category", "UnitPrice", "OrderYear", "OrderMonth", "OrderDayOfWeek"} <= set(names)
    assert "OrderDate" not in names
    [month] = [shape for shape in found.fields if shape.name == "OrderMonth"]
    assert (month.kind, month.source) == ("date", "month(OrderDate)")
    assert found.content_hash == model.content_hash
    assert (found.train_rows, found.test_rows) == (400, 150)


def test_counts_are_of_the_train_rows_and_errors_of_the_test_rows(made):
    model, found = made
    orders, tested = make_orders(400), make_orders(150)
    [category] = [shape for shape in found.fields if shape.name == "Category"]
    counted = orders["Category"].value_counts()
    assert dict(zip(category.levels, category.counts.tolist(), strict=True)) == {
        str(level): rows for level, rows in counted.items() if rows
    }
    error = model.predict(tested) - tested["TotalAmount"].to_numpy()
    errors = found.errors
    assert np.isclose(errors.rmse, np.sqrt(np.mean(error**2)), rtol=1e-5)
    assert np.isclose(errors.squares.sum(), np.sum(error**2), rtol=1e-4)
    assert errors.band_rows.sum() == errors.counts.sum() == errors.rows == 150
    # By buckets, whose middles are within some percent of what lies in them.
    about = np.sqrt(errors.counts @ errors.sizes**2 / errors.rows)
    assert np.isclose(about, errors.rmse, rtol=0.03)
    assert set(found.slice_rmse) >= {f"Category={one}" for one in category.levels[:1]}
    assert found.slice_marks.keys() == found.slice_rmse.keys()
    name, marks = next(iter(found.slice_marks.items()))
    assert found.column_of(name) == "Category"
    own = np.abs(error[(tested["Category"] == name.removeprefix("Category=")).to_numpy()])
    assert marks.rows == len(own)
    assert marks.above == tuple(int((own > size).sum()) for size in marks.sizes)


def test_it_is_small_and_comes_back_as_it_was(made, tmp_path):
    _, found = made
    path = tmp_path / "reference.json"
    files.write_json(path, found.told())
    assert path.stat().st_size < 60_000
    assert reference.read(path).told() == json.loads(json.dumps(found.told()))
    assert reference.read(tmp_path / "none.json") is None


def test_what_is_private_is_not_in_it(promoted, settings):
    model = saved.load(promoted / "champion")
    for name in ("City", "Country"):
        column = model.featuriser.fields[name].model_copy(update={"private": True})
        model.featuriser.fields[name] = column
    assert "Country" in settings.slices
    found = reference.of(model, make_orders(50), make_orders(50), settings)
    assert "City" not in [shape.name for shape in found.fields]
    assert "Country" not in json.dumps(found.told())


def test_one_of_an_earlier_release_is_none(made, tmp_path):
    path = tmp_path / "champion.json"
    files.write_json(path, {**made[1].told(), "format": reference.FORMAT - 1})
    assert reference.read(path) is None


def test_a_model_that_predicts_nothing_finite_has_none(promoted, settings, monkeypatch):
    model = saved.load(promoted / "champion")
    monkeypatch.setattr(type(model), "predict", lambda _, rows: np.full(len(rows), np.nan))
    assert reference.of(model, make_orders(50), make_orders(50), settings) is None


@pytest.mark.parametrize("content", ["{", "{}", '{"format": 3}'])
def test_a_damaged_one_is_told(content, tmp_path):
    path = tmp_path / "champion.json"
    path.write_text(content)
    with pytest.raises(PipelineError, match=f"{path} is damaged"):
        reference.read(path)
