"""deploy/: valid by Kubernetes' own schemas, closed, watched, and of one mind with compose.yaml."""

import os
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from sales.serving import settings
from stages import watch
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
RETRAIN, WATCH = ("CronJob", "amazon-sales-retrain"), ("CronJob", "amazon-sales-watch")
KEPT = ("PersistentVolumeClaim", "amazon-sales-watch")
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
            *("HorizontalPodAutoscaler", "ServiceMonitor", "PrometheusRule"),
            *("CronJob", "CronJob", "PersistentVolumeClaim"),
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
    others = "# prometheus.yml", "# once rows are kept"
    overlay, *more = [block for block in blocks if not block.startswith(others)]
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


@pytest.mark.parametrize("of", [API, PAGE, RETRAIN, WATCH], ids="/".join)
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
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert mounted == set(volumes)
    claims = [one for one in volumes.values() if "persistentVolumeClaim" in one]
    assert all(
        set(volume["emptyDir"]) == {"sizeLimit"}
        for volume in volumes.values()
        if volume not in claims
    )
    claimed = [one["persistentVolumeClaim"]["claimName"] for one in claims]
    assert claimed == ([KEPT[1]] if of == WATCH else [])


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
    for of in (RETRAIN, WATCH):
        named = [one for one in container(of)["env"] if "valueFrom" in one]
        assert "MLFLOW_TRACKING_URI" in {one["name"] for one in named}
        for one in named:
            assert one["valueFrom"]["configMapKeyRef"]["key"] == one["name"]
            assert one["name"] in told


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


@pytest.mark.parametrize(
    ("of", "file"), [(PAGE, "ui"), (RETRAIN, "pipeline"), (WATCH, "pipeline")], ids=str
)
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


def test_what_is_served_is_watched_at_night_once_it_is_kept(tmp_path):
    """An alarm is no failed job; what was told is there the next night, and where it is read."""
    job = OBJECTS[WATCH]["spec"]
    told = OBJECTS["ConfigMap", "amazon-sales"]["data"]
    assert job["suspend"] is not bool(told["SERVED"])
    sh, c, command = container(WATCH)["args"]
    assert command.startswith(".venv/bin/python -m stages.watch ")
    for code, ends in ((0, 0), (1, 0), (2, 1)):
        ended = command.replace(".venv/bin/python -m stages.watch", f"(exit {code})")
        assert subprocess.run([sh, c, ended], check=False).returncode == ends
    [state] = [one["value"] for one in container(WATCH)["env"] if one["name"] == "SALES_STATE"]
    assert {"name": "state", "mountPath": state} in container(WATCH)["volumeMounts"]
    page = (DEPLOY / "README.md").read_text()
    [patched] = re.findall(r"^```yaml\n(# once rows are kept\n.*?)^```$", page, re.M | re.S)
    assert f"WATCHED: {state}/{watch.FOLDER}/{watch.METRICS}" in patched
    overlay = f"resources: [{os.path.relpath(DEPLOY, tmp_path)}]\n{patched}"
    (tmp_path / "kustomization.yaml").write_text(overlay)
    made = built(tmp_path)
    assert made[WATCH]["spec"]["suspend"] is False
    assert made["ConfigMap", "amazon-sales"]["data"]["SERVED"]
    assert made[KEPT]["spec"]["accessModes"] == ["ReadWriteMany"]
    [one] = made[API]["spec"]["template"]["spec"]["containers"]
    assert {"name": "watched", "mountPath": state, "readOnly": True} in one["volumeMounts"]
    volumes = made[API]["spec"]["template"]["spec"]["volumes"]
    claim = {"claimName": KEPT[1], "readOnly": True}
    assert {"name": "watched", "persistentVolumeClaim": claim} in volumes
    assert {volume["name"] for volume in volumes} > {"watched"}
