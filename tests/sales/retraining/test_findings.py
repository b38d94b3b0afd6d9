"""The file that tells what was watched."""

import re

import pytest

from sales.errors import PipelineError
from sales.retraining import findings
from sales.retraining.findings import Finding, Findings
from tests.examples import ROOT

WHOLE = (
    '{"when": "2027-01-31T03:00:00+00:00", "content_hash": "abc", '
    '"drift": {"value": 0.31, "what": "UnitPrice"}, "live_error": null}'
)


def test_what_was_found_is_read(tmp_path):
    path = tmp_path / "findings.json"
    assert findings.read(path) is None
    path.write_text(WHOLE)
    assert findings.read(path) == Findings(
        when="2027-01-31T03:00:00+00:00",
        content_hash="abc",
        drift=Finding(value=0.31, what="UnitPrice"),
    )


def test_the_page_and_the_module_show_such_a_file(tmp_path):
    path = tmp_path / "findings.json"
    shown = re.findall(r"```json\n(.*?)```", (ROOT / "docs/retraining.md").read_text(), re.S)
    shown += re.findall(r"(\{.*\})", findings.__doc__ or "", re.S)
    assert len(shown) == 2
    for text in shown:
        path.write_text(text)
        found = findings.read(path)
        assert found
        assert found.drift
        assert found.live_error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged: Invalid JSON"),
        (WHOLE[:-20], "is damaged: Invalid JSON"),
        (WHOLE.replace("0.31", '"much"'), r"is damaged: drift\.value: "),
        (WHOLE.replace("0.31", "NaN"), r"is damaged: (drift\.value: |Invalid JSON)"),
        (WHOLE.replace("drift", "drifts"), "is damaged: drifts: "),
        (WHOLE.replace("2027-01-31T03:00:00+00:00", "lately"), "is damaged: when: "),
    ],
)
def test_damage_is_told(tmp_path, text, message):
    path = tmp_path / "findings.json"
    path.write_text(text)
    with pytest.raises(PipelineError, match=message) as caught:
        findings.read(path)
    assert "\n" not in str(caught.value)
