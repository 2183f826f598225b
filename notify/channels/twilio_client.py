"""Twilio's own client over ours: for what is not hot, with our timeouts, our address and the city's way out.

Its library is imported when something is asked: it costs a process 11 MB and most never ask.
"""

import base64
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from notify.channels.contract import Ambiguous, SendError
from notify.channels.exchange import document, exchange, read_moment, refusal
from notify.channels.http.client import Answer, Endpoint, HttpClient
from notify.channels.twilio_errors import NOT_TAKEN, VERDICTS, verdict

MOST_MESSAGES = 50_000  # of one lookup


class Listing:
    """Messages that Twilio lists, and what time it is there."""

    def __init__(self, account_sid: str, auth_token: str, base_url: str, client: HttpClient | None, timeout_s: float):
        self.there = datetime.now(UTC)  # by the last answer
        self._account = account_sid, auth_token
        self._base_url, self._client, self._timeout_s = base_url, client, timeout_s

    async def messages(self, to: str, sender: str, since: date | None, page_size: int) -> AsyncGenerator[Any, None]:
        """Those to this number, the newest first, as the library's MessageInstance. Raises SendError without an answer.

        `sender`: a number, or "" for all; `since`: of DateSent.
        """
        from twilio.base import values
        from twilio.base.exceptions import TwilioException
        from twilio.rest import Client

        # Twilio's own variables of the environment are not ours.
        twilio = Client(*self._account, http_client=self, environment={"": ""})
        twilio.api.base_url = self._base_url
        filters = {"to": to, "from_": sender or values.unset, "date_sent_after": f"{since}" if since else values.unset}
        seen = 0
        try:
            async for listed in await twilio.messages.stream_async(**filters, limit=MOST_MESSAGES, page_size=page_size):
                seen += 1
                yield listed
        except (TwilioException, AttributeError, KeyError, TypeError):
            # The status was right, and what came with it is not a list of messages.
            raise SendError("unreadable-answer", retryable=True, blame="provider") from None
        if seen >= MOST_MESSAGES:
            raise SendError("too-many-messages", retryable=False, blame="provider")

    # twilio.http.AsyncHttpClient, by its shape

    is_async = True

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_: object,
    ) -> Any:
        """Called by the library. A question can be asked again: no outcome of it is ambiguous."""
        from twilio.http.response import Response

        try:
            answer = await exchange(
                self._client, endpoint(method, uri, params, headers, auth), _body(data), self._timeout_s
            )
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
        return Response(answer.status, answer.body.decode("utf-8", "replace"), answer.headers)


def endpoint(
    method: str,
    uri: str,
    params: Mapping[str, object] | None,
    headers: Mapping[str, str] | None,
    auth: tuple[str, str] | None,
) -> Endpoint:
    """A request as the library describes it, as one of ours."""
    query = urlencode({name: value for name, value in (params or {}).items() if value is not None})
    if query:
        uri += ("&" if "?" in uri else "?") + query
    sent = dict(headers or {})
    if auth:
        sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
    return Endpoint(method, URL(uri, encoded=True), sent)


def refused_by(answer: Answer) -> SendError | Ambiguous:
    """What an answer other than success means."""
    code = str(document(answer).get("code") or "")
    plain = refusal(answer, code, not_taken=code in NOT_TAKEN)
    if isinstance(plain, Ambiguous) or plain.retryable:
        return plain
    if code in VERDICTS or (code and answer.status == 400):
        return error_of(code)
    return plain


def error_of(code: str) -> SendError:
    judged = verdict(code)
    # Twilio's own message repeats the phone number, so only the address of its explanation is kept (law 9).
    detail = f"https://www.twilio.com/docs/api/errors/{code}" if code.isdecimal() else ""
    return SendError(code, retryable=judged.retryable, blame=judged.blame, suppress=judged.suppress, detail=detail)


def _body(data: Mapping[str, object] | None) -> bytes | None:
    return urlencode(data).encode("ascii") if data else None
