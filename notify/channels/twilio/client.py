"""Twilio's own library on our HTTP client, with our timeouts, base URL and proxy. For infrequent reads only.

`twilio.rest` is imported with the first request: it costs a process 11 MB, and most never need it.
"""

import base64
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from notify.channels.contract import Ambiguous, SendError
from notify.channels.exchange import document, exchange, read_moment, refusal
from notify.channels.http.client import Answer, Endpoint, HttpClient
from notify.channels.twilio.errors import NOT_TAKEN, VERDICTS, verdict

MOST_MESSAGES = 50_000  # of one lookup


class Listing:
    """Lists messages at Twilio, and knows the time on Twilio's clock."""

    def __init__(self, account_sid: str, auth_token: str, base_url: str, client: HttpClient | None, timeout_s: float):
        self.there = datetime.now(UTC)  # Twilio's time, by its last answer
        self._account = account_sid, auth_token
        self._base_url, self._client, self._timeout_s = base_url, client, timeout_s

    async def messages(self, to: str, sender: str, since: date | None, page_size: int) -> AsyncGenerator[Any, None]:
        """Yield the messages to this number, newest first (MessageInstance). Raises SendError without a full answer.

        `sender`: the number they were sent from, or "" for any. `since`: the earliest DateSent, or None.
        """
        from twilio.base import values
        from twilio.base.exceptions import TwilioException

        twilio = library(*self._account, self._base_url, self._ask, is_async=True)
        filters = {"to": to, "from_": sender or values.unset, "date_sent_after": f"{since}" if since else values.unset}
        seen = 0
        try:
            async for listed in await twilio.messages.stream_async(**filters, limit=MOST_MESSAGES, page_size=page_size):
                seen += 1
                yield listed
        except (TwilioException, AttributeError, KeyError, TypeError):
            # The status was 200, but the body is not a list of messages.
            raise SendError("unreadable-answer", retryable=True, blame="provider") from None
        if seen >= MOST_MESSAGES:
            raise SendError("too-many-messages", retryable=False, blame="provider")

    async def _ask(self, endpoint: Endpoint) -> Any:
        """Send a query. Repeating it is safe, so an unknown outcome becomes a retryable SendError."""
        try:
            answer = await exchange(self._client, endpoint, None, self._timeout_s)
        except Ambiguous as error:
            raise SendError(error.code, retryable=True, blame="provider") from None
        if answer.status != 200:
            refused = refused_by(answer)
            if isinstance(refused, Ambiguous):
                raise SendError(refused.code, retryable=True, blame="provider")
            raise refused
        if not document(answer):
            raise SendError("unreadable-answer", retryable=True, blame="provider")
        self.there = read_moment(answer.headers.get("Date", "")) or datetime.now(UTC)
        return response(answer)


def library(account_sid: str, auth_token: str, base_url: str, ask: Callable[[Endpoint], Any], *, is_async: bool) -> Any:
    """Return a read-only `twilio.rest.Client` that sends by `ask`, which returns a `response` or a coroutine of it."""
    from twilio.rest import Client

    # Twilio's own environment variables are not read.
    twilio = Client(account_sid, auth_token, http_client=_Http(ask, is_async), environment={"": ""})
    if base_url != twilio.api.base_url:
        twilio.api.base_url = twilio.messaging.base_url = base_url
    return twilio


def response(answer: Answer) -> Any:
    """Convert our answer to the library's."""
    from twilio.http.response import Response

    return Response(answer.status, answer.body.decode("utf-8", "replace"), answer.headers)


class _Http:
    """An HTTP client with the interface of `twilio.http.HttpClient`, or of AsyncHttpClient."""

    def __init__(self, ask: Callable[[Endpoint], Any], is_async: bool) -> None:
        self._ask, self.is_async = ask, is_async

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_: object,
    ) -> Any:
        if method != "GET" or data:
            raise RuntimeError(f"This client only reads from Twilio: {method} is not allowed.")
        return self._ask(_endpoint(uri, params, headers, auth))


def _endpoint(
    uri: str,
    params: Mapping[str, object] | None,
    headers: Mapping[str, str] | None,
    auth: tuple[str, str] | None,
) -> Endpoint:
    """Convert a request of the library to one of ours."""
    query = urlencode({name: value for name, value in (params or {}).items() if value is not None})
    if query:
        uri += ("&" if "?" in uri else "?") + query
    sent = dict(headers or {})
    if auth:
        sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
    return Endpoint("GET", URL(uri, encoded=True), sent)


def refused_by(answer: Answer) -> SendError | Ambiguous:
    """Return the error for an answer other than success."""
    code = str(document(answer).get("code") or "")
    plain = refusal(answer, code, not_taken=code in NOT_TAKEN)
    if isinstance(plain, Ambiguous) or plain.retryable:
        return plain
    if code in VERDICTS or (code and answer.status == 400):
        return error_of(code)
    return plain


def error_of(code: str) -> SendError:
    judged = verdict(code)
    # Twilio's own message repeats the phone number, so only the URL of its explanation is kept (law 9).
    detail = f"https://www.twilio.com/docs/api/errors/{code}" if code.isdecimal() else ""
    return SendError(code, retryable=judged.retryable, blame=judged.blame, suppress=judged.suppress, detail=detail)
