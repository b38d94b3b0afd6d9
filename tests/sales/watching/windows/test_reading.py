"""The log read some parts at a time, here or by the workers of a cluster: the same sums."""

import dataclasses
from datetime import date

import numpy as np
import pytest

from bench import watched_rows
from sales import params
from sales.engine.execution import Local
from sales.judging import reference, scores
from sales.watching.windows import cuts, reading
from tests.examples import ROOT, make_orders


@pytest.fixture(scope="module")
def log(promoted, tmp_path_factory):
    """A log of 700 rows over three days in ten parts, and the champion's reference."""
    address = tmp_path_factory.mktemp("log")
    champion = watched_rows.champion(promoted, make_orders(300))
    watched_rows.write(address, 700, champion, date(2026, 11, 26), days=3, part=80)
    settings = params.read("evaluate", scores.EvaluateParams, ROOT / "params.yaml")
    known = reference.of(champion.model, make_orders(400), make_orders(150), settings)
    return reading.Log(str(address), "", 1), {known.content_hash: known}


def told(found):
    """Return what was read, to the last bit."""
    return [
        (
            key._asdict(),
            dataclasses.replace(sketch, fields={}),
            [
                (name, cells.counts.tolist(), cells.outside, cells.total)
                for name, cells in sketch.fields.items()
            ],
        )
        for key, sketch in found.items()
    ]


def test_windows_by_day_have_all_rows_and_truths(log):
    where, known = log
    _, found = reading.windows(where, cuts.asked("day"), known, Local())
    assert [cuts.told(key.start)[:10] for key in found] == [
        *("2026-11-24", "2026-11-25", "2026-11-26")
    ]
    assert sum(sketch.rows for sketch in found.values()) == 700
    assert sum(sketch.errors.rows for sketch in found.values()) == 70  # one of ten
    for sketch in found.values():
        assert all(cells.counts.sum() == sketch.rows for cells in sketch.fields.values())
        assert sum(own.rows for own in sketch.slices.values()) > sketch.errors.rows


@pytest.mark.parametrize("window", ["day", "100"])
def test_a_cluster_comes_to_the_same_bits(log, window, small_cluster, monkeypatch):
    from distributed import Client

    from sales.engine.cluster import Cluster

    where, known = log
    monkeypatch.setattr(reading, "TOGETHER", 3)
    here = reading.windows(where, cuts.asked(window), known, Local())
    with Client(small_cluster) as client:
        there = reading.windows(where, cuts.asked(window), known, Cluster(client, 100))
    assert np.array_equal(here[0].starts, there[0].starts)
    assert told(here[1]) == told(there[1])
