"""What a registry holds becomes a folder of exports, whole or not at all."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from sales import files
from sales.errors import PipelineError
from sales.serving import answering, downloads, on_trial
from sales.serving.downloads import Downloads
from sales.serving.mlflow_server import AwayError, Version
from sales.serving.on_trial import OnTrial, Told

MOMENT = 0.5  # seconds, for what must not happen


class Shelf:
    """A registered model as a folder of exports has it: one version for each of its aliases."""

    name = "shelf"
    on_trial = ""

    def __init__(self, exports: Path) -> None:
        self._exports, self._entries = exports, files.read_json(exports / "promoted.json")
        self.asked: list[tuple[str, int]] = []
        self.without: set[str] = set()  # texts that no run has
        self.bends: dict[int, float] = {}  # what a version's golden prediction is bent by
        self.away = False

    def version(self, alias: str, **changes) -> Version:
        entry = self._entries[alias]
        keys = ("version", "run_id", "model", "content_hash")
        return Version(**{**{key: entry[key] for key in keys}, **changes})

    def all(self) -> dict[str, Version]:
        return {alias: self.version(alias) for alias in answering.ALIASES}

    def holders(self) -> dict[str, Version]:
        return self.all()

    def model(self, of: Version, into: Path) -> Path:
        self.asked.append(("model", of.version))
        if self.away:
            raise AwayError("gone")
        return shutil.copytree(self._exports / self._alias(of), into / "model")

    def texts(self, of: Version) -> dict[str, str]:
        self.asked.append(("texts", of.version))
        entry = self._entries[self._alias(of)]
        golden = dict(entry["golden"])
        golden["prediction"] += self.bends.get(of.version, 0)
        told = {
            "served.json": json.dumps({"metrics": entry["metrics"], "golden": golden}),
            "evaluation.json": (self._exports / f"evaluation/{self._alias(of)}.json").read_text(),
            "data.json": json.dumps({"rows_in": of.version}),
            "card.md": f"# {of.version}",
        }
        return {name: text for name, text in told.items() if name not in self.without}

    def _alias(self, of: Version) -> str:
        return next(a for a in answering.ALIASES if self._entries[a]["version"] == of.version)


@pytest.fixture
def shelf(promoted):
    return Shelf(promoted)


@pytest.fixture
def untried(monkeypatch):
    """Let exports pass untried, as each trial takes a process of its own a second."""
    tried = []
    monkeypatch.setattr(downloads.loading_check, "failing", lambda _, new: tried.extend(new) or {})
    return tried


def test_it_lies_as_register_writes_it(shelf, promoted, tmp_path):
    ours = Downloads(tmp_path / "here")
    assert ours.held() == {}
    assert ours.bring(shelf, shelf.all()) == []
    assert ours.held() == shelf.all()
    told = files.read_json(ours.link / "promoted.json")
    assert told == {**files.read_json(promoted / "promoted.json"), "model_name": "shelf"}
    for alias in answering.ALIASES:
        assert files.content_hash(ours.link / alias) == told[alias]["content_hash"]
        for within in (f"evaluation/{alias}.json",):
            assert (ours.link / within).read_text() == (promoted / within).read_text()
        assert (ours.link / f"cards/{alias}.md").read_text() == f"# {told[alias]['version']}"
    assert files.read_json(ours.link / "data.json") == {"rows_in": 1}  # the champion's
    served = answering.load(ours.link)
    assert [one.entry["version"] for one in served.values()] == [1, 2, 3]


def test_nothing_is_asked_for_twice(shelf, untried, tmp_path):
    ours = Downloads(tmp_path)
    ours.bring(shelf, shelf.all())
    link, asked = ours.link.readlink(), list(shelf.asked)
    assert sorted(asked) == [(what, n) for what in ("model", "texts") for n in (1, 2, 3)]
    ours.bring(shelf, shelf.all())
    assert ours.link.readlink() == link
    changed = {"champion": shelf.version("challenger"), "fallback": shelf.version("champion")}
    ours.bring(shelf, changed)
    assert (shelf.asked, ours.held()) == (asked, changed)
    assert untried == list(answering.ALIASES)
    assert files.read_json(ours.link / "data.json") == {"rows_in": 2}
    assert not (ours.link / "challenger").exists()


def test_the_generation_before_stays_for_who_is_reading_it_and_older_ones_go(
    shelf, untried, tmp_path
):
    ours = Downloads(tmp_path)
    seen = []
    for alias in ("champion", "challenger", "fallback"):
        ours.bring(shelf, {"champion": shelf.version(alias)})
        seen.append(ours.link.resolve())
    assert sorted(path for path in tmp_path.iterdir() if path.is_dir()) == sorted(
        [*seen[1:], ours.link]
    )


@pytest.mark.parametrize("alias", ["champion", "challenger"])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"content_hash": "0" * 64}, "its content hash differs"),
        ({"content_hash": ""}, "has no tag content_hash"),
        ({}, "answers its golden row with"),
    ],
)
def test_what_is_not_right_changes_nothing_or_is_left_out(shelf, tmp_path, alias, changes, why):
    ours = Downloads(tmp_path)
    ours.bring(shelf, {"champion": shelf.version("fallback")})
    before = ours.link.resolve()
    if not changes:
        shelf.bends[shelf.version(alias).version] = 1.0
    wanted = {
        "champion": shelf.version("fallback"),
        alias: shelf.version(alias, **changes),
    }
    if alias == "champion":
        with pytest.raises(PipelineError, match=why):
            ours.bring(shelf, wanted)
    else:
        [complaint] = ours.bring(shelf, wanted)
        assert complaint.startswith("no challenger: ")
        assert why in complaint
    assert ours.link.resolve() == before
    assert [path for path in tmp_path.iterdir() if path.is_dir()] != []
    assert set(answering.load(ours.link)) == {"champion"}


def test_a_version_without_its_golden_order_is_told_of(shelf, tmp_path):
    shelf.without = {"served.json"}
    with pytest.raises(PipelineError, match=r"version 1 of 'shelf' brings no served\.json"):
        Downloads(tmp_path).bring(shelf, shelf.all())


@pytest.mark.parametrize(
    ("text", "content", "why"),
    [
        ("served.json", "[]", "brings no served"),
        ("served.json", '{"golden": {}}', "brings no served"),
        ("served.json", "{", "is no JSON"),
        ("data.json", "{", "is no JSON"),
        ("evaluation.json", "", "is no JSON"),
    ],
)
def test_texts_that_say_nothing_are_told_of(shelf, tmp_path, monkeypatch, text, content, why):
    texts = shelf.texts
    monkeypatch.setattr(shelf, "texts", lambda of: {**texts(of), text: content})
    with pytest.raises(PipelineError, match=why):
        Downloads(tmp_path).bring(shelf, shelf.all())
    assert not (tmp_path / "promoted").exists()


def test_one_version_of_two_aliases_comes_once(shelf, untried, tmp_path):
    both = {"champion": shelf.version("fallback"), "challenger": shelf.version("fallback")}
    ours = Downloads(tmp_path)
    assert ours.bring(shelf, both) == []
    assert ours.held() == both
    assert sorted(shelf.asked) == [("model", 3), ("texts", 3)]


def test_what_older_versions_lack_is_not_missed(shelf, untried, tmp_path):
    shelf.without = {"evaluation.json", "data.json", "card.md"}
    ours = Downloads(tmp_path)
    assert ours.bring(shelf, shelf.all()) == []
    served = answering.load(ours.link)
    assert served["champion"].evaluation is None
    assert not (ours.link / "data.json").exists()


def test_a_registry_that_goes_away_meanwhile_leaves_all_as_it_was(shelf, untried, tmp_path):
    ours = Downloads(tmp_path)
    ours.bring(shelf, {"champion": shelf.version("champion")})
    before = sorted(path.name for path in tmp_path.iterdir())
    shelf.away = True
    with pytest.raises(AwayError):
        ours.bring(shelf, shelf.all())
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_a_disk_has_spoilt_is_not_held_and_is_brought_again(shelf, untried, tmp_path):
    ours = Downloads(tmp_path)
    ours.bring(shelf, shelf.all())
    (ours.link / "champion" / "model.json").write_text("{}")
    (ours.link / "texts" / "challenger.json").write_text("{")
    assert set(ours.held()) == {"fallback"}
    shelf.asked.clear()
    ours.bring(shelf, shelf.all())
    assert ours.held() == shelf.all()
    assert {number for _, number in shelf.asked} == {1, 2}


TOLD = {"decision": {"reason": "better"}, "spans": [{"name": "may.csv", "first_seen": None}]}


def test_what_a_version_is_told_with_lies_where_a_service_looks_for_it(shelf, untried, tmp_path):
    ours, text = Downloads(tmp_path), json.dumps(TOLD)
    wanted = {a: shelf.version(a, told=text) for a in ("champion", "challenger")}
    assert ours.bring(shelf, wanted) == []
    assert ours.held() == wanted
    assert files.read_json(ours.link / "data.json") == {
        "rows_in": 1,
        "spans": [{**TOLD["spans"][0], "since_champion": "known"}],
        "rows_since_champion": 0,
    }
    for served in answering.load(ours.link).values():
        assert served.evaluation["decision"] == TOLD["decision"]
        assert "told" not in served.entry


def test_what_is_told_anew_needs_no_download_and_no_trial(shelf, untried, tmp_path):
    """Of before it was told, and where another decision was made since."""
    ours = Downloads(tmp_path)
    ours.bring(shelf, {"champion": shelf.version("champion")})
    asked, link = list(shelf.asked), ours.link.resolve()
    for text in (json.dumps(TOLD), json.dumps({"decision": None, "spans": None}), ""):
        wanted = {"champion": shelf.version("champion", told=text)}
        assert ours.bring(shelf, wanted) == []
        assert ours.held() == wanted
        assert (shelf.asked, untried) == (asked, ["champion"])
        assert ours.link.resolve() != link
        evaluation = answering.load(ours.link)["champion"].evaluation
        assert evaluation.get("decision") == (TOLD["decision"] if "better" in text else None)


@pytest.mark.parametrize("told", ["", "[]", '{"champion": 3}', '{"champion": {"version": 1}}'])
def test_a_spoilt_record_holds_nothing(shelf, untried, tmp_path, told):
    ours = Downloads(tmp_path)
    ours.bring(shelf, shelf.all())
    (ours.link / "promoted.json").write_text(told)
    assert ours.held() == {}
    ours.bring(shelf, shelf.all())
    assert ours.held() == shelf.all()


def test_only_one_at_a_time_changes_the_folder(shelf, untried, tmp_path):
    ours = Downloads(tmp_path)
    other = threading.Thread(target=Downloads(tmp_path).bring, args=(shelf, shelf.all()))
    with ours._locked():
        other.start()
        other.join(MOMENT)
        assert other.is_alive()
        assert ours.held() == {}
    other.join()
    assert ours.held() == shelf.all()


def test_who_is_on_trial_comes_along_and_goes_again(promoted, tmp_path):
    shelf, ours = Shelf(promoted), Downloads(tmp_path)
    assert ours.bring(shelf, shelf.all()) == []
    asked = [*shelf.asked]
    for told in (Told(OnTrial("spring", "a", "b", 5.0)), Told(OnTrial("spring", "a", "b")), Told()):
        shelf.on_trial = on_trial.written(told)
        before = answering.stamp(ours.link)
        assert ours.bring(shelf, shelf.all()) == []
        assert on_trial.read(ours.link) == told
        assert answering.stamp(ours.link) != before  # so that workers look
        assert ours.bring(shelf, shelf.all()) == []
    assert shelf.asked == asked  # nothing was downloaded again


def test_what_is_told_of_a_trial_and_is_none_is_told_and_stops_no_promotion(promoted, tmp_path):
    shelf, ours = Shelf(promoted), Downloads(tmp_path)
    shelf.on_trial = "{"
    [told] = ours.bring(shelf, shelf.all())
    assert told.startswith("no trial: trial.json is cut short, or not ours")
    assert ours.held() == shelf.all()
    assert on_trial.read(ours.link) == Told()
