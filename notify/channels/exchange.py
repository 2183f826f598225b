"""One HTTP request to a provider and its answer, with everything that can go wrong sorted into two heaps.

Either the provider certainly did not take the message (SendError), or nobody knows (Ambiguous). The line between
them is whether any byte of the request may have reached it. Adapters add what the provider's own codes mean.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import NamedTuple

import aiohttp
from yarl import URL

from notify.channels.contract import Ambiguous, SendError

LARGE_BODY_BYTES = 2**20  # beyond this aiohttp wants a file, which it writes in pieces


class Answer(NamedTuple):
    """What the provider said."""

    status: int
    headers: Mapping[str, str]  # case-insensitive
    body: bytes

    def json(self) -> dict[str, object]:
        """The body as a JSON object; empty when it is anything else."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


def patience(timeout_s: float) -> aiohttp.ClientTimeout:
    """How long one request may take, `timeout_s` in all.

    At most half of it may go by until the connection stands. So a timeout of the whole can only fall after that,
    and the two kinds are told apart: without a connection nothing was sent.
    """
    return aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 2)


async def exchange(
    client: aiohttp.ClientSession | None,
    method: str,
    url: URL,
    *,
    headers: Mapping[str, str],
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own timeout, which tells connecting from reading
    body: bytes | None = None,
) -> Answer:
    """Send one request. Raises SendError when it cannot have arrived, Ambiguous when it may have.

    Any status is an answer; `refusal` says what it means. Redirects are not followed: they would carry our
    credentials elsewhere.
    """
    if client is None:
        raise RuntimeError("This adapter was built without a client, to read webhooks only.")
    data = BytesIO(body) if body is not None and len(body) > LARGE_BODY_BYTES else body
    try:
        async with client.request(
            method, url, data=data, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await _body(response))
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        # Refused, no such host, TLS failed, or no connection in time: no byte of the request has left.
        raise SendError(_name(error), retryable=True, blame="provider") from None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise SendError("invalid-url", retryable=False, blame="us", detail="check the base URL") from None
    except TimeoutError:
        raise Ambiguous("timeout") from None
    except aiohttp.ClientError as error:
        raise Ambiguous(_name(error)) from None


def refusal(answer: Answer, code: str = "") -> SendError | Ambiguous:
    """What a status other than success means by HTTP alone. `code` is the provider's own, if it gave one."""
    status, code = answer.status, code or f"http-{answer.status}"
    if status in {408, 429, 500, 503}:  # not processed, says the provider
        return SendError(code, retryable=True, blame="provider", retry_after_s=retry_after_s(answer.headers))
    if status < 300 or status > 500:
        # A gateway that lost the answer (502, 504, the 52x of CDNs), or a success without the promised content.
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


async def _body(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, TimeoutError):
        if response.status < 400:
            raise
        return b""  # the status has said enough


def _name(error: Exception) -> str:
    """A code without the URL that aiohttp puts in its messages: a listing's query holds a phone number (law 9)."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "dns"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "tls"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "connect-timeout"
    return "refused" if isinstance(error, aiohttp.ClientConnectorError) else "connection-lost"
