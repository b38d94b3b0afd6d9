"""What is too old or too much goes, the oldest first."""

from datetime import date
from pathlib import Path

import pytest

from sales.watching import bounds, parts

TODAY = date(2026, 11, 26)


@pytest.fixture
def address(tmp_path) -> str:
    sizes = {
        "rows/day=2026-11-20/0001.a.parquet": 300_000,
        "truths/day=2026-11-21/0002.a.parquet": 300_000,
        "rows/day=2026-11-26/0003.a.parquet": 300_000,
        "rows/day=2026-11-26/0004.a.parquet": 300_000,
        "rows/day=2026-11-26/.0004.a.parquet.1234.part": 300_000,
        "rows/notes.txt": 300_000,
    }
    for name, size in sizes.items():
        path = tmp_path / "served" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    return str(tmp_path / "served")


def left(address: str) -> list[str]:
    kinds = (parts.ROWS, parts.TRUTHS)
    return [part.name[:4] for kind in kinds for part in parts.listed(address, kind)]


@pytest.mark.parametrize(
    ("days", "mb", "kept"),
    [
        (90, 100, ["0001", "0003", "0004", "0002"]),
        (6, 100, ["0001", "0003", "0004", "0002"]),
        (5, 100, ["0003", "0004", "0002"]),
        (4, 100, ["0003", "0004"]),
        (1, 100, ["0003", "0004"]),
        (90, 1.2, ["0001", "0003", "0004", "0002"]),
        (90, 1.1, ["0003", "0004", "0002"]),
        (90, 0.5, ["0004"]),
        (90, 0.1, []),
        (4, 0.3, ["0004"]),
    ],
)
def test_days_and_megabytes(address, days, mb, kept):
    removed, size = bounds.kept_to(address, days, mb, TODAY)
    assert left(address) == kept
    assert (len(removed), size) == (4 - len(kept), 300_000 * len(kept))
    assert Path(address, "rows/notes.txt").exists()  # nothing of ours


def test_a_day_of_which_nothing_is_left_has_no_folder(address):
    bounds.kept_to(address, 5, 100, TODAY)
    assert not Path(address, "rows/day=2026-11-20").exists()
    assert Path(address, "truths/day=2026-11-21").exists()


def test_counts_of_refused_requests_go_by_age_too(address):
    path = Path(address, "refused/day=2026-11-20/0001.a.parquet")
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(1000))
    bounds.kept_to(address, 6, 100, TODAY)
    assert path.exists()
    bounds.kept_to(address, 5, 100, TODAY)
    assert not path.parent.exists()


def test_where_nothing_was_ever_kept_nothing_is_done(tmp_path):
    assert bounds.kept_to(str(tmp_path / "none"), 1, 1, TODAY) == ([], 0)


def test_what_another_one_removes_meanwhile_is_gone(address, monkeypatch):
    found = [*parts.listed(address, parts.ROWS)]
    monkeypatch.setattr(parts, "listed", lambda _, kind: found if kind == parts.ROWS else [])
    Path(parts.path_of(address, found[0])).unlink()
    removed, _ = bounds.kept_to(address, 5, 100, TODAY)
    assert removed == found[:1]
