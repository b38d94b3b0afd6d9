"""What was made from one thing is refused beside another, by name, and only then."""

from pathlib import Path

import pytest

from sales import files
from sales.errors import PipelineError
from sales.models import belonging

PREPARED, FEATURES, MODELS = Path("data/prepared"), Path("data/features"), Path("models")
METRICS, CARDS = Path("metrics"), Path("cards")
NAMES = ("one", "two")
MODEL_FOLDERS = [MODELS / name for name in NAMES]
ALIKE = {name: METRICS / f"{name}.json" for name in NAMES}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Change into a folder that holds what one run leaves, each file made of the one before."""
    monkeypatch.chdir(tmp_path)
    for table in belonging.TABLES:
        write(PREPARED / table, f"orders of {table}")
        write(FEATURES / table, f"numbers of {table}")
    write(PREPARED / "quarantine.csv", "file,row,column,value,reason\n")
    files.write_json(FEATURES / belonging.MADE_OF, belonging.of_features(PREPARED))
    files.write_json(METRICS / "data.json", {"sha256": files.content_hash(PREPARED)})
    train()
    evaluate()
    judge()


def train():
    for folder in MODEL_FOLDERS:
        folder.mkdir(parents=True, exist_ok=True)
        about = {"name": folder.name, **belonging.of_model(FEATURES)}
        files.write_json(folder / "model.json", about)


def evaluate():
    found = belonging.of_metrics(PREPARED, FEATURES, MODEL_FOLDERS)
    for path, made_of in zip(ALIKE.values(), found, strict=True):
        files.write_json(path, {"rmse": 1.0, "made_of": made_of})


def judge():
    files.write_json(METRICS / "gate.json", {"made_of": belonging.of_gate(ALIKE)})
    made_of = belonging.of_cards(METRICS / "gate.json", METRICS / "data.json")
    files.write_json(CARDS / belonging.MADE_OF, made_of)


def hold():
    hashes = {folder.name: files.content_hash(folder) for folder in MODEL_FOLDERS}
    belonging.hold(PREPARED, hashes, METRICS, CARDS)


def test_what_one_run_made_belongs_together(run):
    hold()
    evaluate()
    judge()
    hold()  # and the same again is the same


@pytest.mark.parametrize("table", belonging.TABLES)
def test_no_model_is_scored_on_other_rows_than_the_features_are_of(run, table):
    write(PREPARED / table, "other orders")
    with pytest.raises(PipelineError) as caught:
        evaluate()
    assert str(caught.value) == (
        f"data/features was not made from data/prepared/{table} as it is now: another run has been "
        "at work in this folder meanwhile. When it has ended, run `make repro` again"
    )


@pytest.mark.parametrize("table", ["train.parquet", "valid.parquet"])
def test_no_model_is_scored_that_learnt_from_other_rows(run, table):
    write(FEATURES / table, "other numbers")
    with pytest.raises(
        PipelineError, match=r"^models/one was not made from data/features as it is"
    ):
        evaluate()


def test_a_model_is_the_same_whatever_rows_test_it(run):
    before = {folder: files.content_hash(folder) for folder in MODEL_FOLDERS}
    write(FEATURES / "test.parquet", "other numbers")
    train()
    assert {folder: files.content_hash(folder) for folder in MODEL_FOLDERS} == before


def test_one_model_of_the_other_run_is_enough(run):
    about = files.read_json(MODELS / "two/model.json")
    files.write_json(MODELS / "two/model.json", {**about, "valid_sha256": "e" * 64})
    with pytest.raises(PipelineError, match=r"^models/two was not made from data/features"):
        evaluate()


def test_what_names_nothing_belongs_nowhere(run):
    """As an older version of this project wrote it."""
    files.write_json(MODELS / "one/model.json", {"name": "one"})
    with pytest.raises(PipelineError, match=r"^models/one was not made from"):
        evaluate()
    for path in ALIKE.values():
        files.write_json(path, {"rmse": 1.0})
    with pytest.raises(PipelineError, match=r"^metrics/two.json was not made from"):
        judge()


def test_metrics_of_two_runs_are_not_ranked(run):
    write(PREPARED / "quarantine.csv", "another row was bad\n")
    [_, two] = belonging.of_metrics(PREPARED, FEATURES, MODEL_FOLDERS)
    files.write_json(ALIKE["two"], {"rmse": 1.0, "made_of": two})
    with pytest.raises(PipelineError, match=r"metrics/two.json .* from the rows of metrics/one"):
        judge()


CHANGED = {
    "data/prepared/train.parquet": "metrics/data.json was not made from data/prepared",
    "models/two/extra": "metrics/two.json was not made from models/two",
    "metrics/two.json": "metrics/gate.json was not made from metrics/two.json",
    "metrics/gate.json": "cards was not made from metrics/gate.json",
    "metrics/data.json": "cards was not made from metrics/data.json",
}


@pytest.mark.parametrize("path", CHANGED)
def test_nothing_is_registered_beside_what_it_was_not_made_from(run, path):
    if path.endswith(".json"):
        files.write_json(Path(path), {**files.read_json(Path(path)), "changed": True})
    else:
        write(Path(path), "changed")
    with pytest.raises(PipelineError) as caught:
        hold()
    assert str(caught.value).startswith(CHANGED[path])
    assert "\n" not in str(caught.value)


def test_nothing_is_registered_with_scores_on_other_rows(run):
    write(PREPARED / "test.parquet", "other orders")
    files.write_json(METRICS / "data.json", {"sha256": files.content_hash(PREPARED)})
    with pytest.raises(PipelineError, match=r"^metrics/one.json was not made from data/prepared"):
        hold()


def test_a_table_may_be_a_folder(run):
    """As a cluster writes it."""
    for folder in (PREPARED, FEATURES):
        for table in belonging.TABLES:
            (folder / table).unlink()
            for number in range(2):
                write(folder / table / f"part.{number}.parquet", f"{folder} {table} {number}")
    files.write_json(FEATURES / belonging.MADE_OF, belonging.of_features(PREPARED))
    train()
    evaluate()
    write(PREPARED / "test.parquet/part.1.parquet", "other orders")
    with pytest.raises(PipelineError, match=r"data/prepared/test.parquet"):
        evaluate()
