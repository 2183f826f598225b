"""A provider that is never the bottleneck: a bare asyncio protocol on uvloop that answers, counts and times.

    python -m tests.bench.stand_in PORT [LATENCY_MS]

`POST` to a path that ends in `/Messages.json` is a Twilio message, to one that ends in `/mail/send` a SendGrid mail of
many. `GET /_stand_in/<question>` is for the benchmark: `reset`, `latency?ms=N`, `count`, and `arrivals`, which are
pairs of (time, delivery id) as little-endian doubles; the time is `time.monotonic()`, which all processes of a machine
share.
"""

import asyncio
import json
import re
import sys
import time
from array import array
from collections import Counter
from typing import Any

import uvloop

SMS_ANSWER = b'{"sid":"SM%032d","status":"queued","error_code":null,"error_message":null,"num_segments":"1"}'
MAIL_ANSWER = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: bench\r\nContent-Length: 0\r\n\r\n"
DELIVERY_OF_SMS = b"%2Fstatus%2F"
DELIVERIES_OF_MAIL = re.compile(rb'"tocsin": ?"(\d+)\.')
TO_ONE_PERSON = re.compile(rb'"tocsin": ?"-(\d+)\.')  # a message that is no delivery, such as a code
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Counted:
    """The arrivals so far."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.arrivals = array("d")  # moment, delivery id, moment, delivery id...
        self.requests = 0
        self.direct: Counter[bytes] = Counter()  # by their ids


class Provider(asyncio.Protocol):
    """One connection."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._left = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._left + data if self._left else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(data, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(data) < whole:
                break
            self._hear(data, end, whole)
            data = data[whole:]
        self._left = data

    def _hear(self, data: bytes, end: int, whole: int) -> None:
        if data.startswith(b"GET /_stand_in/"):
            self._transport.write(_answer(self._tell(data[15 : data.find(b" ", 15)].decode())))
            return
        counted, now = self._counted, time.monotonic()
        counted.requests += 1
        if data.find(b"/mail/send", 0, end) > 0:
            for found in DELIVERIES_OF_MAIL.findall(data, end, whole):
                counted.arrivals.append(now)
                counted.arrivals.append(int(found))
            counted.direct.update(TO_ONE_PERSON.findall(data, end, whole))
            answer = MAIL_ANSWER
        else:
            start = data.find(DELIVERY_OF_SMS, end, whole) + len(DELIVERY_OF_SMS)
            stop = data.find(b"&", start, whole)
            counted.arrivals.append(now)
            counted.arrivals.append(int(data[start:stop]))
            answer = _answer(SMS_ANSWER % counted.requests, b"201 Created")
        if counted.latency_s:
            self._loop.call_later(counted.latency_s, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _tell(self, question: str) -> bytes:
        counted = self._counted
        if question == "reset":
            counted.arrivals, counted.requests, counted.direct = array("d"), 0, Counter()
        elif question.startswith("latency?ms="):
            counted.latency_s = float(question.partition("=")[2]) / 1000
        elif question == "arrivals":
            return counted.arrivals.tobytes()
        direct = {"messages": len(counted.direct), "twice": counted.direct.total() - len(counted.direct)}
        told = {"requests": counted.requests, "recipients": len(counted.arrivals) // 2, "direct": direct}
        return json.dumps(told).encode()


def _answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    return head + body


async def serve(port: int, latency_ms: float) -> None:
    counted = Counted(latency_ms / 1000)
    server = await asyncio.get_running_loop().create_server(lambda: Provider(counted), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
