"""Many who look at a page at once: `wrk` where it is installed, else a generator of our own, which takes more CPU time.

python -m tests.bench.looking URL CONNECTIONS SECONDS PAUSE    the generator; prints one JSON document
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(frozen=True, slots=True)
class Looked:
    """`refused`: answers that were no page, and connections that failed."""

    by: str
    count: int
    seconds: float
    p99_s: float
    refused: int


def look(url: str, connections: int, seconds: int, most_per_s: int = 0) -> Looked:
    """Load a page over and over again on so many connections, compressed as browsers ask for it.

    `most_per_s`: each connection pauses after an answer, so that all together ask no more often; 0: it asks at once.
    """
    pause_s = connections / most_per_s if most_per_s else 0.0
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            if pause_s:
                script.write(f"function delay() return {round(1000 * pause_s)} end")  # ms; not counted as its latency
                script.flush()
                command += ["-s", script.name]
            run = subprocess.run(
                [*command, "-H", "Accept-Encoding: gzip", url],
                capture_output=True,
                text=True,
                check=True,
                timeout=seconds + 60,
            )
        return _of_wrk(run.stdout)
    own = [sys.executable, "-m", "tests.bench.looking", url, str(connections), str(seconds), str(pause_s)]
    told = json.loads(subprocess.run(own, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout)
    return Looked(**told)


def _of_wrk(told: str) -> Looked:
    def number(pattern: str) -> float:
        found = re.search(pattern, told)
        return float(found[1]) if found else 0.0

    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", told)
    took = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", told)
    assert p99, told
    assert took, told
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    refused = int(number(r"Non-2xx or 3xx responses: (\d+)")) + sum(map(int, errors.groups() if errors else ()))
    return Looked("wrk", int(took[1]), float(took[2]) * UNITS[took[3]], float(p99[1]) * UNITS[p99[2]], refused)


class _Reader(asyncio.Protocol):
    """A connection that asks again when it has the whole answer."""

    def __init__(self, request: bytes, pause_s: float, took_s: list[float], refused: list[int]) -> None:
        self._pause_s = pause_s
        self._request, self._took_s, self._refused = request, took_s, refused
        self._heard = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if end and len(body) >= int(length[1] if length else 0):
            self._took_s.append(time.perf_counter() - self._began_s)
            self._refused[0] += not head.startswith(b"HTTP/1.1 200")
            if self._pause_s:
                asyncio.get_running_loop().call_later(self._pause_s, self._ask)
            else:
                self._ask()

    def _ask(self) -> None:
        self._heard, self._began_s = b"", time.perf_counter()
        self._transport.write(self._request)


async def _generate(url: str, connections: int, seconds: float, pause_s: float) -> Looked:
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    asked = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    took_s: list[float] = []
    refused = [0]
    began_s = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Reader(asked, pause_s, took_s, refused), parts.hostname, parts.port)
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    lasted_s = time.perf_counter() - began_s
    for transport, _ in opened:
        transport.close()
    p99_s = sorted(took_s)[int(0.99 * len(took_s))] if took_s else seconds
    return Looked("a generator of our own", len(took_s), lasted_s, p99_s, refused[0])


if __name__ == "__main__":
    import uvloop

    found = uvloop.run(_generate(sys.argv[1], int(sys.argv[2]), *map(float, sys.argv[3:])))
    sys.stdout.write(json.dumps({name: getattr(found, name) for name in Looked.__slots__}))
