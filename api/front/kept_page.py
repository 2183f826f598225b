"""A page as it is kept: every form in which it is answered, made once."""

import gzip
import hashlib
import math
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple

from starlette.datastructures import MutableHeaders
from starlette.types import Message

from api import etags
from api.rendering import words_of_age

# A browser or a CDN asks again after 2 s. It may show what it has while it asks, and while we are away, but not for
# long: its copy cannot say that it is old.
CACHE = "public, max-age=2, stale-while-revalidate=5, stale-if-error=300"
# Of the rendered page these are left out: they are of one request, or are set here.
OWN = ("cache-control", "content-length", "etag", "vary", "x-request-id")
MAIN = b'<main id="main"'


class Answer(NamedTuple):
    """As ASGI sends it, and as it is on the wire. `status_line`, `rest`: between them a server puts its own headers."""

    start: Message
    body: Message
    status_line: bytes
    rest: bytes


@dataclass(slots=True)
class KeptPage:
    """`version`: of what is public, when it was rendered; `made_s`: when, by the clock of the event loop."""

    version: str | None
    made_s: float
    headers: list[tuple[bytes, bytes]]
    body: bytes
    language: str
    outdated_s: float = math.inf  # since when something public has changed, and it could not be rendered again
    failed_s: float = -math.inf  # when that failed last
    _made: dict[tuple[bool, bool, bool], tuple[bytes, Answer, Answer]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return about how many bytes it takes: plain, compressed, once more of each with a note, and all as sent."""
        return 5 * len(self.body) + 8_000

    def answer(self, *, gzipped: bool, by_header: bool, stale: bool, known: bytes | None) -> Answer:
        """Return the answer. `known`: If-None-Match; `stale`: it may be old, and says so."""
        form = gzipped, by_header, stale
        if form not in self._made:
            self._made[form] = self._make(*form)
        tag, whole, unchanged = self._made[form]
        return unchanged if known is not None and etags.matches(known, tag) else whole

    def _make(self, gzipped: bool, by_header: bool, stale: bool) -> tuple[bytes, Answer, Answer]:
        body = self._with_note() if stale else self.body
        headers = MutableHeaders(raw=list(self.headers))
        headers["Cache-Control"] = CACHE
        headers["Vary"] = ", ".join(["Accept-Encoding", *(["Accept-Language"] if by_header else [])])
        tag = hashlib.sha256(body).hexdigest()[:24]
        headers["ETag"] = tag = f'"{tag}{"-gz" if gzipped else ""}"'
        unchanged = _answer(304, headers, b"")
        if gzipped:
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body))
        return tag.encode(), _answer(200, headers, body), unchanged

    def _with_note(self) -> bytes:
        """Return the page with a sentence that it may be old. Feeds and files have none."""
        note = words_of_age(self.language) if self.language else ""
        return self.body.replace(MAIN, f'<p class="told stale" role="status">{note}</p>'.encode() + MAIN, 1)


def _answer(status: int, headers: MutableHeaders, body: bytes) -> Answer:
    start = {"type": "http.response.start", "status": status, "headers": list(headers.raw)}
    status_line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    rest = b"".join(b"%s: %s\r\n" % (name.lower(), value) for name, value in headers.raw) + b"\r\n" + body
    return Answer(start, {"type": "http.response.body", "body": body}, status_line, rest)
