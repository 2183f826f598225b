"""Build the record of a post, and its key in the account's repository.

https://docs.bsky.app/docs/advanced-guides/posts; lexicons app.bsky.feed.post and app.bsky.richtext.facet.
"""

import hashlib
from datetime import datetime
from functools import lru_cache

from notify.channels.contract import Content, Message
from notify.core.urls import find_urls

COLLECTION = "app.bsky.feed.post"
_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"  # base32-sortable
_FIRST_US = 1_577_836_800_000_000  # 2020-01-01
_SPAN_US = 2**47  # four and a half years


def record_key(message: Message) -> str:
    """Return the key of a delivery's post. It never changes, and no two deliveries have the same.

    Keys of posts are timestamp identifiers (https://atproto.com/specs/tid): microseconds and ten more bits. Ours are a
    hash of the delivery, so the time has no meaning; it is in the past because a server may refuse one in the future.
    The hash includes the text, because another installation that posts as the same account has the same delivery
    ids.
    """
    content = message.content
    what = f"{message.recipients[0].delivery_id} {content.alert_id} {content.language} {content.text}"
    number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8])
    micros = _FIRST_US + number % _SPAN_US
    tid = micros << 10 | (number >> 54)
    return "".join(_DIGITS[tid >> shift & 31] for shift in range(60, -5, -5))


def post(content: Content, created_at: datetime) -> dict[str, object]:
    """Return the record. `created_at`: aware, UTC."""
    words: dict[str, object] = {"$type": COLLECTION, "text": content.text, "langs": [content.language]}
    if links := _links(content.text):
        words["facets"] = links
    return words | {"createdAt": created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


@lru_cache(maxsize=64)
def _links(text: str) -> list[dict[str, object]]:
    """Return the facets that make web addresses in a text links, which they are not otherwise. In bytes of UTF-8."""
    facets: list[dict[str, object]] = []
    for start, url in find_urls(text):
        first = len(text[:start].encode())
        facets.append(
            {
                "index": {"byteStart": first, "byteEnd": first + len(url.encode())},
                "features": [
                    {
                        "$type": "app.bsky.richtext.facet#link",
                        "uri": f"https://{url}" if url.lower().startswith("www.") else url,
                    }
                ],
            }
        )
    return facets
