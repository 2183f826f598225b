"""Public posts by the Mastodon API, which many Fediverse servers support.

https://docs.joinmastodon.org/methods/statuses/#create
"""

import json
import math
from functools import lru_cache
from typing import ClassVar

from notify.channels.contract import Accepted, Ambiguous, Content, HookRequest, Message, Recall, Receipts
from notify.channels.exchange import document, exchange, refusal
from notify.channels.http.client import Endpoint, HttpClient
from notify.core.errors import BadSignature


class MastodonPost:
    """One account on one server; the access token chooses it."""

    channel: ClassVar[str] = "social"
    max_recipients: ClassVar[int] = 1
    recall: ClassVar[Recall] = Recall.REPEAT  # the server keeps an Idempotency-Key for an hour

    def __init__(self, *, access_token: str, base_url: str, client: HttpClient | None, timeout_s: float) -> None:
        self._client = client
        self._url = f"{base_url.rstrip('/')}/api/v1/statuses"
        self._timeout_s = timeout_s
        self._headers = {"Authorization": f"Bearer {access_token}", "Content-Type": "application/json"}

    async def send(self, message: Message, leave_by_s: float = math.inf) -> Accepted:
        """Post once: the server answers a repeated key with the first post."""
        key = f"tocsin-{message.recipients[0].delivery_id}"
        endpoint = Endpoint("POST", self._url, self._headers | {"Idempotency-Key": key})
        answer = await exchange(self._client, endpoint, _post(message.content), self._timeout_s, leave_by_s)
        if not 200 <= answer.status < 300:
            # Certain or ambiguous: the post can be sent again, because it carries the same key.
            raise refusal(answer, not_taken="error" in document(answer))
        post_id = document(answer).get("id")
        if not isinstance(post_id, str) or not post_id:
            raise Ambiguous("unreadable-answer")
        return Accepted(post_id)

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        raise NotImplementedError("Send the post again: its Idempotency-Key makes that safe.")

    def parse_receipt(self, request: HookRequest) -> Receipts:
        raise BadSignature("Mastodon sends no receipts.")


@lru_cache(maxsize=64)
def _post(content: Content) -> bytes:
    status = {
        "status": content.text,
        "language": content.language.partition("-")[0],  # ISO 639-1
        "visibility": "public",
    }
    return json.dumps(status, ensure_ascii=False).encode()
