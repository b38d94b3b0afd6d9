"""A trial as docs/trials.md shows it, over real HTTP: two workers, one killed on the way.

A champion is in place, a challenger answers in the shadow and then a fifth of the customers, truths
come late and out of order, the verdict promotes it. Then the world changes: what comes true is what
the champion before would have said, and the new one goes by itself. The history tells all of it.
"""

import json
import shutil
import sys
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from sales import params
from sales.registry import changing, tracking
from sales.serving import answering
from sales.serving.following import Promoted
from stages import champion, trial
from tests import patience
from tests.bento_server import serve, stop
from tests.examples import make_orders, set_params
from tests.kept import kept

ROWS, SHARE = 240, 20


def run(module, *words):
    sys.argv = ["story", *words]
    module.main()


def events():
    return changing.events(params.read("register", tracking.RegisterParams))


def lines():
    """Return the history, a line an event: what, to and from which version, by whom, how."""
    return [
        (e.what, e.to and e.to.version, e.from_ and e.from_.version, e.by, e.outcome)
        for e in events()
    ]


class Shop:
    """Whoever asks for prices, and sends what came true."""

    def __init__(self, url: str, address: str) -> None:
        self.url, self.address = url, address
        self.sent: dict[str, dict] = {}

    def asks(self, rows: int, seed: int) -> dict[str, dict]:
        """Ask for prices one by one; return the answers by the order's id, all 200."""
        orders = make_orders(rows, seed=seed)
        orders["OrderID"] = [f"S{seed}-{number}" for number in range(rows)]
        told = {}
        with httpx.Client(base_url=self.url) as client:
            for text in orders.to_json(orient="records", lines=True, date_format="iso").split("\n"):
                if text:
                    order = json.loads(text)
                    answer = client.post("/predict", json=order)
                    assert answer.status_code == 200
                    told[order["OrderID"]] = answer.json()
                    self.sent[order["OrderID"]] = order
        return told

    def until_kept(self, ids) -> None:
        """Wait until answers are on disk."""
        wanted = {*ids}
        patience.until(lambda: wanted <= {*kept(self.address).get("key.OrderID", ())}, every=0.3)

    def truths(self, told) -> None:
        """Send what came true, by the order's id."""
        body = [{"OrderID": name, "TotalAmount": value} for name, value in told.items()]
        answered = httpx.post(f"{self.url}/truths", json=body)
        assert answered.json() == {"kept": len(body)}


def traffic(url, percent=None):
    if percent is None:
        return httpx.get(f"{url}/traffic").json()
    return httpx.post(f"{url}/traffic", json={"challenger": percent}).json()


def answering_version(url, expected):
    """Wait until ten answers in a row come from a version: any worker may take each."""
    order = json.loads(make_orders(1).to_json(orient="records", date_format="iso"))[0]

    def holds() -> bool:
        told = [
            httpx.post(f"{url}/predict", json=order, headers={"X-Keep": "no"}).json()["model"]
            for _ in range(10)
        ]
        return {one["version"] for one in told} == {expected}

    patience.until(holds)


@pytest.mark.end_to_end
def test_from_a_challenger_in_the_shadow_to_the_way_back(three, monkeypatch, capsys, tmp_path):
    address = str(three / "state/served")
    monkeypatch.setenv("SERVED", address)
    set_params(
        {"trial.least_rows": 100, "trial.tightest_at": 200, "trial.rollback": "auto"}
        | {"trial.most_refused_pct": None}
    )
    run(champion, "promote", "challenger", "--reason", "where the story begins")  # xgboost 2
    process, url = serve(
        three / "models/promoted", tmp_path, WORKERS="2", SERVED=address, SERVED_SECONDS="0.5"
    )
    monkeypatch.setenv("API_URL", url)
    shop = Shop(url, address)
    try:
        # In the shadow: nobody is answered by the challenger.
        run(trial, "--name", "spring")
        patience.until(lambda: traffic(url)["trial"] == "spring")
        quiet = shop.asks(ROWS, seed=21)
        assert {one["model"]["alias"] for one in quiet.values()} == {"champion"}
        shop.until_kept(quiet)

        # The canary; a worker is killed, and its successor deals customers out alike.
        assert traffic(url, SHARE)["challenger"] == SHARE
        first = shop.asks(ROWS, seed=22)
        workers = psutil.Process(process.pid).children()
        assert len(workers) == 2
        shop.until_kept(first)
        workers[0].kill()
        workers[0].wait()
        patience.until(lambda: len(psutil.Process(process.pid).children()) == 2)
        patience.until(lambda: httpx.get(f"{url}/readyz").status_code == 200)
        again = shop.asks(ROWS, seed=22)
        dealt = {name: one["model"]["alias"] for name, one in first.items()}
        assert {name: one["model"]["alias"] for name, one in again.items()} == dealt
        share = list(dealt.values()).count("challenger") / len(dealt)
        assert abs(share - SHARE / 100) < 5 * np.sqrt(0.16 / len(dealt))

        # Truths come late, the last orders first; a few are not yet a verdict.
        true = {name: order["TotalAmount"] for name, order in shop.sent.items()}
        names = [*true][::-1]
        shop.truths({name: true[name] for name in names[:50]})
        run(trial)
        assert "not yet" in capsys.readouterr().out
        shop.truths({name: true[name] for name in names[50:]})
        shop.until_kept(again)
        patience.until(lambda: kept(address)["truth"].notna().sum() >= 2 * ROWS)
        run(trial)
        said = capsys.readouterr().out
        assert "champion: linear_regression, version 3" in said
        assert "watched over, beside xgboost, version 2" in said
        shown = httpx.get(f"{url}/trial").json()
        assert (shown["outcome"], shown["score"], shown["name"]) == ("better", "RMSE", "spring")
        assert shown["points"][-1]["low_pct"] > 0
        answering_version(url, 3)
        assert traffic(url) == {"challenger": 0.0, "trial": None, "answers": "champion"}

        # Drift: what comes true is what the champion before would have said.
        later = shop.asks(ROWS, seed=23)
        shop.until_kept(later)
        before = answering.load(Path("models/promoted"))["fallback"]
        assert before.entry["version"] == 2
        drifted = {
            name: before.one(json.dumps(shop.sent[name])).told["predicted_total_amount"]
            + (1 if number % 2 else -1)
            for number, name in enumerate(later)
        }
        shop.truths(drifted)
        run(trial)
        assert "barred: linear_regression, version 3" in capsys.readouterr().out
        answering_version(url, 2)
    finally:
        stop(process)
    history = lines()
    at = history.index(("trial begun", 3, 2, "person", None))
    assert history[at - 1] == ("promoted", 2, 3, "person", None)
    assert history[at:] == [
        ("trial begun", 3, 2, "person", None),
        ("trial ended", 3, 2, "rule", "better"),
        ("promoted", 3, 2, "rule", None),
        ("watch begun", 3, 2, "rule", None),
        ("rolled back", 2, 3, "rule", None),
    ]
    reasons = [event.reason for event in events()[at:]]
    assert "on truths the champion before it, xgboost, version 2, has RMSE" in reasons[-1]
    run(champion, "history")
    text = capsys.readouterr().out.splitlines()
    assert len(text) == len(history) + 1
    assert [what in line for what, line in zip(("begun", "ended"), text[at + 1 :], strict=False)]


@pytest.mark.parametrize("text", ["{", '{"trial": {"strange": 1}}'])
def test_a_server_goes_on_where_what_is_told_of_a_trial_is_damaged(promoted, tmp_path, text):
    exports = shutil.copytree(promoted, tmp_path / "exports")
    models = Promoted(exports, tmp_path)
    models.take(answering.load(exports))
    seen = answering.stamp(exports)
    (exports / "trial.json").write_text(text)
    shutil.copy(exports / "promoted.json", exports / "next")
    (exports / "next").replace(exports / "promoted.json")
    assert models.look(seen) == seen
    assert "cut short, or not ours" in models.behind_why
    assert models.now().alias == "champion"
    (exports / "trial.json").unlink()
    assert models.look(seen) != seen
    assert models.behind_why == ""
