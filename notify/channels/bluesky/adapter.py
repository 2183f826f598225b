"""Public posts on Bluesky, by the AT Protocol.

https://docs.bsky.app/docs/api/com-atproto-repo-create-record
"""

import json
import math
import time
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import urlencode

from notify.channels.bluesky.errors import not_found, nothing_written, refused
from notify.channels.bluesky.record import COLLECTION, post, record_key
from notify.channels.bluesky.session import JSON, Session, Sessions, Time
from notify.channels.contract import Accepted, Ambiguous, HookRequest, Message, Recall, Receipts, SendError
from notify.channels.exchange import document
from notify.channels.http.client import Answer, Endpoint, HttpClient
from notify.core.errors import BadSignature


class BlueskyPost:
    """One account. Its server keeps one record per key, so a post that is sent twice appears once."""

    channel: ClassVar[str] = "social"
    max_recipients: ClassVar[int] = 1
    recall: ClassVar[Recall] = Recall.ASK

    def __init__(
        self, *, handle: str, app_password: str, base_url: str, client: HttpClient | None, timeout_s: float
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/xrpc"
        self._sessions = Sessions(client, self._url, handle, app_password)
        self._timeout_s = timeout_s

    async def send(self, message: Message, leave_by_s: float = math.inf) -> Accepted:
        """Post once. The reference is the record's `at://` address."""

        def create(session: Session) -> tuple[Endpoint, bytes]:
            record = {
                "repo": session.did,
                "collection": COLLECTION,
                "rkey": record_key(message),
                "record": post(message.content, datetime.now(UTC)),
            }
            return (
                Endpoint("POST", f"{self._url}/com.atproto.repo.createRecord", JSON | _bearer(session)),
                json.dumps(record, ensure_ascii=False).encode(),
            )

        answer = await self._sessions.ask(create, Time(time.monotonic() + self._timeout_s, leave_by_s))
        if answer.status != 200:
            raise refused(answer)
        accepted = _accepted(answer)
        if accepted is None:
            raise Ambiguous("unreadable-answer")
        return accepted

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        """Look the post up by its record key, whatever `since_s` is."""

        def ask(session: Session) -> tuple[Endpoint, None]:
            record = {"repo": session.did, "collection": COLLECTION, "rkey": record_key(message)}
            url = f"{self._url}/com.atproto.repo.getRecord?{urlencode(record)}"
            return Endpoint("GET", url, _bearer(session)), None

        try:
            answer = await self._sessions.ask(ask, Time(time.monotonic() + self._timeout_s))
        except Ambiguous as error:
            raise SendError(error.code, retryable=True, blame="provider") from None
        if not_found(answer):
            return None
        if answer.status != 200:
            raise nothing_written(answer)
        accepted = _accepted(answer)
        if accepted is None:
            raise SendError("unreadable-answer", retryable=True, blame="provider")
        return accepted

    def parse_receipt(self, request: HookRequest) -> Receipts:
        raise BadSignature("Bluesky sends no receipts.")


def _bearer(session: Session) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.access}"}


def _accepted(answer: Answer) -> Accepted | None:
    uri = document(answer).get("uri")
    return Accepted(uri) if isinstance(uri, str) and uri.startswith("at://") else None
