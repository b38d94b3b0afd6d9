"""Every name and expression of params.yaml, held against the contract before anything runs."""

from pathlib import Path

import pytest

from sales import files, params
from sales.contract import Contract, mentions
from sales.errors import PipelineError
from stages import evaluate, featurize, prepare, train
from tests.examples import set_params


def test_the_committed_expressions_are_right(project):
    mentions.check()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (
            "featurize.derived.OrderYear",
            "year(UnitPrice)",
            "params.yaml: featurize.derived.OrderYear: year() is of a date, and 'UnitPrice' a",
        ),
        ("featurize.derived.Unused", "Prize * 2", "featurize.derived.Unused: 'Prize' is no column"),
        ("featurize.derived.Unused", "class * 2", "write `class` in backticks"),
        (
            "evaluate.behaviour.higher_price.becomes",
            "UnitPrice *",
            "params.yaml: evaluate.behaviour.higher_price: 'UnitPrice *' is not an expression",
        ),
        (
            "evaluate.behaviour.higher_price.becomes",
            "OrderDate",
            "evaluate.behaviour.higher_price: 'OrderDate' is a date, not a number",
        ),
        (
            "evaluate.behaviour.higher_price.column",
            "Prize",
            "evaluate.behaviour.higher_price: 'Prize' is no column of the contract",
        ),
        (
            "evaluate.slices.Colour",
            {},
            "params.yaml: evaluate.slices.Colour: 'Colour' is no column of the contract that is",
        ),
        (
            "evaluate.inclusion.Colour",
            {},
            "params.yaml: evaluate.inclusion.Colour: 'Colour' is no column of the contract that is",
        ),
        ("evaluate.slices.SellerID", {}, "'SellerID' is no column of the contract that is read"),
        (
            "evaluate.slices.City",
            {"edges": [1, 2]},
            "params.yaml: evaluate.slices.City.edges: they cut numbers, and 'City' is categorical",
        ),
        (
            "evaluate.slices",
            {False: {}},
            "params.yaml: evaluate.slices.0.[key]: YAML reads no, off or false as a truth",
        ),
        (
            "featurize.feature_sets.later",  # not the chosen one
            {"start": "order", "add": ["NetAmount", "Colour"]},
            "params.yaml: featurize.feature_sets.later: 'Colour' is neither a numeric or",
        ),
        (
            "featurize.feature_sets.later",
            {"add": ["OrderDate"]},
            "later: 'OrderDate' is a date: name what it tells in featurize.derived, such as month(",
        ),
        (
            "featurize.feature_sets.later",
            {"add": ["TotalAmount"]},
            "later: 'TotalAmount' is the target, which a model does not see",
        ),
        (
            "contract.rules.late",
            {"left": "Quantity", "right": "year(UnitPrice)", "tolerance": 0},
            "rules.late: year() is of a date, and 'UnitPrice' a number",
        ),
        (
            "contract.breakdown.Tax",
            "day_of_week(Tax)",
            "breakdown.Tax: day_of_week() is of a date, and 'Tax' a number",
        ),
    ],
)
def test_a_wrong_one_is_found_before_any_stage_has_done_anything(project, key, value, told):
    set_params({key: value})
    with pytest.raises(PipelineError) as caught:
        mentions.check()
    assert told in str(caught.value)


@pytest.mark.parametrize("stage", [prepare, featurize, train, evaluate])
def test_each_stage_says_so_before_it_reads_a_row(project, monkeypatch, stage):
    set_params({"evaluate.slices": {"Colour": {}}})
    monkeypatch.setattr("sys.argv", ["train", "xgboost"])
    files.write_json(Path("data/contract.json"), params.read("contract", Contract).model_dump())
    with pytest.raises(PipelineError, match=r"^params\.yaml: evaluate\.slices\.Colour: 'Col"):
        stage.main()


def test_what_else_is_wrong_with_a_group_is_left_to_who_reads_it(project):
    for key in ("featurize", "evaluate"):
        set_params({key: None})
    mentions.check()
    set_params({"evaluate": {"behaviour": {"a": 1, "b": {"column": 2}}, "slices": {"City": 3}}})
    set_params({"featurize": {"derived": 1, "feature_sets": {"a": 2, "b": {"add": [3, None]}}}})
    mentions.check()
    assert Path("params.yaml").exists()
