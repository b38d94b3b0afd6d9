"""params.yaml as text: what is written is what is read, whichever version of YAML reads it."""

import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from sales import files
from sales.drafting import layout
from tests.examples import ROOT

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *("no", "Yes", "on", "1e5", "1_000", "0x1F", "0o17", "012", "12:30", "2024-06-03", "~"),
            *("null", "", " a", "a ", "a: b", "a #b", "- a", "? a", "=", "<<", "*a", "&a", "!a"),
            *("{a}", "[a]", "a,b", "it's", 'say "hi"', "`x`", "%x", "@x", "|", ">", "é", "a\tb"),
            *("a\nb", "\x85", "\u2028", "\ufeff", "😀", "Lot.Area", "100%", "year(d) + 1", ".5"),
            *("---", "...", "\x1b[2K", "+1", "-", ".inf", ".NaN", "1.e3", "6_1.5", "y", "N"),
        ]
    ),
)
VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-(10**18), 10**18), TEXTS),
    st.floats(allow_nan=False, allow_infinity=False),
)
TREES = st.dictionaries(
    TEXTS,
    st.recursive(
        VALUES,
        lambda inner: st.one_of(
            st.lists(VALUES, max_size=6), st.dictionaries(TEXTS, inner, max_size=4)
        ),
        max_leaves=8,
    ),
    min_size=1,
    max_size=5,
)


def read(text, tmp_path="group.yaml"):
    from pathlib import Path

    Path(tmp_path).write_text(text, encoding="utf-8")
    return files.read_yaml(Path(tmp_path))


@given(TREES, TEXTS)
def test_a_group_is_read_back_whatever_it_holds(tree, comment):
    """By PyYAML, as the pipeline reads it, and by ruamel, as DVC does."""
    comments = {(key,): comment for key in tree}
    text = layout.group("group", tree, comments)
    assert yaml.load(text, Loader=files._Loader) == {"group": tree}  # noqa: S506
    assert YAML(typ="safe").load(io.StringIO(text)) == {"group": tree}


def test_a_group_is_laid_out_for_people():
    tree = {
        "columns": {
            "area": {"role": "numeric", "min": 0},
            "no": {"role": "categorical", "values": [f"a long value {n}" for n in range(8)]},
        },
        "rules": {},
    }
    text = layout.group(
        "contract", tree, {("columns", "area"): "numbers\nfrom 1", ("columns", "no"): "8 texts"}
    )
    assert text == (
        "contract:\n"
        "  columns:\n"
        "    area: {role: numeric, min: 0} # numbers\\nfrom 1\n"
        "    'no': # 8 texts\n"
        "      role: categorical\n"
        "      values:\n"
        + "".join(f"      - a long value {n}\n" for n in range(8))
        + "  rules: {}\n"
    )


def test_a_comment_that_is_too_long_stands_above():
    text = layout.group("gate", {"most": 1.0}, {("most",): "word " * 40})
    lines = text.splitlines()
    assert lines[0] == "gate:"
    assert lines[-1] == "  most: 1.0"
    assert all(line.startswith("  # word word") for line in lines[1:-1])
    assert max(map(len, lines)) <= layout.WIDTH


def test_other_groups_stay_to_the_last_byte():
    text = (ROOT / "params.yaml").read_text()
    assert layout.replaced(text, {}) == text
    changed = layout.replaced(text, {"gate": "gate:\n  min_test_r2: 0.0\n"})
    before, after = changed.split("gate:\n  min_test_r2: 0.0\n")
    assert text.startswith(before)
    assert text.endswith(after)
    assert "# Every rule must hold on the test rows" in before
    with pytest.raises(KeyError, match="none"):
        layout.replaced(text, {"none": ""})


def test_comments_of_todays_groups_are_found():
    text = (ROOT / "params.yaml").read_text()
    found = layout.comments(text, "gate")
    assert found["max_test_rmse",] == "in units of the target"
    assert layout.comments(text, "ingest")["csv", "separator"] == "one character, or tab"
    above = layout.comments(text, "train")["xgboost", "interactions"]
    assert above.startswith("Groups of features that may meet on one branch")
    assert layout.comments(text, "none") == {}
