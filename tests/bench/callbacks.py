"""Twilio's side of status callbacks, as fast as one core can: signed in advance, then posted over open connections.

    python -m tests.bench.callbacks PORT PUBLIC_URL TOKEN CONNECTIONS < LINES

A line is `<delivery id> <status> <error code or ->`. Prints one JSON document: the number of answers by status, and the
times (`time.monotonic()`) of the first post and the last answer.
"""

import asyncio
import base64
import hmac
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import uvloop


def request(delivery: str, status: str, code: str, public_url: str, token: str) -> bytes:
    """Return a callback with the fields that Twilio sends, signed as Twilio does."""
    sid = f"SM{int(delivery):032x}"
    form = {
        "AccountSid": "ACbench",
        "ApiVersion": "2010-04-01",
        "From": "+15555550100",
        "MessageSid": sid,
        "MessageStatus": status,
        "SmsSid": sid,
        "SmsStatus": status,
        "To": f"+1201{int(delivery):07}",
    }
    if code != "-":
        form["ErrorCode"] = code
    path = f"/hooks/twilio/status/{delivery}"
    signed = signature(f"{public_url}{path}", form, token)
    body = urlencode(form).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {public_url.partition('//')[2]}\r\nUser-Agent: TwilioProxy/1.1\r\n"
        f"Accept: */*\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
        f"X-Twilio-Signature: {signed}\r\nI-Twilio-Idempotency-Token: {sid}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def signature(url: str, form: Mapping[str, str], token: str) -> str:
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()


class Caller(asyncio.Protocol):
    """A connection that posts the next callback when the last one is answered. Answers have no body."""

    def __init__(self, left: Iterator[bytes], answers: "Counter[str]", done: "asyncio.Future[None]") -> None:
        self._left, self._answers, self._done = left, answers, done
        self._heard = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._heard.endswith(b"\r\n\r\n"):
            self._answers[self._heard[9:12].decode()] += 1
            self._heard = b""
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed before all were answered"))

    def _next(self) -> None:
        following = next(self._left, None)
        if following is None:
            self._done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(following)


async def post_all(requests: list[bytes], port: int, connections: int) -> "Counter[str]":
    loop, left, answers = asyncio.get_running_loop(), iter(requests), Counter[str]()
    ends = [loop.create_future() for _ in range(connections)]
    for done in ends:
        await loop.create_connection(lambda done=done: Caller(left, answers, done), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return answers


def main() -> None:
    port, public_url, token, connections = sys.argv[1:]
    requests = [request(*line.split(), public_url, token) for line in sys.stdin]
    began = time.monotonic()
    answers = uvloop.run(post_all(requests, int(port), int(connections)))
    ended = time.monotonic()
    sys.stdout.write(json.dumps({"answers": answers, "began": began, "ended": ended}))


if __name__ == "__main__":
    main()
