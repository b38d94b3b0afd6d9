"""An ensemble: the weighted mean of its members, in what it answers and in why."""

import json

import numpy as np
import pytest

from sales import estimators, files
from sales.errors import PipelineError
from sales.estimators import Contributions, ensemble
from sales.estimators.ensemble import Member
from sales.estimators.fitting.scale import Scale
from tests.sales.estimators.test_estimators import data, orders, settings  # noqa: F401

PLAIN = Scale("none")


class Fixed:
    """A model whose answers are known: a slope by feature, and a constant."""

    def __init__(self, constant, slopes, caveat=None, terms=()):
        self.constant, self.slopes = constant, np.array(slopes)
        self.caveat, self.terms = caveat, terms

    def predict(self, X):
        return self.constant + X @ self.slopes

    def contributions(self, row):
        return Contributions(self.constant, self.slopes * row, self.caveat, self.terms)


@pytest.fixture(scope="module")
def fitted(data):  # noqa: F811
    """Return an ensemble of models with products, and of trees in float32 and float64."""
    weights = {"polynomial_regression": 111, "random_forest": 250, "xgboost": 300, "lightgbm": 339}
    members = []
    for name, weight in weights.items():
        estimator, _ = estimators.module(name).fit(settings(name), data)
        members.append(Member(name, weight, estimator))
    return ensemble.of(members, PLAIN)


def test_it_answers_the_weighted_mean():
    two = [Member("a", 250, Fixed(100.0, [1.0, 0.0])), Member("b", 750, Fixed(20.0, [0.0, 4.0]))]
    made = ensemble.of(two, PLAIN)
    X = np.array([[10.0, 1.0], [0.0, 0.0]])
    assert made.predict(X).tolist() == [0.25 * 110 + 0.75 * 24, 40.0]
    assert made.predict(X[:0]).tolist() == []


def test_what_features_add_is_the_weighted_mean_too():
    one = Fixed(100.0, [1.0, 0.0], "grown apart", (((0, 1), 8.0), ((1,), 4.0)))
    other = Fixed(20.0, [0.0, 4.0], "grown apart", (((0, 1), -8.0),))
    made = ensemble.of([Member("a", 500, one), Member("b", 500, other)], PLAIN)
    found = made.contributions(np.array([10.0, 1.0]))
    assert (found.baseline, found.amounts.tolist()) == (60.0, [5.0, 2.0])
    assert found.caveat == "grown apart"  # once
    assert found.terms == (((0, 1), 0.0), ((1,), 2.0))
    assert ensemble.of([Member("a", 1000, Fixed(1.0, [0.0]))], PLAIN).contributions(
        np.zeros(1)
    ) == Contributions(1.0, pytest.approx([0.0]), None, ())


def test_a_model_without_a_weight_is_no_member_and_shares_add_up():
    two = [Member("a", 1000, Fixed(1.0, [0.0])), Member("b", 0, Fixed(2.0, [0.0]))]
    assert [one.name for one in ensemble.of(two, PLAIN).members] == ["a"]
    for weights in ((500, 400), (1200, -200)):
        wrong = [Member(f"{w}", w, Fixed(0.0, [0.0])) for w in weights]
        with pytest.raises(ValueError, match="are no shares"):
            ensemble.of(wrong, PLAIN)


def test_a_member_that_is_too_large_to_be_explained_is_named():
    class Large(Fixed):
        def contributions(self, _):
            raise PipelineError("a model of 9 leaves is too large to be explained")

    made = ensemble.of([Member("random_forest", 1000, Large(0.0, [0.0]))], PLAIN)
    with pytest.raises(PipelineError, match=r"^random_forest, a member of the ensemble: a model"):
        made.contributions(np.zeros(1))


def test_the_same_bits_alone_as_in_a_table_and_after_saving(fitted, data, tmp_path):  # noqa: F811
    fitted.save(tmp_path)
    loaded = estimators.module("ensemble").load(tmp_path)
    X = data.X_valid[:200].copy()
    X[::7, 2] = np.nan  # a category that training never saw
    together = fitted.predict(X)
    alone = np.concatenate([loaded.predict(row[None, :]) for row in X])
    assert together.dtype == np.float64
    assert together.tobytes() == alone.tobytes()
    assert {path.name for path in tmp_path.iterdir()} == {"ensemble.json", "members"}
    told = json.loads((tmp_path / "ensemble.json").read_text())
    assert told == {"weights": {one.name: one.weight for one in fitted.members}}
    for file in tmp_path.rglob("*.*"):
        assert file.suffix in {".json", ".ubj", ".txt", ".treelite"}
    for number in "01":
        (tmp_path / number).mkdir()
        loaded.save(tmp_path / number)
    assert files.content_hash(tmp_path / "0") == files.content_hash(tmp_path / "1")


def test_contributions_add_up_to_what_it_answers(fitted, data):  # noqa: F811
    for row in data.X_valid[:20]:
        found = fitted.contributions(row)
        [answer] = fitted.predict(row[None, :])
        assert found.baseline + found.amounts.sum() == pytest.approx(answer, rel=1e-6)
        assert [len(term) for term, _ in found.terms]  # of the products that a member weighs


def test_members_that_learnt_the_logarithm_answer_in_units(data, tmp_path):  # noqa: F811
    learnt = Scale("log1p", 0.0)
    members = []
    for name in ("linear_regression", "lightgbm"):
        estimator, _ = estimators.module(name).fit(settings(name), learnt.learnt(data))
        members.append(Member(name, 500, learnt.answering(estimator)))
    made = ensemble.of(members, learnt)
    made.save(tmp_path)
    loaded = ensemble.load(tmp_path)
    expected = sum(one.estimator.predict(data.X_valid) for one in members) / 2
    assert loaded.predict(data.X_valid) == pytest.approx(expected, rel=1e-12)
    assert loaded.predict(data.X_valid).tobytes() == made.predict(data.X_valid).tobytes()
    assert loaded.predict(data.X_valid).min() >= 0
    found = loaded.contributions(data.X_valid[0])
    [answer] = loaded.predict(data.X_valid[:1])
    assert found.baseline + found.amounts.sum() == pytest.approx(answer, rel=1e-6)


@pytest.mark.parametrize("strange", ["ensemble", "../../elsewhere", "ridge"])
def test_a_file_that_names_a_strange_member_is_refused(strange, tmp_path):
    files.write_json(tmp_path / "ensemble.json", {"weights": {strange: 1000}})
    with pytest.raises(PipelineError, match=r"^unknown member"):
        ensemble.load(tmp_path)


def test_it_is_among_the_models_only_where_one_was_made(tmp_path):
    for known, file, told in (
        (estimators.trained, "ensemble/model.json", {"name": "ensemble"}),
        (estimators.evaluated, "ensemble.json", {"test": {}}),
    ):
        assert known(tmp_path) == estimators.NAMES
        files.write_json(tmp_path / file, told)
        assert known(tmp_path) == (*estimators.NAMES, "ensemble")
    files.write_json(tmp_path / "ensemble.json", {})  # evaluate says that there is none
    assert estimators.evaluated(tmp_path) == estimators.NAMES
