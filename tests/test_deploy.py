"""deploy/: valid by Kubernetes' own schemas, closed, watched, and of one mind with compose.yaml."""

import os
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from sales.serving import settings
from tests.examples import ROOT

DEPLOY = ROOT / "deploy"
KUSTOMIZATION = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
LISTED = KUSTOMIZATION["resources"]
OBJECTS = {
    (one["kind"], one["metadata"]["name"]): one
    for file in LISTED
    for one in yaml.safe_load_all((DEPLOY / file).read_text())
}
# What kustomize makes of a file of another kind.
DASHBOARD = ("ConfigMap", "amazon-sales-dashboard")
# Kinds of Prometheus' operator.
OPERATORS = {("ServiceMonitor", "amazon-sales-api"), ("PrometheusRule", "amazon-sales")}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
# The oldest and the newest Kubernetes that it is held against.
VERSIONS = ("1.31", "1.37")
API, PAGE = ("Deployment", "amazon-sales-api"), ("Deployment", "amazon-sales-page")
RETRAIN = ("CronJob", "amazon-sales-retrain")
# The service that each stands for in compose.yaml; the pipeline is none there.
TWINS = {API: "api", PAGE: "page"}
# What Prometheus' operator takes of a ServiceMonitor, as far as it is used: strict, so that a word
# that it does not know is found.
WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
TIME = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
NAMED = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "labels": WORDS},
}
SERVICE_MONITOR = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "ServiceMonitor"},
        "metadata": NAMED,
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["selector", "endpoints"],
            "properties": {
                "selector": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"matchLabels": WORDS},
                },
                "endpoints": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "port": {"type": "string"},
                            "path": {"type": "string", "pattern": "^/"},
                            "interval": TIME,
                            "scrapeTimeout": TIME,
                        },
                    },
                },
            },
        },
    },
}
# And of a PrometheusRule; what stands in a rule promtool judges (tests/test_alerts.py).
PROMETHEUS_RULE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "metadata": NAMED,
        "kind": {"const": "PrometheusRule"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["groups"],
            "properties": {
                "groups": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["name", "rules"],
                        "properties": {
                            "name": {"type": "string"},
                            "interval": TIME,
                            "rules": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "required": ["alert", "expr", "labels", "annotations"],
                                    "properties": {
                                        "alert": {"type": "string", "pattern": "^AmazonSales[A-Z]"},
                                        "expr": {"type": "string"},
                                        "for": TIME,
                                        "labels": WORDS,
                                        "annotations": WORDS,
                                    },
                                },
                            },
                        },
                    },
                }
            },
        },
    },
}


def pod(of):
    """Return the pod of a Deployment or CronJob."""
    spec = OBJECTS[of]["spec"]
    return (spec["jobTemplate"]["spec"] if of[0] == "CronJob" else spec)["template"]


def container(of):
    [one] = pod(of)["spec"]["containers"]
    return one


def gib(amount):
    """Return a size of compose.yaml, or of Kubernetes, in GiB."""
    amount = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", str(amount)).lower().removesuffix("i")
    return float(amount[:-1]) / {"m": 1024, "g": 1}[amount[-1]]


def default(value):
    """Return what a variable of compose.yaml is where nobody sets it."""
    return re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value))


def test_every_file_is_part_of_the_base():
    there = {path.name for path in DEPLOY.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == set(LISTED)
    kinds = [kind for kind, _ in OBJECTS]
    assert sorted(kinds) == sorted(
        [
            *("ConfigMap", "Deployment", "Deployment", "Service", "Service"),
            *("HorizontalPodAutoscaler", "ServiceMonitor", "PrometheusRule", "CronJob"),
        ]
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("of", OBJECTS, ids="/".join)
def test_it_is_what_the_schemas_of_kubernetes_ask_for(of, version):
    if of in OPERATORS:
        schemas = {"ServiceMonitor": SERVICE_MONITOR, "PrometheusRule": PROMETHEUS_RULE}
        jsonschema.validate(OBJECTS[of], schemas[of[0]])
        return
    validate = pytest.importorskip("kubernetes_validate", reason="`make test` installs it")
    validate.validate(OBJECTS[of], version, strict=True)


def test_a_mistake_is_found():
    with pytest.raises(jsonschema.ValidationError):
        monitor = OBJECTS["ServiceMonitor", "amazon-sales-api"]
        jsonschema.validate({**monitor, "spec": {"endpoint": []}}, SERVICE_MONITOR)
    with pytest.raises(jsonschema.ValidationError):
        rules = OBJECTS["PrometheusRule", "amazon-sales"]
        jsonschema.validate({**rules, "spec": {"groups": [{"rules": []}]}}, PROMETHEUS_RULE)
    validate = pytest.importorskip("kubernetes_validate", reason="`make test` installs it")
    autoscaler = OBJECTS["HorizontalPodAutoscaler", "amazon-sales-api"]
    for wrong in ({"maxReplicas": "six"}, {"maxReplica": 6}):
        with pytest.raises(validate.ValidationError):
            spec = {**autoscaler["spec"], **wrong}
            validate.validate({**autoscaler, "spec": spec}, VERSIONS[-1], strict=True)


def built(folder):
    """Return what kustomize makes of a folder."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("no kubectl on this machine")
    command = [kubectl, "kustomize", "--load-restrictor", "LoadRestrictionsNone", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(made.stdout)}


def test_kustomize_builds_it():
    assert "\nkubectl kustomize deploy\n" in (ROOT / "docs" / "team.md").read_text()
    made = built(DEPLOY)
    assert set(made) == {*OBJECTS, DASHBOARD}
    kept = made[DASHBOARD]
    assert kept["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert kept["data"] == {"dashboard.json": (DEPLOY / "dashboard.json").read_text()}
    [generated] = KUSTOMIZATION["configMapGenerator"]
    assert generated["files"] == [path.name for path in DEPLOY.glob("*.json")]


def test_the_readmes_overlay_changes_what_it_says(tmp_path):
    page = (ROOT / "deploy/README.md").read_text()
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S)
    overlay, *more = [block for block in blocks if not block.startswith("# prometheus.yml")]
    text = overlay.replace("../deploy", os.path.relpath(DEPLOY, tmp_path)) + "".join(more)
    (tmp_path / "kustomization.yaml").write_text(text)
    made = built(tmp_path)
    assert set(made) == {*OBJECTS, DASHBOARD} - OPERATORS
    assert {one["metadata"]["namespace"] for one in made.values()} == {"sales"}
    told = made["ConfigMap", "amazon-sales"]["data"]
    assert told["MLFLOW_TRACKING_URI"] == "https://mlflow.example"
    assert told["MODEL_URI"] == OBJECTS["ConfigMap", "amazon-sales"]["data"]["MODEL_URI"]
    for of in TWINS:
        [one] = made[of]["spec"]["template"]["spec"]["containers"]
        assert one["image"] == f"registry.example/{container(of)['image'].partition(':')[0]}:1.2"


@pytest.mark.parametrize("of", [API, PAGE, RETRAIN], ids="/".join)
def test_a_container_is_nobody_special_and_can_write_nothing_but_its_own(of):
    spec, one = pod(of)["spec"], container(of)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(one["resources"]) == {"requests", "limits"}
    assert set(one["resources"]["limits"]) == {"cpu", "memory"}
    mounted = {mount["name"] for mount in one["volumeMounts"]}
    volumes = {volume["name"]: volume["emptyDir"] for volume in spec["volumes"]}
    assert mounted == set(volumes)
    assert all(set(volume) == {"sizeLimit"} for volume in volumes.values())


@pytest.mark.parametrize("of", TWINS, ids="/".join)
def test_it_says_what_compose_says(of):
    twin, spec, one = COMPOSE[TWINS[of]], pod(of)["spec"], container(of)
    image = default(twin["image"])
    assert one["image"] == image
    [port] = twin["ports"]
    [told] = one["ports"]
    assert str(told["containerPort"]) == port.rpartition(":")[2]
    service = OBJECTS["Service", of[1]]["spec"]
    assert service["ports"] == [
        {"name": "http", "port": told["containerPort"], "targetPort": "http"}
    ]
    assert gib(one["resources"]["limits"]["memory"]) == gib(twin["mem_limit"])
    assert one["resources"]["limits"]["cpu"] == default(twin["cpus"])
    [scratch] = [volume["emptyDir"] for volume in spec["volumes"] if volume["name"] == "scratch"]
    size = re.search(r"size=(\w+)", twin["tmpfs"][0])
    assert size
    assert gib(scratch["sizeLimit"]) == gib(size[1])
    [path] = re.findall(rf"127\.0\.0\.1:{told['containerPort']}(/[\w/]+)", str(twin["healthcheck"]))
    assert one["readinessProbe"]["httpGet"] == {"path": path, "port": "http"}
    assert one["startupProbe"]["httpGet"] == {"path": path, "port": "http"}
    seconds = {"periodSeconds": "interval", "timeoutSeconds": "timeout"}
    for ours, theirs in seconds.items():
        assert f"{one['readinessProbe'][ours]}s" == twin["healthcheck"][theirs]
    assert one["livenessProbe"]["httpGet"]["path"] in ("/livez", "/_stcore/health")
    grace = twin.get("stop_grace_period", "30s")
    assert f"{spec.get('terminationGracePeriodSeconds', 30)}s" == grace


def test_every_setting_of_the_service_is_set_or_a_secret():
    told = OBJECTS["ConfigMap", "amazon-sales"]["data"]
    asked = COMPOSE["api"]["environment"]
    secrets = {"ADMIN_TOKEN", "TRUTHS_TOKEN", "SERVED_KEY"}
    secrets |= {*(name for name in asked if name.startswith("MLFLOW_"))}
    assert set(asked) - set(told) - secrets == {"BENTOML_HOME"}
    assert {"name": "BENTOML_HOME", "value": asked["BENTOML_HOME"]} in container(API)["env"]
    ours = {"MODEL_URI", "MLFLOW_TRACKING_URI"}  # here it follows a registry, there it need not
    for name, value in told.items():
        assert name in ours or value == default(asked[name]), name
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert settings.registered(told).name == params["register"]["model_name"]
    assert container(API)["envFrom"] == [
        {"configMapRef": {"name": "amazon-sales"}},
        {"secretRef": {"name": "amazon-sales", "optional": True}},
    ]
    [server] = [one for one in container(RETRAIN)["env"] if one["name"] == "MLFLOW_TRACKING_URI"]
    assert server["valueFrom"]["configMapKeyRef"]["key"] in told


def test_each_finds_the_others():
    for of in TWINS:
        labels = pod(of)["metadata"]["labels"]
        assert OBJECTS[of]["spec"]["selector"]["matchLabels"] == labels
        assert OBJECTS["Service", of[1]]["spec"]["selector"] == labels
    port = OBJECTS["Service", API[1]]["spec"]["ports"][0]
    api_url = {"name": "API_URL", "value": f"http://{API[1]}:{port['port']}"}
    assert api_url in container(PAGE)["env"]
    scaled = OBJECTS["HorizontalPodAutoscaler", "amazon-sales-api"]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == API
    assert "replicas" not in OBJECTS[API]["spec"]  # or each `apply` would undo the autoscaler's
    monitor = OBJECTS["ServiceMonitor", "amazon-sales-api"]["spec"]
    labels = OBJECTS["Service", API[1]]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert [one["port"] for one in monitor["endpoints"]] == [port["name"]]


@pytest.mark.parametrize(("of", "file"), [(PAGE, "ui"), (RETRAIN, "pipeline")], ids=str)
def test_users_and_images_are_those_of_the_dockerfiles(of, file):
    text = (ROOT / f"containers/{file}.Dockerfile").read_text()
    user = re.search(r"^USER (\d+):(\d+)$", text, re.M)
    assert user
    context = pod(of)["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))
    for port in re.findall(r"^EXPOSE (\d+)$", text, re.M):
        assert container(of)["ports"] == [{"name": "http", "containerPort": int(port)}]


def test_the_pipelines_image_holds_all_that_its_stages_need():
    text = (ROOT / "containers/pipeline.Dockerfile").read_text()
    copied = {path for line in re.findall(r"^COPY (.*) \S+$", text, re.M) for path in line.split()}
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    modules = {path for one in stages for path in one["deps"] if path.endswith(".py")}
    assert modules
    folders = {"sales", "stages", "data/incoming", "metrics", "plots", ".dvc/config", ".dvc/plots"}
    assert folders <= copied
    assert {path for path in modules if path.split("/")[0] not in copied} == set()
    assert {"Makefile", "pyproject.toml", "uv.lock", "params.yaml", "dvc.yaml"} <= copied
    assert "dvc.lock" in copied


def test_the_nightly_run_is_make_retrain_and_ends_before_it_counts_as_cut():
    assert container(RETRAIN)["args"] == ["make", "retrain"]
    job = OBJECTS[RETRAIN]["spec"]["jobTemplate"]["spec"]
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    # a pod that was killed has no successor in its own folder: the next night's goes on with it
    assert job["activeDeadlineSeconds"] <= 3600 * params["retrain"]["max_hours"] < 24 * 3600
