"""A service follows an MLflow server: over HTTP, with real ones, and whatever becomes of either."""

import re
import time

import httpx
import psutil
import pytest

from sales import files
from tests import patience
from tests.bento_server import asked_without_a_pause, made, serve, stop
from tests.examples import PUBLISHED_ORDER, ROOT
from tests.followed_registry import MlflowServer

pytestmark = pytest.mark.team

SECONDS = 2  # REGISTRY_SECONDS of the services here


@pytest.fixture(scope="module", autouse=True)
def _mlflow_as_the_client_sets_it():
    """Let the tests' own client wait as long as they do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a running MLflow server."""
    one = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    yield one
    one.end()


@pytest.fixture
def model(server, promoted, request):
    """Return the name of a registered model of three versions, each with its alias."""
    name = request.node.name.partition("[")[0]
    for alias in ("champion", "challenger", "fallback"):
        server.give(name, **{alias: server.register(name, promoted, alias)})
    return name


def follow(server, name, folder, **variables):
    """Start a service that follows a model; return its process and address."""
    return serve(
        folder / "nowhere",
        folder,
        MODEL_URI=f"models:/{name}",
        MLFLOW_TRACKING_URI=server.url,
        REGISTRY_SECONDS=str(SECONDS),
        # However slow the machine: a slow server is no server that is away.
        MLFLOW_HTTP_REQUEST_TIMEOUT=str(int(patience.SECONDS)),
        **variables,
    )


def version(url):
    """Return the version that answers, by a connection of its own: any worker may take it."""
    answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER)
    answered.raise_for_status()
    return str(answered.json()["model"]["version"])


def readiness(url):
    answered = httpx.get(f"{url}/readyz")
    answered.raise_for_status()
    return answered.json()


def away(url):
    told = httpx.get(f"{url}/metrics").text
    [since] = re.findall(r"^registry_away_since_seconds (.*)", told, re.MULTILINE)
    return float(since)


def log(folder):
    return (folder / "log").read_text()


def test_a_promotion_by_alias_answers_in_all_workers_and_no_request_fails(
    server, model, promoted, tmp_path
):
    process, url = follow(server, model, tmp_path, WORKERS="2")
    try:
        assert version(url) == "1"
        told = {one["alias"]: one for one in httpx.get(f"{url}/models").json()["registered_models"]}
        entries = files.read_json(promoted / "promoted.json")
        for number, alias in enumerate(("champion", "challenger", "fallback"), 1):
            assert told[alias]["version"] == str(number)
            assert told[alias]["model_uri"] == f"models:/{model}/{number}"
            assert told[alias]["content_hash"] == entries[alias]["content_hash"]
            assert told[alias]["metrics"] == entries[alias]["metrics"]
            evaluation = httpx.get(f"{url}/models/{alias}/evaluation").json()
            assert evaluation == {
                "alias": alias,
                **files.read_json(promoted / "evaluation" / f"{alias}.json"),
            }
        assert httpx.get(f"{url}/data").json() == files.read_json(promoted / "data.json")

        with asked_without_a_pause(lambda: version(url)):
            # One that is held already, and one that nobody had.
            for to in ("2", server.register(model, promoted, "fallback")):
                server.give(model, champion=to)
                patience.until(lambda to=to: all(version(url) == to for _ in range(20)))
        assert readiness(url)["version"] == "4"
        assert (away(url), readiness(url)["registry_away_since"]) == (0, None)

        server.client.delete_registered_model_alias(model, "fallback")
        patience.until(lambda: not httpx.get(f"{url}/models").json()["fallback_available"])
        [asking] = [p for p in psutil.Process(process.pid).children() if is_asking(p)]
    finally:
        stop(process)
    patience.until(lambda: not asking.is_running())


def is_asking(process):
    return any("registry_follower" in word for word in process.cmdline())


def test_the_registry_goes_and_comes_back(server, model, tmp_path):
    process, url = follow(server, model, tmp_path)
    began = time.time() - 1
    try:
        server.kill()
        try:
            patience.until(lambda: readiness(url)["registry_away_since"])
            assert "does not answer" in readiness(url)["registry_away_why"]
            assert began < away(url) < time.time()
            assert version(url) == "1"
            # Who starts meanwhile answers with what was downloaded, and says so.
            stop(process)
            process, url = follow(server, model, tmp_path)
            assert version(url) == "1"
            assert readiness(url)["registry_away_since"]
            assert log(tmp_path).count("what was downloaded before goes on to answer") == 1
            assert "Traceback" not in log(tmp_path)
        finally:
            server.start()
        server.give(model, champion="2")
        patience.until(lambda: version(url) == "2")
        patience.until(lambda: readiness(url)["registry_away_since"] is None)
        assert away(url) == 0
        assert "the registry can be asked again" in log(tmp_path)

        # So does one whose asking process is killed: another takes its place.
        [asking] = [p for p in psutil.Process(process.pid).children() if is_asking(p)]
        asking.kill()
        patience.until(lambda: "has ended: it is started again" in log(tmp_path))
        server.give(model, champion="3")
        patience.until(lambda: version(url) == "3")
        patience.until(lambda: readiness(url)["registry_away_since"] is None)
    finally:
        stop(process)


def test_what_is_spoilt_is_refused_and_the_old_model_kept(server, model, promoted, tmp_path):
    process, url = follow(server, model, tmp_path)
    try:
        spoilt = server.register(model, promoted, "challenger")
        folder = server.files_of(model, spoilt)
        booster = folder / "booster.ubj"
        whole = booster.read_bytes()
        booster.write_bytes(whole[:-1] + b"?")
        server.give(model, champion=spoilt)
        patience.until(lambda: readiness(url)["behind_since"])
        assert "its content hash differs" in readiness(url)["behind_why"]
        assert version(url) == "1"
        folder.rename(folder.with_name("lost"))  # which is another reason
        patience.until(lambda: "cannot be had" in readiness(url)["behind_why"])
        assert (version(url), away(url)) == ("1", 0)
        folder.with_name("lost").rename(folder)
        booster.write_bytes(whole)
        patience.until(lambda: version(url) == spoilt)  # without anybody asking for it
        patience.until(lambda: readiness(url)["behind_since"] is None)
    finally:
        stop(process)


def test_an_answer_that_is_not_the_evaluated_one_is_refused(server, model, promoted, tmp_path):
    process, url = follow(server, model, tmp_path)
    try:
        other = server.register(model, promoted, "challenger")
        run = server.client.get_model_version(model, other).run_id
        entry = files.read_json(promoted / "promoted.json")["challenger"]
        golden = {**entry["golden"], "prediction": entry["golden"]["prediction"] + 1}
        told = {"metrics": entry["metrics"], "golden": golden}
        server.client.log_dict(run, told, "served.json")
        # As challenger it is left out, and nobody else suffers; as champion it changes nothing.
        server.give(model, challenger=other, champion="3")
        patience.until(lambda: version(url) == "3")
        assert "no challenger: the challenger answers its golden" in readiness(url)["behind_why"]
        assert httpx.post(f"{url}/models/load?alias=challenger").status_code == 404
        server.give(model, champion=other)
        patience.until(lambda: "the champion answers its golden" in readiness(url)["behind_why"])
        assert version(url) == "3"
        server.give(model, champion="1", challenger="2")
        patience.until(lambda: version(url) == "1")
        patience.until(lambda: readiness(url)["behind_since"] is None)
    finally:
        stop(process)


def test_two_servers_share_one_download(server, model, tmp_path):
    shared = str(tmp_path / "state")
    ones = [tmp_path / "one", tmp_path / "two"]
    running = []
    try:
        for folder in ones:
            folder.mkdir()
            running.append(follow(server, model, folder, SERVING_STATE=shared))
        for _, url in running:
            assert version(url) == "1"
        server.give(model, champion="3")
        for _, url in running:
            patience.until(lambda url=url: version(url) == "3")
        [registry] = (tmp_path / "state" / "registry").iterdir()
        assert len([path for path in registry.iterdir() if path.is_dir()]) <= 3  # and the link
    finally:
        for process, _ in running:
            stop(process)


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"MODEL_URI": "models:/nobody"}, "has no registered model 'nobody' (404)"),
        ({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
        ({"MLFLOW_TRACKING_URI": ""}, "MLFLOW_TRACKING_URI must name the MLflow server"),
        ({"MODEL_URI": "runs:/abc/model"}, "so it is models:/<name>"),
        ({"REGISTRY_SECONDS": "soon"}, "REGISTRY_SECONDS is 'soon'"),
    ],
)
def test_nothing_to_begin_with_is_one_line_and_the_end(server, tmp_path, variables, why):
    told = {
        "MODEL_URI": "models:/any",
        "MLFLOW_TRACKING_URI": server.url,
        "WORKERS": "2",
        **variables,
    }
    with pytest.raises(AssertionError) as ended:
        serve(tmp_path / "nowhere", tmp_path, **told)
    said = str(ended.value)
    assert said.startswith("exit code 1\n")
    [line] = re.findall(r"^error: .+$", said, re.MULTILINE)
    assert why in line
    assert "Traceback" not in said


def test_a_registered_model_without_a_champion_is_one_line(server, promoted, tmp_path):
    name = "nobody_promoted"
    server.give(name, challenger=server.register(name, promoted, "challenger"))
    with pytest.raises(AssertionError, match=f"error: .*'{name}' at .* has no champion"):
        follow(server, name, tmp_path)


def test_the_line_of_the_docs_follows_without_a_promoted_model_here(server, promoted, tmp_path):
    page = (ROOT / "docs/team.md").read_text()
    [line] = re.findall(r"^make serve (.*)$", page, re.MULTILINE)
    words = dict(word.split("=", 1) for word in line.split())
    name = words["MODEL_URI"].removeprefix("models:/")
    server.give(name, champion=server.register(name, promoted, "fallback"))
    said = {"MLFLOW_TRACKING_URI": server.url, "SALES_STATE": str(tmp_path)}
    told = {**words, **said, "REGISTRY_SECONDS": str(SECONDS)}
    with made(ROOT, tmp_path / "log", **told) as url:
        assert httpx.get(f"{url}/model-info").json()["model_uri"] == f"models:/{name}/1"
