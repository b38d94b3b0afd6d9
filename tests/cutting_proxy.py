"""A proxy before an MLflow server that goes away, refuses or dawdles, as it is told to."""

import http.client
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

DROPPED = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class CuttingProxy:
    """Hands requests on, and counts them.

    From request number `at` on it answers nothing any more, as a server that has died: that one is
    handed on first, its answer lost, where `answered` is "lost"; and not where it is "never".
    `refusing` is a status, `version` what /version says, `stalling` lets each request hang.
    """

    def __init__(self, url: str) -> None:
        self.target = urlsplit(url)
        self.at, self.answered = 0, "never"
        self.refusing, self.version, self.stalling = 0, "", False
        self.count, self.seen, self._lock = 0, [], threading.Lock()  # type: ignore[var-annotated]
        self.go_on = threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self, at: int = 0, answered: str = "never") -> None:
        """Hand everything on from now, until request number `at`; 0 is never."""
        self.at, self.answered, self.count, self.seen = at, answered, 0, []
        self.refusing, self.version, self.stalling = 0, "", False

    def next(self, what: str) -> str:
        """Count a request; return what is to become of it: handed on, lost or never."""
        with self._lock:
            self.count += 1
            self.seen.append(what)
            if not self.at or self.count < self.at:
                return "handed on"
            return self.answered if self.count == self.at else "never"

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: CuttingProxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.proxy
        fate = proxy.next(f"{self.command} {urlsplit(self.path).path}")
        if proxy.stalling:
            proxy.go_on.wait()
        if proxy.refusing:
            return self._answer(proxy.refusing, b"no")
        if proxy.version and self.path == "/version":
            return self._answer(200, proxy.version.encode())
        if fate == "never":
            self.close_connection = True
            return None
        server = http.client.HTTPConnection(proxy.target.hostname or "", proxy.target.port)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        server.request(self.command, self.path, body, headers)
        answer = server.getresponse()
        content = answer.read()
        server.close()
        if fate == "lost":
            self.close_connection = True
            return None
        told = [(k, v) for k, v in answer.getheaders() if k.lower() not in DROPPED]
        return self._answer(answer.status, content, told)

    def _answer(
        self, status: int, content: bytes, headers: "list[tuple[str, str]] | None" = None
    ) -> None:
        with suppress(OSError):
            self.send_response_only(status)
            for key, value in headers or ():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _pass  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""
