"""HTTP around the routes: heads and bodies, proxies, other origins, one shape for all errors."""

import asyncio
import gzip
import json
import socket
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sales.serving import answering, connections, endpoint
from tests import patience
from tests.bento_server import in_process, serve, stop
from tests.examples import PUBLISHED_ORDER, make_orders

ORDER = json.dumps(PUBLISHED_ORDER).encode()
GETS = (
    *("/", "/docs", "/openapi.json", "/health", "/livez", "/healthz", "/readyz", "/metrics"),
    *("/model-info", "/models", "/models/champion/evaluation", "/schema", "/data"),
    "/static_content/swagger-ui.css",
)
POSTS = ("/predict", "/predict_batch", "/predict_file", "/explain", "/models/load")
SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def url(promoted, tmp_path_factory):
    variables = {"CORS_ORIGINS": f"{SHOP}, https://other.example", "ROOT_PATH": "/sales/"}
    process, url = serve(promoted, tmp_path_factory.mktemp("served"), **variables)
    yield url
    stop(process)


@pytest.fixture
def client(url):
    with httpx.Client(base_url=url, timeout=patience.SECONDS) as client:
        yield client


def is_problem(answered, status):
    """Assert that an answer has the one shape of what is refused."""
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    told = answered.json()
    assert set(told) == {"type", "title", "status", "detail"}
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    return told["detail"]


def test_whatever_is_refused_has_one_shape(client):
    for path in ("/nothing", "/docs.json", "/static_content/no", "/static_content/../service.py"):
        assert is_problem(client.get(path), 404)
    for path in GETS:
        assert "GET" in is_problem(client.post(path), 405)
        assert "GET" in client.delete(path).headers["allow"]
    for path in POSTS:
        assert "POST" in is_problem(client.get(path), 405)
    assert is_problem(client.post("/predict", content=b"{}"), 422)[0]["msg"]
    assert is_problem(client.post("/models/load?alias=king"), 400).startswith("alias must be")
    assert is_problem(client.post("/predict", content=b" " * 1_000_001), 413)


def test_a_defect_has_it_too_and_the_log_tells_it(promoted, tmp_path, monkeypatch, caplog):
    app, _ = in_process(promoted, tmp_path)
    monkeypatch.setattr(answering.Served, "about", lambda _: 1 / 0)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/model-info")

    assert "its log tells why" in is_problem(asyncio.run(ask()), 500)
    assert "ZeroDivisionError" in caplog.text


def test_what_takes_too_long_has_it_too(promoted, tmp_path, monkeypatch):
    app, _ = in_process(promoted, tmp_path)
    monkeypatch.setattr(endpoint, "SECONDS", 0.1)

    async def never():
        yield b"{"
        await asyncio.sleep(3600)

    async def ask():
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
        sent = []

        async def receive():
            await asyncio.sleep(3600)

        async def send(message):
            sent.append(message)

        await app(scope, receive, send)
        return sent

    start, body = asyncio.run(ask())
    assert start["status"] == 504
    assert json.loads(body["body"])["title"] == "Gateway Timeout"


@pytest.mark.parametrize("path", GETS)
def test_head_answers_where_get_does(client, path):
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("content-type", "location"):
        assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("route", ["/predict", "/predict_batch", "/explain"])
def test_a_gzip_is_unpacked(client, route):
    content = b"[" + ORDER + b"]" if route == "/predict_batch" else ORDER
    named = {"x-request-id": "one"}  # else each answer has an id of its own
    plain = client.post(route, content=content, headers=named).json()
    half = len(content) // 2
    twice = gzip.compress(content[:half]) + gzip.compress(content[half:])
    for packed in (gzip.compress(content), twice):
        answered = client.post(route, content=packed, headers={"content-encoding": "gzip"} | named)
        assert answered.json() == plain
    same = client.post(route, content=content, headers={"content-encoding": "identity"} | named)
    assert same.json() == plain


def test_a_file_may_be_a_gzip_by_itself(client):
    csv = make_orders(20).to_csv(index=False).encode()
    named = {"x-request-id": "one"}  # else each answer has ids of its own
    plain = client.post("/predict_file", content=csv, headers=named).content
    packed = gzip.compress(csv)
    assert client.post("/predict_file", content=packed, headers=named).content == plain
    form = {"file": ("a.csv.gz", packed)}
    assert client.post("/predict_file", files=form, headers=named).content == plain


@pytest.mark.parametrize(
    ("body", "encoding", "status", "detail"),
    [
        (gzip.compress(b" " * 1_000_001), "gzip", 413, "unpacks to more than 1 MB"),
        (gzip.compress(ORDER)[:-9], "gzip", 400, "cut short"),
        (ORDER, "gzip", 400, "no gzip"),
        (zlib.compress(ORDER), "deflate", 415, "deflate is not known here"),
        (ORDER, "br", 415, "br is not known here"),
        (gzip.compress(gzip.compress(ORDER)), "gzip, gzip", 415, "not known here"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(client, body, encoding, status, detail):
    answered = client.post("/predict", content=body, headers={"content-encoding": encoding})
    assert detail in is_problem(answered, status)
    assert (answered.headers.get("accept-encoding") == "gzip") == (status == 415)


def raw(url, *sent, patience=60):
    """Return all that a server answers to bytes on a connection, until it closes it."""
    port = int(url.rpartition(":")[2])
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            for piece in sent:
                connection.sendall(piece)
        except OSError:
            pass  # it has hung up
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    return answer.decode()


LINE = b"GET /health HTTP/1.1\r\nHost: api\r\n"
LARGE = connections.MOST_BYTES


@pytest.mark.parametrize(
    "head",
    [
        [LINE, b"X: " + b"x" * LARGE + b"\r\n\r\n"],
        [LINE, *[b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(70)], b"\r\n"],
        [LINE, b"X: ", *[b"x" * 60_000] * 200],
        [b"GET /", b"x" * LARGE, b" HTTP/1.1\r\nHost: api\r\n\r\n"],
    ],
    ids=["one header", "many headers", "a header without an end", "the first line"],
)
def test_a_head_that_is_too_large_is_refused(url, head):
    told = raw(url, *head)
    assert told == "" or told.startswith("HTTP/1.1 431 ")
    if told:
        assert json.loads(told.partition("\r\n\r\n")[2])["detail"] == (
            "the headers are larger than 64 KiB"
        )
    assert httpx.get(f"{url}/health").status_code == 200


def test_a_head_below_the_limit_passes(url):
    headers = {f"x-{n}": "x" * 1000 for n in range(50)}
    assert httpx.get(f"{url}/health", headers=headers).status_code == 200


UNENDED = {b"": "", LINE: "408", LINE + b"\r\n" + LINE[:9]: ""}


@pytest.fixture(scope="module")
def unended(url):
    """Return what heads that do not end are answered: they wait for that at the same time."""
    with ThreadPoolExecutor(len(UNENDED)) as at_once:
        heads = {head: ([head] if head else []) for head in UNENDED}
        asked = {
            head: at_once.submit(raw, url, *sent, patience=600) for head, sent in heads.items()
        }
        return {head: answered.result() for head, answered in asked.items()}


@pytest.mark.parametrize(("sent", "told"), [*UNENDED.items()])
def test_a_head_that_does_not_end_ends_the_connection(unended, sent, told):
    assert unended[sent].rpartition("HTTP/1.1 ")[2].startswith(told)


def test_what_is_no_http_has_the_shape_too(url):
    told = raw(url, b"hello\r\n\r\n")
    assert told.startswith("HTTP/1.1 400 ")
    assert json.loads(told.partition("\r\n\r\n")[2])["title"] == "Bad Request"


def test_a_body_that_goes_on_after_its_refusal_ends_the_connection(url):
    head = b"POST /predict HTTP/1.1\r\nHost: api\r\nContent-Length: 2000000\r\n\r\n"
    told = raw(url, head, b"x", patience=600)  # which raises where it does not end
    assert told.startswith("HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("sent", "prefix"),
    [
        ({}, "/sales"),
        ({"x-forwarded-prefix": "/shop/v1/"}, "/shop/v1"),
        ({"x-forwarded-prefix": "//evil.example"}, "/sales"),
        ({"x-forwarded-prefix": '/a"b'}, "/sales"),
    ],
)
@pytest.mark.parametrize("left", ["", "/sales"])
def test_below_a_path_of_a_proxy_addresses_keep_it(client, sent, prefix, left):
    found = client.get(f"{left}/openapi.json", headers=sent).json()
    assert found["servers"] == [{"url": prefix}]
    for path in ("/", ""):
        if left + path:
            assert client.get(left + path, headers=sent).headers["location"] == f"{prefix}/docs"
    moved = client.get(f"{left}/models/champion/evaluation/?a=1", headers=sent)
    assert moved.status_code == 307
    assert moved.headers["location"] == f"{prefix}/models/champion/evaluation?a=1"
    assert client.post(f"{left}/predict", content=ORDER).status_code == 200


def test_pages_of_the_named_origins_may_ask(client):
    preflight = {
        "origin": SHOP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    allowed = client.options("/predict", headers=preflight)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == SHOP
    answered = client.post("/predict", content=ORDER, headers={"origin": SHOP})
    assert answered.headers["access-control-allow-origin"] == SHOP
    assert "x-warnings" in answered.headers["access-control-expose-headers"]
    strange = {**preflight, "origin": "https://evil.example"}
    assert client.options("/predict", headers=strange).status_code == 400
    answered = client.post("/predict", content=ORDER, headers={"origin": strange["origin"]})
    assert "access-control-allow-origin" not in answered.headers
    switch = client.post("/models/load?alias=fallback", headers={"origin": SHOP})
    assert is_problem(switch, 403)  # asking is not switching


def test_no_page_elsewhere_may_ask_unless_it_is_named(promoted, tmp_path):
    app, _ = in_process(promoted, tmp_path)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/health", headers={"origin": SHOP})

    assert not any(name.startswith("access-control") for name in asyncio.run(ask()).headers)
