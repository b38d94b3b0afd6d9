"""The gate's rules in words."""

import pytest

from sales.judging import gates
from ui import gate, terms


def judged(**rules):
    """Return a verdict from value, threshold and whether it passed, by rule."""
    keys = ("value", "threshold", "passed")
    told = {name: dict(zip(keys, rule, strict=True), why="why") for name, rule in rules.items()}
    return {"rules": told}


def rows(unit="$", **rules):
    found = gate.table(judged(**rules), unit)
    return [tuple(part.replace("\\", "") for part in row) for row in found.to_numpy()]


def test_every_rule_of_the_gate_has_words():
    assert set(terms.RULES) == set(gates.RULES)


@pytest.mark.parametrize(
    ("name", "value", "limit", "written"),
    [
        ("min_test_r2", 0.99999, 0.9, ("at least 90 %", "100 %")),
        ("max_test_rmse", 0.00225654, 250.0, ("at most $250.00", "$0.0023")),
        ("max_generalization_gap_pct", 5.21563e-06, 2.0, ("at most 2 %", "under 0.01 %")),
        ("max_generalization_gap_pct", -1.5, 2.0, ("at most 2 %", "−1.5 %")),
        ("max_slice_rmse_ratio", 1.05709, 2.0, ("at most 2 times", "1.06 times")),
        ("max_model_mb", 4.594, 100.0, ("at most 100 MB", "4.59 MB")),
    ],
)
def test_a_rule_is_said_without_exponents(name, value, limit, written):
    [(kept, said, *told)] = rows(**{name: (value, limit, True)})
    assert (kept, said, tuple(told)) == ("✓", terms.RULES[name][0], written)


@pytest.mark.parametrize(
    ("value", "written"), [(2.00001, "2.00001 %"), (2.004, "2.004 %"), (2.0, "2 %")]
)
def test_a_limit_that_is_just_missed_is_told_from_one_that_is_kept(value, written):
    [row] = rows(max_generalization_gap_pct=(value, 2.0, value <= 2))
    assert row[3] == written


def test_a_rule_of_a_newer_service_is_named_as_it_is():
    assert rows(max_sad_rows_pct=(1.0, 3.0, True)) == [
        ("✓", "Max sad rows pct", "at most 3 %", "1 %")
    ]


def test_what_was_not_measured_is_said_to_be():
    [row] = rows(train_rmse_known=(None, None, False))
    assert (row[0], row[3]) == ("✗", "not measured")


def test_a_rule_that_does_not_apply_is_neither_kept_nor_broken():
    told = judged(max_test_rmse_pct=(3.0, None, True))
    told["rules"]["max_test_rmse_pct"]["applies"] = False
    [row] = gate.table(told, "$").to_numpy().tolist()
    assert row == ["–", "Typical error, in percent of the spread", "does not apply", ""]


def test_the_exact_measures_can_be_had():
    assert gate.exactly(judged(max_model_mb=(1, 2, True))) == "`max_model_mb`: why"
