"""A trial as docs/trials.md shows it, over real HTTP: two workers, one killed on the way.

A champion is in place, a challenger answers in the shadow and then a fifth of the customers, truths
come late and out of order, the verdict promotes it. Then the world changes: other orders come, of
which comes true what the champion before would have said. `make watch` sees it and alarms, `make
trial` sends the new champion back. The history tells all of it.
"""

import json
import re
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
from stages import champion, trial, watch
from tests import patience
from tests.bento_server import serve, stop
from tests.examples import set_params
from tests.kept import kept
from tests.shop import Shop, answering_version, traffic

ROWS, SHARE = 240, 20
WINDOW = 120  # rows; each half of the drifted ones fills one, wherever it begins
DEARER = 150.0  # by which the unit price drifts: nine tenths of its standard deviation


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


def told(url):
    """Return what /metrics tells of a trial, whichever worker is asked: all tell the same."""
    texts = {httpx.get(f"{url}/metrics").text for _ in range(6)}
    found = {
        name: {float(re.search(rf"^{name} (.*)$", text, re.M)[1]) for text in texts}
        for name in ("canary_percent", "challenger_on_trial")
    }
    assert all(len(values) == 1 for values in found.values()), found
    return {name: values.pop() for name, values in found.items()}


def watches(capsys):
    """Run `make watch`; return its exit code and what it says."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        run(watch)
    return ended.value.code, capsys.readouterr().out


@pytest.mark.end_to_end
def test_from_a_challenger_in_the_shadow_to_the_way_back(three, monkeypatch, capsys, tmp_path):
    address = str(three / "state/served")
    monkeypatch.setenv("SERVED", address)
    monkeypatch.setenv("WINDOW", str(WINDOW))
    for name in ("SINCE", "ALERT_URL"):
        monkeypatch.delenv(name, raising=False)
    set_params(
        {"trial.least_rows": 100, "trial.tightest_at": 200, "trial.rollback": "auto"}
        | {"trial.most_refused_pct": None}
    )
    run(champion, "promote", "challenger", "--reason", "where the story begins")  # xgboost 2
    process, url = serve(
        *(three / "models/promoted", tmp_path),
        **{"WORKERS": "2", "SERVED": address, "SERVED_SECONDS": "0.5"},
        WATCHED=str(three / "state/watch/metrics.json"),
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
        assert told(url) == {"canary_percent": SHARE, "challenger_on_trial": 1}
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
        code, said = watches(capsys)
        assert (code, "alarm, " in said) == (0, False), said
        run(trial)
        said = capsys.readouterr().out
        assert "champion: linear_regression, version 3" in said
        assert "watched over, beside xgboost, version 2" in said
        shown = httpx.get(f"{url}/trial").json()
        assert (shown["outcome"], shown["score"], shown["name"]) == ("better", "RMSE", "spring")
        assert shown["points"][-1]["low_pct"] > 0
        answering_version(url, 3)
        assert traffic(url) == {"challenger": 0.0, "trial": None, "answers": "champion"}
        assert told(url) == {"canary_percent": 0, "challenger_on_trial": 0}

        # Drift: dearer orders, of which comes true what the champion before would have said.
        later = shop.asks(ROWS, seed=23, dearer=DEARER)
        shop.until_kept(later)
        before = answering.load(Path("models/promoted"))["fallback"]
        assert before.entry["version"] == 2
        drifted = {
            name: before.one(json.dumps(shop.sent[name])).told["predicted_total_amount"]
            + (1 if number % 2 else -1)
            for number, name in enumerate(later)
        }
        shop.truths(drifted)
        code, said = watches(capsys)
        assert (code, "UnitPrice lies" in said, ": RMSE " in said) == (1, True, True), said
        seen = httpx.get(f"{url}/watch").json()
        assert (seen["state"], seen["champion"]["version"]) == ("alarm", 3)
        assert {alarm["kind"] for alarm in seen["alarms"]} >= {"drift", "rmse"}
        gauges = httpx.get(f"{url}/metrics").text
        assert 'watch_state{state="alarm"} 1.0' in gauges
        run(trial)
        assert "barred: linear_regression, version 3" in capsys.readouterr().out
        answering_version(url, 2)
    finally:
        stop(process)
    history = lines()
    at = history.index(("trial begun", 3, 2, "person", None))
    assert history[at - 1] == ("promoted", 2, 3, "person", None)
    assert history[at : at + 4] == [
        ("trial begun", 3, 2, "person", None),
        ("trial ended", 3, 2, "rule", "better"),
        ("promoted", 3, 2, "rule", None),
        ("watch begun", 3, 2, "rule", None),
    ]
    # An alarm a window, of which the drifted orders fill one or two; then the way back.
    assert {*history[at + 4 : -1]} == {("alarm", 3, None, "rule", None)}
    assert 1 <= len(history[at + 4 : -1]) <= 3
    assert history[-1] == ("rolled back", 2, 3, "rule", None)
    reasons = [event.reason for event in events()[at:]]
    assert "UnitPrice lies" in reasons[4]
    assert "on truths the champion before it, xgboost, version 2, has RMSE" in reasons[-1]
    run(champion, "history")
    text = capsys.readouterr().out.splitlines()
    assert len(text) == len(history) + 1
    read = [line.split("  ")[1].strip() for line in text[1:]]
    assert read == [what for what, *_ in history]


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
