"""Refused requests are counted to the second, and no count is lost or comes twice."""

import pyarrow.parquet as pq
import pytest

from sales.engine.execution import Local
from sales.serving.refusals import RefusedError
from sales.watching import joined, parts, refused
from sales.watching.windows import cuts, reading
from tests.examples import PUBLISHED_ORDER
from tests.kept import Keeping

MORNING = 1_795_651_200  # 2026-11-26 00:00 in UTC
MISSING = RefusedError(422, "invalid", [{"type": "missing", "loc": ["body", "Brand"], "msg": "…"}])
LARGE = RefusedError(413, "too_large", "the body is larger than 1 MB")


def kept(address) -> list[tuple]:
    found = [joined.read(str(address), part) for part in parts.listed(str(address), parts.REFUSED)]
    rows = [row for table in found if table for row in table.to_pylist()]
    return [
        (int(row["time"].timestamp()) - MORNING, *(row[name] for name in refused.SCHEMA.names[1:]))
        for row in rows
    ]


@pytest.fixture
def clock():
    return [float(MORNING)]


@pytest.fixture
def counts(tmp_path, clock):
    return refused.Refused(str(tmp_path), lambda: clock[0])


def test_one_second_one_reason_is_one_row(counts, clock, tmp_path):
    for error in (MISSING, LARGE, MISSING):
        counts.add("/predict", error)
    assert counts.write() > 0
    clock[0] += 1.5
    counts.add("/predict_batch", MISSING)
    counts.write()
    assert kept(tmp_path) == [
        (0, "/predict", "invalid", "missing", "Brand", 2),
        (0, "/predict", "too_large", "", "", 1),
        (1, "/predict_batch", "invalid", "missing", "Brand", 1),
    ]
    assert len([*parts.listed(str(tmp_path), parts.REFUSED)]) == 1
    assert counts.write() == 0


def test_what_the_disk_refuses_waits_and_what_is_there_does_not_come_twice(
    counts, clock, tmp_path, monkeypatch
):
    counts.add("/predict", MISSING)
    clock[0] += refused.DAY
    counts.add("/predict", LARGE)
    write, full = pq.write_table, []

    def write_table(table, file, **how):
        full.append(table)
        if len(full) in (2, 3):  # the first day is there, the second is not, and again is not
            raise OSError(28, "No space left on device")
        write(table, file, **how)

    monkeypatch.setattr(parts.pa.parquet, "write_table", write_table)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            counts.write()
    counts.add("/predict", LARGE)
    counts.write()
    assert sorted(kept(tmp_path)) == [
        (0, "/predict", "invalid", "missing", "Brand", 1),
        (refused.DAY, "/predict", "too_large", "", "", 2),
    ]


def test_what_waits_is_bounded_and_stays_in_its_day(counts, clock, tmp_path, monkeypatch):
    monkeypatch.setattr(refused, "MOST", 3)
    for _ in range(10):
        clock[0] += 1
        counts.add("/predict", LARGE)
    counts.write()
    assert [(row[0], row[-1]) for row in kept(tmp_path)] == [(0, 7), (1, 1), (2, 1), (3, 1)]


def test_windows_tell_them_by_reason(counts, clock, tmp_path):
    for error in (MISSING, MISSING, LARGE):
        counts.add("/predict", error)
    clock[0] += refused.DAY
    counts.add("/predict_file", LARGE)
    counts.write()
    log = reading.Log(str(tmp_path), "", 0)
    found = reading.refused(log, cuts.by_time(cuts.asked("day")), Local())
    day = MORNING * cuts.SECOND
    assert found == {
        day: {"missing Brand": 2, "too_large": 1},
        day + refused.DAY * cuts.SECOND: {"too_large": 1},
    }
    later = reading.Log(str(tmp_path), "2026-11-27", 1)
    week = reading.refused(later, cuts.by_time(cuts.asked("week")), Local())
    assert [*week.values()] == [{"too_large": 1}]
    rows = cuts.by_rows(cuts.asked("30"), {MORNING + 10: 40, MORNING + 20: 10})
    assert [*reading.refused(log, rows, Local())] == [
        (MORNING + 10) * cuts.SECOND,  # what came before the first row is in its window
        (MORNING + 20) * cuts.SECOND,
    ]
    assert reading.refused(log, cuts.by_rows(cuts.asked("30"), {}), Local()) == {}


def test_the_service_counts_what_was_no_prediction_and_keeps_nothing_of_it(promoted, tmp_path):
    service = Keeping(promoted, tmp_path)
    sent = "Jane Doe"
    without = {key: value for key, value in PUBLISHED_ORDER.items() if key != "Brand"}
    asked = [
        ("/predict", without, 422),
        ("/predict", {**PUBLISHED_ORDER, "Quantity": sent, sent: 1}, 422),
        ("/predict_batch", [{**without, sent: sent}], 422),
        ("/predict_batch", [], 400),
        ("/explain", {}, 422),  # is no prediction
    ]
    for route, body, status in asked:
        assert service.ask("POST", route, json=body).status_code == status
    broken = service.ask("POST", "/predict_file", content=f"{sent},{sent}\n1,2\n".encode())
    assert broken.status_code == 422
    playing = service.ask("POST", "/predict", json={}, headers={"X-Keep": "no"})
    assert playing.status_code == 422
    assert service.ask("GET", "/predict").status_code == 405
    service.log.flush()
    found = kept(service.address)
    assert sorted(row[1:] for row in found if row[1] != "/predict_file") == [
        ("/predict", "invalid", "float_type", "Quantity", 1),
        ("/predict", "invalid", "missing", "Brand", 1),
        ("/predict_batch", "empty", "", "", 1),
        ("/predict_batch", "invalid", "missing", "Brand", 1),
    ]
    assert sum(row[-1] for row in found) == 5
    assert sent not in str(found)
