"""A server of feeds on loopback, which answers as a test tells it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.waiting import until


@dataclass(frozen=True)
class Page:
    body: str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FeedServer:
    """`pages`: by path. `asked`: path and headers of each request. With an ETag it answers 304 to whoever has it.
    `after`: the page that must have been asked before this one is answered.
    """

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    after: dict[str, str] = field(default_factory=dict)

    def put(self, path: str, body: str | bytes, status: int = 200, **headers: str) -> str:
        """Serve a page from now on. Returns its address."""
        self.pages[path] = Page(body, status, headers)
        return self.url + path

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            serving.asked.append((self.path, dict(self.headers)))
            if other := serving.after.get(self.path):
                until(lambda: other in serving.paths, 60, f"{other} is asked")
            page = serving.pages.get(self.path, Page(status=404))
            tag = page.headers.get("ETag")
            fresh = bool(tag) and self.headers.get("If-None-Match") == tag
            body = b"" if fresh else page.body.encode() if isinstance(page.body, str) else page.body
            self.send_response(304 if fresh else page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        serving = FeedServer(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield serving
        finally:
            server.shutdown()
