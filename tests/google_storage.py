"""A Google Cloud Storage for a test: what gcsfs asks of its JSON API, in this process, on loopback.

Its one bucket is `team`, and one account's. Whoever asks must have signed in by a key file of a
service account, as with Google: a signed claim is traded for a token. No emulator in Python takes
what gcsfs uploads, and those in Go are no package of PyPI.

https://cloud.google.com/storage/docs/json_api/v1
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions, jwt

BUCKET = "team"
OBJECTS = f"/b/{BUCKET}/o"
MEMBER = "ann@team.example"  # whose the bucket is
AUDIENCE = "https://oauth2.googleapis.com/token"  # of every claim, wherever it is sent


class Storage(BaseHTTPRequestHandler):
    """Answers a request; `server` has the objects by name, and the uploads that began."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Tell of an object or of all below a prefix, or send one."""
        what, asked = self._asked()
        if not self._let_in():
            return
        if what == OBJECTS:
            self._list(asked)
        elif (name := what.removeprefix(f"{OBJECTS}/")) not in self.server.objects:
            self._answer(404, {"error": {"code": 404, "message": f"{what}: there is none"}})
        elif asked.get("alt") == "media":
            self._send(200, self.server.objects[name])
        else:
            self._answer(200, _told(name, self.server.objects[name]))

    def do_POST(self) -> None:
        """Trade a signed claim for a token, or take an object, at once or in pieces."""
        what, asked = self._asked()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if what == "/token":
            self._sign_in(parse_qs(body.decode())["assertion"][0])
        elif not self._let_in():
            return
        elif asked.get("uploadType") == "multipart":
            edge = self.headers["Content-Type"].split('boundary="')[1].rstrip('"')
            _, about, content = body.removesuffix(f"\n--{edge}--".encode()).split(
                f"--{edge}\n".encode(), 2
            )
            name = json.loads(about.split(b"\n\n", 1)[1])["name"]
            self._take(name, content.split(b"\n\n", 1)[1])
        elif asked.get("uploadType") == "resumable":
            session = secrets.token_hex(8)
            self.server.began[session] = asked["name"], bytearray()
            self._send(200, b"", Location=f"{self.server.url}/upload{OBJECTS}?session={session}")
        else:
            name, had = self.server.began[asked["session"]]
            span, whole = self.headers["Content-Range"].removeprefix("bytes ").split("/")
            assert int(span.split("-")[0]) == len(had)
            had += body
            if len(had) == int(whole):
                self._take(name, bytes(had))
            else:
                self._send(308, b"", Range=f"bytes=0-{len(had) - 1}")

    def _asked(self) -> tuple[str, dict[str, str]]:
        """Return the path below where the API begins, and what is asked by the query."""
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/upload").removeprefix("/download")
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return unquote(path.removeprefix("/storage/v1")), asked

    def _let_in(self) -> bool:
        who = self.headers["Authorization"]
        if who != f"Bearer {_token(MEMBER)}":
            message = f"{who} does not have storage.objects.list access to the bucket."
            self._answer(403, {"error": {"code": 403, "message": message}})
            return False
        return True

    def _sign_in(self, claim: str) -> None:
        try:
            found = jwt.decode(claim, certs=self.server.accounts, audience=AUDIENCE)
        except (ValueError, exceptions.GoogleAuthError) as error:
            self._answer(400, {"error": "invalid_grant", "error_description": str(error)})
        else:
            token = {"access_token": _token(found["iss"]), "token_type": "Bearer"}
            self._answer(200, {**token, "expires_in": 3600})

    def _list(self, asked: dict[str, str]) -> None:
        prefix, edge = asked.get("prefix", ""), asked.get("delimiter")
        items, folders = [], set()
        for name, content in sorted(self.server.objects.items()):
            rest = name.removeprefix(prefix)
            if name.startswith(prefix) and edge and edge in rest:
                folders.add(f"{prefix}{rest.split(edge)[0]}{edge}")
            elif name.startswith(prefix):
                items.append(_told(name, content))
        self._answer(200, {"items": items, "prefixes": sorted(folders)})

    def _take(self, name: str, content: bytes) -> None:
        self.server.objects[name] = content
        self._answer(200, _told(name, content))

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        self._send(status, json.dumps(told).encode(), Content_Type="application/json")

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """The bucket: `objects` by name, and each account's public key by the id of its key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Storage)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.objects: dict[str, bytes] = {}
        self.accounts: dict[str, bytes] = {}
        self.began: dict[str, tuple[str, bytearray]] = {}

    def account(self, email: str, path: Path) -> None:
        """Make a service account; write its key file."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = serialization.Encoding.PEM
        self.accounts[email] = key.public_key().public_bytes(
            pem, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        told = {
            **{"type": "service_account", "project_id": "team", "private_key_id": email},
            **{"private_key": private.decode(), "client_email": email},
            "token_uri": f"{self.url}/token",
        }
        path.write_text(json.dumps(told))


def _token(email: str) -> str:
    return f"token-of-{email}"


def _told(name: str, content: bytes) -> dict[str, Any]:
    """Return what Google tells of an object."""
    sums = {
        "md5Hash": hashlib.md5(content, usedforsecurity=False).digest(),
        "crc32c": google_crc32c.value(content).to_bytes(4, "big"),
    }
    return {
        **{"kind": "storage#object", "bucket": BUCKET, "name": name, "size": str(len(content))},
        **{"generation": "1", "contentType": "application/octet-stream", "etag": "CAE="},
        **{"timeCreated": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"},
        **{name: base64.b64encode(value).decode() for name, value in sums.items()},
    }


@contextmanager
def bucket() -> Iterator[Server]:
    """Yield the server of an empty bucket."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
