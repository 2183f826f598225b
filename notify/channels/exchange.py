"""One HTTP request to a provider and its answer, with two kinds of errors.

Either the provider certainly did not take the message (SendError), or it may have (Ambiguous). The difference is
whether any byte of the request may have reached it. Adapters add the meaning of the provider's own codes.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from notify.channels.contract import Ambiguous, SendError
from notify.channels.http.client import Answer, Endpoint, HttpClient, NotSent, OutcomeUnknown

LATER_S = 1.0  # how long to wait after a 429 without Retry-After


async def exchange(
    client: HttpClient | None,
    endpoint: Endpoint,
    body: bytes | None,
    timeout_s: float,
    leave_by_s: float = math.inf,
) -> Answer:
    """Send one request. Raises SendError when it cannot have arrived, Ambiguous when it may have, Late when it was too
    late to send it (`leave_by_s`, on `time.monotonic()`).

    Any status is an answer; `refusal` says what it means.
    """
    if client is None:
        raise RuntimeError("This adapter was built without a client, to read webhooks only.")
    try:
        return await client.ask(endpoint, body, timeout_s, leave_by_s)
    except NotSent as error:
        ours = str(error) == "invalid-url"
        raise SendError(str(error), retryable=not ours, blame="us" if ours else "provider") from None
    except OutcomeUnknown as error:
        raise Ambiguous(str(error)) from None


def document(answer: Answer) -> dict[str, object]:
    """Return the body as a JSON object, or an empty one if it is anything else."""
    try:
        read = _json(answer.body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _json(body: bytes) -> object:
    """By orjson, in a sixth of the time; what it refuses by the library that the providers' own clients use.

    Half of a surrogate pair becomes a question mark: PostgreSQL could not store it.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        return json.loads(json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace"))


def refusal(answer: Answer, code: str = "", *, not_taken: bool = False) -> SendError | Ambiguous:
    """Return the error for a status other than success, by HTTP alone.

    `code` is the provider's own, if it gave one; `not_taken`: the body, by the provider's documentation of its errors,
    shows that the provider itself refused and kept nothing of the request.
    """
    status, code = answer.status, code or f"http-{answer.status}"
    # A limit is asked before anything is done. But a gateway says 503 also when the connection behind it broke, and
    # what stumbles over an error may have kept the message before.
    if status == 429 or (status in {408, 500, 503} and not_taken):
        later_s = retry_after_s(answer.headers)
        if status == 429 and later_s is None:
            later_s = LATER_S
        return SendError(code, retryable=True, blame="provider", retry_after_s=later_s)
    if status < 300 or status >= 500 or status == 408:
        # Somebody on the way lost the answer (502, 504, the 52x of CDNs), or a success without the promised content.
        return Ambiguous(code)
    # Wrong credentials, wrong address, or a request that the provider cannot read: the next one would fare no
    # better.
    return SendError(code, retryable=False, blame="us")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Retry-After (RFC 9110, section 10.2.3) or X-RateLimit-Reset (epoch seconds or ISO 8601).

    A point in time is measured against the provider's own Date header, so our clock does not matter.
    """
    stated = headers.get("Retry-After", "")
    if stated.isdecimal():
        return float(stated)
    until = read_moment(stated) or read_moment(headers.get("X-RateLimit-Reset", ""))
    if until is None:
        return None
    now = read_moment(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def read_moment(text: str) -> datetime | None:
    """A point in time as providers write it: epoch seconds, ISO 8601 or RFC 5322; without a zone it is UTC."""
    for read in (_epoch, datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, OverflowError, OSError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _epoch(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)
