"""Why models of a run are not loaded: the broken rules in words, or how many are better."""

from tests.ui.shown import everything
from ui import other_models
from ui.client import Service

GAP = {"value": 2.51, "threshold": 2.0, "passed": False, "why": "the gap is 2.51, above 2"}
UNKNOWN = {"value": None, "threshold": None, "passed": False, "why": "test RMSE is missing"}
JUDGED = {
    "ranking": ["linear_regression", "xgboost"],
    "models": {
        "lightgbm": {
            "content_hash": "b",
            "verdict": "refused",
            "rules": {
                "max_generalization_gap_pct": GAP,
                "max_test_rmse": {"value": 300.0, "threshold": 250.0, "passed": False},
            },
            "valid_rmse": 290.0,
            "test_rmse": 300.0,
        },
        "linear_regression": {"content_hash": "a", "verdict": "passed", "rules": {}}
        | {"test_rmse": 0.0022},
        "random_forest": {"content_hash": "c", "verdict": "refused", "test_rmse": None}
        | {"rules": {"max_test_rmse": UNKNOWN}},
        "xgboost": {"content_hash": "d", "verdict": "passed", "rules": {}, "test_rmse": 2.3},
    },
}


def test_those_that_are_not_loaded_are_told_of_passed_ones_first():
    found = other_models.table(JUDGED, ["a", "elsewhere"], "$").map(lambda t: t.replace("\\", ""))
    assert found.to_numpy().tolist() == [
        ["XGBoost", "$2.30", "passed", "It passed as number 2 of 2: better ones answer"],
        [
            *("LightGBM", "$300.00", "refused"),
            "How much worse on new rows than on known ones: 2.51 %, at most 2 %; "
            "Typical error: $300.00, at most $250.00",
        ],
        ["Random forest", "not measured", "refused", "Typical error: not measured"],
    ]


def test_the_newest_models_run_is_the_one_that_is_told_of():
    models = [{"alias": "champion", "version": "3"}, {"alias": "challenger", "version": "12"}]
    old, new = {"judged": {"ranking": ["a"]}}, {"judged": {"ranking": ["b"]}}
    told = other_models.of_the_last_run
    assert told(models, {"champion": old, "challenger": new})["ranking"] == ["b"]
    assert told(models, {"champion": old, "challenger": {}})["ranking"] == ["a"]
    assert told(models, {"champion": {}, "challenger": None}) is None


def test_the_page_says_why_and_an_older_service_says_nothing(page, running, monkeypatch):
    assert "do not answer" not in " ".join(one.label for one in page("models", running).expander)
    ask = Service.evaluation
    monkeypatch.setattr(
        Service, "evaluation", lambda self, alias: {**ask(self, alias), "judged": JUDGED}
    )
    app = page("models", running)
    labels = [one.label for one in app.expander]
    [label] = [label for label in labels if label.startswith("Why others do not answer")]
    assert label.endswith(": 2 refused, 2 passed")  # none of them is among the small export's
    assert "Judged in the same run" in everything(app)
    [shown] = [one.value for one in app.table if "Why" in one.value.columns]
    whys = [told.replace("\\", "") for told in shown["Why"]]
    assert whys[0] == "It passed as the best of 2, and did not beat the champion"
    assert whys[-1] == "Typical error: not measured"
    assert not app.exception
