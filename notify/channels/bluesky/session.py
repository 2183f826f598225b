"""The session of an account: made once, kept, and renewed when the server asks for it.

A server allows 300 new sessions a day, so all posts of a process share one. Its access token lasts for hours, its
refresh token for months, and each renewal replaces both.

https://docs.bsky.app/docs/api/com-atproto-server-create-session, -refresh-session
"""

import asyncio
import json
import math
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from notify.channels.bluesky.errors import is_stale, nothing_written
from notify.channels.contract import Ambiguous, SendError
from notify.channels.exchange import document, exchange
from notify.channels.http.client import Answer, Endpoint, HttpClient

JSON = {"Content-Type": "application/json"}


class Session(NamedTuple):
    """Our DID, and the two tokens."""

    did: str
    access: str
    refresh: str


class Time(NamedTuple):
    """The deadlines of a request, including any login before it, on `time.monotonic()`.

    `leave_by_s` is for the request itself: a session that took longer is kept for the next one.
    """

    ends_s: float
    leave_by_s: float = math.inf

    def left_s(self) -> float:
        """Return the seconds left. Raises SendError if there are none: nothing was posted."""
        left_s = self.ends_s - time.monotonic()
        if left_s <= 0:
            raise SendError("session-timeout", retryable=True, blame="provider")
        return left_s


class Sessions:
    """The session that all posts of this process share. For one event loop."""

    def __init__(self, client: HttpClient | None, url: str, handle: str, app_password: str) -> None:
        """`url`: the base of the server's methods, such as "https://bsky.social/xrpc"."""
        self._client = client
        self._url = url
        self._login = {"identifier": handle.removeprefix("@"), "password": app_password}
        self._lock = asyncio.Lock()
        self._session: Session | None = None

    async def ask(self, request: Callable[[Session], tuple[Endpoint, bytes | None]], until: Time) -> Answer:
        """Send a request in the session, and once more in a new one if the server refuses its token.

        Raises as `exchange` does, and SendError if no session can be obtained.
        """
        session = await self._current(None, until)
        answer = await self._exchange(*request(session), until, until.leave_by_s)
        if is_stale(answer):
            session = await self._current(session, until)
            answer = await self._exchange(*request(session), until, until.leave_by_s)
        return answer

    async def _current(self, refused: Session | None, until: Time) -> Session:
        """Return the session, or a new one if there is none or only the one that was refused."""
        async with self._lock:
            if self._session is None or self._session is refused:
                self._session = await self._renewed(until)
            return self._session

    async def _renewed(self, until: Time) -> Session:
        try:
            if self._session is not None:
                headers = {"Authorization": f"Bearer {self._session.refresh}"}
                self._session = None  # from here on its refresh token may be used up
                renewal = Endpoint("POST", f"{self._url}/com.atproto.server.refreshSession", headers)
                answer = await self._exchange(renewal, None, until)
                if answer.status == 200:
                    return _session(answer)
            return _session(await self._exchange(*login(self._url, self._login), until))
        except Ambiguous as error:  # only the session is in doubt: the post was not sent
            raise SendError(f"session-{error.code}", retryable=True, blame="provider") from None

    async def _exchange(
        self, endpoint: Endpoint, body: bytes | None, until: Time, leave_by_s: float = math.inf
    ) -> Answer:
        return await exchange(self._client, endpoint, body, until.left_s(), leave_by_s)


def login(url: str, given: dict[str, str]) -> tuple[Endpoint, bytes]:
    """Return the request for a new session."""
    return Endpoint("POST", f"{url}/com.atproto.server.createSession", JSON), json.dumps(given).encode()


def _session(answer: Answer) -> Session:
    if answer.status != 200:
        raise nothing_written(answer)
    given = document(answer)
    did, access, refresh = (given.get(name) for name in ("did", "accessJwt", "refreshJwt"))
    if not (isinstance(did, str) and _is_token(access) and _is_token(refresh)):
        raise SendError("unreadable-session", retryable=True, blame="provider")
    return Session(did, str(access), str(refresh))


def _is_token(given: object) -> bool:
    """Return whether it can be used in a header."""
    return isinstance(given, str) and re.fullmatch(r"[\x21-\x7e]+", given) is not None
