"""deploy/alerts.yaml: promtool takes it and plays through each alert; what is named exists."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client import CollectorRegistry

from sales.serving.meters import Meters
from tests.examples import ROOT

ALERTS = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text())
RULES = [rule for group in ALERTS["spec"]["groups"] for rule in group["rules"]]
PLAYED = [ROOT / "tests/prometheus" / name for name in ("alerts.yaml", "days.yaml")]
DASHBOARD = json.loads((ROOT / "deploy/dashboard.json").read_text())
# The gauges that `make watch` lets the service tell, with their labels.
WATCH: dict[str, set[str]] = {
    **{
        name: set[str]()
        for name in (
            *("watch_last_run_timestamp_seconds", "watch_window_end_timestamp_seconds"),
            *("watch_judged_windows", "watch_rows", "watch_truths", "watch_mae", "watch_bias"),
            *("watch_rmse", "watch_rmse_low", "watch_rmse_high", "watch_rmse_promised"),
            *("watch_rmse_estimated", "watch_coverage_pct", "watch_coverage_promised_pct"),
        )
    },
    "watch_state": {"state"},
    "watch_alarms": {"kind"},
    "watch_drift": {"field", "unit"},
    "watch_drift_threshold": {"field", "unit"},
    "watch_missing_pct": {"field"},
    "watch_outside_pct": {"field"},
    "watch_unknown_pct": {"field"},
    "watch_refused": {"reason"},
}
SCRAPED = {"job", "instance"}  # labels that Prometheus adds
JOB = "amazon-sales-api"


def told():
    """Return every series that the service may tell, with its labels."""
    registry = CollectorRegistry()
    Meters(registry)
    found = {"up": set()}
    for collector, names in registry._collector_to_names.items():
        labels = set(collector._labelnames)
        buckets = {name for name in names if name.endswith("_bucket")}
        found |= {name: labels | ({"le"} if name in buckets else set()) for name in names}
    return {**found, **WATCH}


TOLD = told()


def queries():
    """Return every query of a rule, a panel, a variable and an annotation, by where it stands."""
    found = {rule["alert"]: rule["expr"] for rule in RULES}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            found[f"{panel['title']}, {target['refId']}"] = target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found[variable["name"]] = variable["query"]
    for one in DASHBOARD["annotations"]["list"]:
        found[one["name"]] = one["expr"]
    for rule in RULES:
        for number, text in enumerate(re.findall(r'query "(.*?)"', str(rule["annotations"]))):
            found[f"{rule['alert']}, {number}"] = text
    return found


def selectors(query):
    """Return each series that a query names, with the labels by which it chooses or groups."""
    plain = re.sub(r'"[^"]*"', '""', query)
    grouped = {
        label.strip()
        for labels in re.findall(r"\b(?:by|without|on|ignoring) \(([^)]*)\)", plain)
        for label in labels.split(",")
    }
    bare = re.sub(r"\b(by|without|on|ignoring) \([^)]*\)", " ", plain)
    bare = re.sub(r"label_values\((\w+), (\w+)\)", r"\1{\2=}", bare)
    named = re.findall(r"\b([a-z_]{2,})\b(?!\s*\()(?:\{([^}]*)\})?", re.sub(r"\[\S+\]", "", bare))
    words = {"bool", "or", "and", "unless", "offset", "absent", "on"}
    return {
        name: set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", chosen)) | grouped
        for name, chosen in named
        if name not in words
    }


@pytest.mark.parametrize(("where", "query"), queries().items(), ids=lambda each: each[:40])
def test_every_series_and_label_that_is_named_exists(where, query):
    named = selectors(query)
    assert named, query
    assert set(named) <= set(TOLD), where
    # What is grouped by must be a label of one of the series at least; what chooses, of its own.
    every = SCRAPED.union(*(TOLD[name] for name in named))
    for name, labels in named.items():
        assert labels <= every, (where, name)
        own = re.search(rf"\b{name}\{{(.*?)\}}", query)
        chosen = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\"", own[1])) if own else set()
        assert chosen <= TOLD[name] | SCRAPED, (where, name)


def test_a_series_or_label_that_is_not_there_is_found():
    query = 'sum by (kind, le) (rate(orders_prized_total{job="x", alias=~"a"}[5m])) > bool 0 or up'
    assert selectors(query) == {
        "orders_prized_total": {"job", "alias", "kind", "le"},
        "up": {"kind", "le"},
    }
    assert selectors("label_values(orders_priced_total, job)") == {"orders_priced_total": {"job"}}
    assert "orders_prized_total" not in TOLD
    assert TOLD["predicted_bucket"] == {"alias", "le"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_looks_at_this_service_and_says_what_to_do(rule):
    for found in re.findall(r"\w+\{(.*?)\}", rule["expr"]):
        assert f'job="{JOB}"' in found
    assert set(rule["annotations"]) == {"summary", "description"}
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_the_job_is_the_service_that_prometheus_operator_finds():
    services = yaml.safe_load_all((ROOT / "deploy/api.yaml").read_text())
    assert JOB in [one["metadata"]["name"] for one in services if one["kind"] == "Service"]
    monitor = yaml.safe_load((ROOT / "deploy/monitor.yaml").read_text())
    assert "jobLabel" not in monitor["spec"]
    assert f"job_name: {JOB}," in (ROOT / "deploy/README.md").read_text()
    [job] = [one for one in DASHBOARD["templating"]["list"] if one["name"] == "job"]
    assert job["current"]["value"] == JOB


def test_every_alert_is_played_and_counted():
    text = "".join(path.read_text() for path in PLAYED)
    played = set(re.findall(r'alertname="(\w+)", alertstate="firing"', text))
    assert played == {rule["alert"] for rule in RULES}
    assert len(RULES) == len(played)
    assert f"{len(RULES)} alerts" in (ROOT / "deploy/README.md").read_text()


@pytest.fixture
def promtool(tmp_path):
    """Return a function that runs promtool over the rules, as the README takes them out."""
    program = shutil.which("promtool")
    if not program:
        pytest.skip("no promtool on this machine (Debian: apt install prometheus)")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(ALERTS["spec"]))

    def run(*words):
        done = subprocess.run(
            [program, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_promtool_takes_the_rules(promtool):
    code, printed = promtool("check", "rules", "rules.yaml")
    assert code == 0, printed
    assert f"SUCCESS: {len(RULES)} rules found" in printed


def test_each_alert_fires_when_it_should_and_not_a_step_before(promtool, tmp_path):
    for path in PLAYED:
        shutil.copy(path, tmp_path)
    code, printed = promtool("test", "rules", *(path.name for path in PLAYED))
    assert code == 0, printed


def test_promtool_sees_a_rule_that_fires_too_soon(promtool, tmp_path):
    text = yaml.safe_dump(ALERTS["spec"]).replace("for: 2m", "for: 0m")
    (tmp_path / "rules.yaml").write_text(text)
    shutil.copy(PLAYED[0], tmp_path)
    code, printed = promtool("test", "rules", "alerts.yaml")
    assert code != 0
    assert "no pod is there" in printed or "AmazonSalesNoAnswer" in printed


def test_promtool_is_there_where_ci_runs():
    own = (ROOT / ".ci/run").read_text()
    [line] = [line for line in own.splitlines() if line.startswith("command -v promtool")]
    assert line.endswith("apt-get install -qq -y --no-install-recommends prometheus; }")
