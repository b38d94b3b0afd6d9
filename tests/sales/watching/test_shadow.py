"""The other model's prediction is kept beside the answer, and costs nobody anything."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sales.serving import answering
from sales.serving.on_trial import OnTrial, Told, Watch
from tests import patience
from tests.examples import PUBLISHED_ORDER, make_orders
from tests.kept import Keeping

SHADOW = ["shadow.alias", "shadow.version", "shadow.content_hash", "shadow.prediction"]


def sent(rows: int) -> list[dict]:
    orders = make_orders(rows, seed=3)
    return json.loads(orders.to_json(orient="records", date_format="iso", double_precision=15))


def pair(models) -> tuple[str, str]:
    return tuple(models[alias].model.content_hash for alias in ("champion", "challenger"))


@pytest.fixture
def trial(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SERVED_SECONDS="3600")
    told = Told(OnTrial("spring", *pair(service.models.models)))
    service.models.take(answering.load(promoted), told)
    return service


class Broken:
    """A model that does what it is told to in place of predicting."""

    def __init__(self, does):
        self.predict = does
        self.content_hash = "broken"


def breaks(service, does):
    champion, challenger = (service.models.models[a] for a in ("champion", "challenger"))
    broken = answering.Served(
        *("challenger", "small", challenger.model, challenger.schema, challenger.entry, None)
    )
    object.__setattr__(broken, "model", Broken(does))
    service.models.models["challenger"] = broken
    return champion


def test_in_a_trial_each_row_has_the_others_prediction_as_it_would_answer_itself(trial, promoted):
    orders = sent(40)
    for order in [*orders, PUBLISHED_ORDER]:
        trial.ask("POST", "/predict", json=order)
    trial.ask("POST", "/predict_batch", json=orders)
    trial.ask("POST", "/predict_file", content=make_orders(40, seed=4).to_csv(index=False).encode())
    rows = trial.rows()
    challenger = answering.load(promoted)["challenger"]
    alone = [challenger.one(json.dumps(o)).told["predicted_total_amount"] for o in orders]
    rows = rows.sort_values("time", kind="stable")
    singles = rows[(rows["route"] == "/predict") & rows["field.OrderDate"].notna()]
    assert singles["shadow.prediction"].tolist() == alone
    batch = rows[rows["route"] == "/predict_batch"]
    assert batch["shadow.prediction"].tolist() == alone
    assert len(rows) == 121
    assert rows["shadow.prediction"].notna().all()
    assert set(rows["shadow.content_hash"]) == {challenger.model.content_hash}
    assert set(rows["alias"]) == {"champion"}
    assert set(rows["shadow.alias"]) == {"challenger"}
    assert trial.counted("shadow_rows_total", alias="challenger") == 121


def test_what_the_challenger_answered_has_the_champions_beside_it(trial, promoted):
    trial.ask("POST", "/traffic", json={"challenger": 100})
    trial.ask("POST", "/predict", json=PUBLISHED_ORDER)
    [row] = trial.rows().to_dict("records")
    champion = answering.load(promoted)["champion"]
    told = champion.one(json.dumps(PUBLISHED_ORDER)).told["predicted_total_amount"]
    assert (row["alias"], row["shadow.alias"]) == ("challenger", "champion")
    assert row["shadow.prediction"] == told


def test_without_a_trial_there_is_none_unless_a_share_is_asked_for(promoted, tmp_path):
    for share, expected in (("", 0), ("0", 0), ("1", 30)):
        (tmp_path / f"of{share}").mkdir()
        service = Keeping(promoted, tmp_path / f"of{share}", SHADOW_SHARE=share)
        service.ask("POST", "/predict_batch", json=sent(30))
        rows = service.rows()
        assert len(rows) == 30
        found = rows.get("shadow.prediction")
        assert (0 if found is None else found.notna().sum()) == expected
        assert (set(SHADOW) <= set(rows.columns)) == bool(expected)


def test_of_a_share_each_single_request_is_drawn(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SHADOW_SHARE="0.3")
    for order in sent(50) * 4:
        service.ask("POST", "/predict", json=order)
    rows = service.rows()
    assert 20 <= rows["shadow.prediction"].notna().sum() <= 100
    assert (rows["shadow.alias"].isna() == rows["shadow.prediction"].isna()).all()


def test_after_a_promotion_the_champion_before_goes_on_until_the_watch_is_over(promoted, tmp_path):
    service = Keeping(promoted, tmp_path)
    models = service.models.models
    one, before = (models[alias].model.content_hash for alias in ("champion", "fallback"))
    for days, expected in ((1, True), (-1, False)):
        until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        service.models.take(answering.load(promoted), Told(watch=Watch(one, before, until)))
        service.ask("POST", "/predict", json=PUBLISHED_ORDER)
        row = service.rows().sort_values("time").iloc[-1]
        assert (row["shadow.alias"] == "fallback") == expected


def test_a_model_that_breaks_costs_nothing_and_is_told_once(trial, caplog):
    def fails(_):
        raise KeyError("Voltage")

    breaks(trial, fails)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            answered = trial.ask("POST", "/predict_batch", json=sent(30))
            assert answered.status_code == 200
            rows = trial.rows()
    assert len(rows) == 90
    assert rows["prediction"].notna().all()
    assert rows["shadow.prediction"].isna().all()
    assert trial.counted("shadow_rows_lost_total", reason="failed") == 90
    assert len(caplog.records) == 1
    assert "KeyError: 'Voltage'" in caplog.text


@pytest.mark.parametrize("answer", [lambda _: np.zeros(3), lambda _: np.full(30, np.inf)])
def test_answers_that_are_none_are_counted_and_left_out(trial, answer):
    breaks(trial, answer)
    trial.ask("POST", "/predict_batch", json=sent(30))
    rows = trial.rows()
    assert len(rows) == 30
    assert rows["shadow.prediction"].isna().all()
    lost = [trial.counted("shadow_rows_lost_total", reason=r) for r in ("failed", "not_finite")]
    assert sorted(lost) == [0, 30]


def test_a_model_that_hangs_holds_up_nobody_and_goes_on_later(promoted, tmp_path, caplog):
    service = Keeping(promoted, tmp_path, SERVED_SECONDS="0.8")  # a tenth of a second for it
    service.models.take(
        answering.load(promoted), Told(OnTrial("spring", *pair(service.models.models)))
    )
    goes_on, asked = threading.Event(), threading.Event()

    def hangs(orders):
        asked.set()
        goes_on.wait(patience.SECONDS)
        return np.ones(len(next(iter(orders.values()))))

    breaks(service, hangs)
    with caplog.at_level(logging.ERROR):
        for times in (1, 2):  # the second finds it at the first one still
            service.ask("POST", "/predict_batch", json=sent(30))
            assert len(service.rows()) == 30 * times
            assert asked.is_set()
    assert service.counted("shadow_rows_lost_total", reason="slow") == 60
    assert len(caplog.records) == 1
    goes_on.set()

    def answers() -> bool:
        service.ask("POST", "/predict_batch", json=sent(5))
        return service.rows()["shadow.prediction"].notna().any()

    patience.until(answers)


def test_a_slow_model_does_what_it_can(trial):
    clock = {"left": 40}

    def slow(orders):
        rows = len(next(iter(orders.values())))
        clock["left"] -= rows
        if clock["left"] < 0:
            trial.log._shadow._left = 0.0  # its time is over
        return np.ones(rows)

    breaks(trial, slow)
    trial.log._shadow._most = 10
    trial.ask("POST", "/predict_batch", json=sent(200))
    rows = trial.rows()
    done = int(rows["shadow.prediction"].notna().sum())
    assert 40 <= done < 200
    assert trial.counted("shadow_rows_lost_total", reason="slow") == 200 - done
