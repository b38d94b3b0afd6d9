"""compose.yaml: each container is watched, unprivileged and closed to other hosts unless asked."""

import re

import pytest
import yaml

from tests.examples import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
SETTINGS = (ROOT / "sales/serving/settings.py").read_text()
SERVICES = yaml.safe_load(TEXT)["services"]


def test_mlflow_and_the_cluster_come_only_when_asked_for():
    assert {name: service.get("profiles") for name, service in SERVICES.items()} == {
        "api": None,
        "page": None,
        "mlflow": ["full"],
        "scheduler": ["cluster"],
        "worker": ["cluster"],
    }


def test_the_page_finds_the_api():
    assert SERVICES["page"]["environment"]["API_URL"] == "http://api:3000"
    assert SERVICES["page"]["depends_on"] == ["api"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_watched_and_can_write_nothing_but_its_own(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    check = service["healthcheck"]
    assert check["test"][0] == "CMD"
    assert "timeout=4)" in check["test"][-1]  # it ends by itself before it is ended
    assert check["timeout"] == "5s"
    assert all(port.startswith("${BIND:-127.0.0.1}:${") for port in service.get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_take_no_more_than_its_share_of_the_machine(name):
    service = SERVICES[name]
    assert re.fullmatch(r"(\$\{\w+:-)?[1-9]g\}?", service["mem_limit"])
    assert re.fullmatch(r"(\$\{\w+:-)?[1-9]\}?", str(service["cpus"]))
    assert 0 < service["pids_limit"] <= 512
    [scratch] = service["tmpfs"]
    assert re.fullmatch(r"/tmp:size=\d+[mg],mode=1777", scratch)  # noqa: S108


def test_every_setting_of_the_service_is_passed_through():
    """But for where it finds its models, its state and its name: those are the image's."""
    asked = set(re.findall(r'environ\.get\("(\w+)"', SETTINGS)) - {"PROMOTED", "SERVING_STATE"}
    told = SERVICES["api"]["environment"]
    assert asked
    assert asked <= set(told)
    for name in asked:
        assert told[name].startswith(f"${{{name}:-")


def test_no_image_comes_from_elsewhere_under_our_names():
    for service in SERVICES.values():
        assert "build" in service or service["pull_policy"] == "never"


def test_the_workers_find_the_scheduler_and_the_projects_folder_where_the_stages_do():
    worker, scheduler = SERVICES["worker"], SERVICES["scheduler"]
    assert "tcp://scheduler:8786" in worker["command"]
    assert scheduler["command"][scheduler["command"].index("--port") + 1] == "8786"
    assert (worker["volumes"], scheduler["volumes"]) == (["${PWD}:${PWD}"], ["${PWD}:${PWD}:ro"])
    for each in (worker, scheduler):
        assert each["working_dir"] == each["environment"]["PYTHONPATH"] == "${PWD}"


def test_every_variable_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for name in set(re.findall(r"\$\{(\w+)", TEXT)) - {"PWD", "UID", "GID"}:
        assert f"`{name}`" in readme
