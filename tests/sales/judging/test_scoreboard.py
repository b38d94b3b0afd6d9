"""The table of results, cell by cell."""

from sales import errors
from sales.judging import scoreboard


def scored(rmse, r2=0.5):
    part = {"rmse": rmse, "r2": r2, "rmse_low": rmse and rmse - 5, "rmse_high": rmse and rmse + 6}
    covered = None if rmse is None else 89.96
    return {"train": part, "valid": part, "test": part, "coverage_pct": covered}


METRICS = {"worse": scored(20.0), "broken": scored(None, None), "better": scored(1234.5)}
GATE = {
    "models": {
        "worse": {"verdict": "passed", "failed": []},
        "broken": {"verdict": "refused", "failed": ["min_test_r2", "max_test_rmse"]},
        "better": {"verdict": "passed", "failed": []},
    }
}


def test_the_best_on_valid_comes_first_and_what_has_no_score_last():
    rows = scoreboard.rows(METRICS, GATE, {"worse": "champion"})
    assert rows == [
        (
            "worse",
            "20.0000",
            "20.0000",
            "20.0000",
            "15.0000 to 26.0000",
            "0.500000",
            "90.0",
            "passed",
            "champion",
        ),
        (
            "better",
            *["1,234.5000"] * 3,
            "1,229.5000 to 1,240.5000",
            "0.500000",
            "90.0",
            "passed",
            "",
        ),
        ("broken", "-", "-", "-", "-", "-", "-", "refused: min_test_r2, max_test_rmse", ""),
    ]


def test_text_is_aligned_and_markdown_has_every_cell():
    rows = scoreboard.rows(METRICS, GATE, {})
    text = scoreboard.as_text(rows).splitlines()
    heading, rule, worse, better, broken = text
    assert heading.startswith(
        "model   RMSE train       valid        test               95 % within   R² test  covered"
    )
    assert worse == (
        "worse      20.0000     20.0000     20.0000        15.0000 to 26.0000"
        "  0.500000     90.0  passed"
    )
    assert better == (
        "better  1,234.5000  1,234.5000  1,234.5000  1,229.5000 to 1,240.5000"
        "  0.500000     90.0  passed"
    )
    assert broken.endswith("refused: min_test_r2, max_test_rmse")
    assert set(rule) == {"-", " "}
    markdown = scoreboard.as_markdown(rows).splitlines()
    assert markdown[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |"
    assert all(line.count("|") == len(scoreboard.HEADER) + 1 for line in markdown)


def test_a_model_that_learnt_from_a_sample_says_so():
    gate = {"models": {"worse": {**GATE["models"]["worse"], "sample": "1,000 of 7,000 train rows"}}}
    [row] = scoreboard.rows({"worse": METRICS["worse"]}, gate, {})
    assert row[7] == "passed (learnt from 1,000 of 7,000 train rows)"


def test_small_errors_keep_the_digits_that_tell():
    [row] = scoreboard.rows(
        {"worse": {**scored(0.0022), "test": {"rmse": 0.000123456, "r2": 1.0}}}, GATE, {}
    )
    assert row[1:4] == ("0.0022", "0.0022", "0.0001235")


def test_a_terminal_that_knows_ascii_only_gets_a_table_as_well_aligned():
    table = scoreboard.as_text(scoreboard.rows(METRICS, GATE, {}))
    lines = table.encode("ascii", errors.SPELLED).decode().splitlines()
    assert "95 % within   R2 test  covered" in lines[0]
    assert [len(line) for line in lines] == [len(line) for line in table.splitlines()]


def test_models_that_are_not_told_apart_are_named_once_below_the_table():
    alike = {"a": ["b", "c"], "b": ["a"], "c": ["a"], "d": []}
    told = scoreboard.alike({"ranking": ["a", "b", "c", "d"], "alike": alike})
    assert told == "not told apart on the test rows: a and b, c"
    assert scoreboard.alike({"ranking": ["a", "d"], "alike": {"a": [], "d": []}}) == ""


def test_an_error_that_was_measured_before_intervals_were_has_none():
    old = {"rmse": 1.0, "r2": 0.5}
    [row] = scoreboard.rows({"worse": {**scored(1.0), "test": old}}, GATE, {})
    assert row[4] == "-"


def test_how_candidate_and_champion_compare_is_a_line():
    decision = {
        **{"candidate": "xgboost", "incumbent": "lightgbm", "outcome": "kept"},
        **{"improvement_pct": 2.0, "improvement_low": -0.5, "improvement_high": 4.4321},
        **{"compared_rows": 20_000, "min_improvement_pct": 1.0},
    }
    assert scoreboard.evidence(decision) == (
        "xgboost against the champion lightgbm: 2.00 % better, 0.50 % worse to 4.43 % "
        "better with 95 %, on 20,000 rows; 1 % beyond chance are asked for: kept"
    )
    assert scoreboard.evidence({**decision, "improvement_low": None}) == ""
    assert scoreboard.evidence({"outcome": "first", "reason": "is the first"}) == ""
