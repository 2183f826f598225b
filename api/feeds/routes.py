"""`/feeds/NAME.KIND`: the alerts in force (`active`) or the newest ones (`recent`), in four formats."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.feeds import entries
from api.feeds.entries import Feed
from api.feeds.json_feeds import geojson, json_feed
from api.feeds.xml_feeds import atom, rss
from api.rendering import language_of
from notify.core.db import transaction
from notify.core.translation import speaking

router = APIRouter(prefix="/feeds", include_in_schema=False)

Name = Literal["active", "recent"]
Kind = Literal["atom", "rss", "json", "geojson"]


def _as_json(make: Callable[[Feed], object]) -> Callable[[Feed], bytes]:
    return lambda feed: json.dumps(make(feed), ensure_ascii=False, separators=(",", ":")).encode()


FORMATS: Mapping[str, tuple[str, Callable[[Feed], bytes]]] = {
    "atom": ("application/atom+xml", atom),
    "rss": ("application/rss+xml", rss),
    "json": ("application/feed+json", _as_json(json_feed)),
    "geojson": ("application/geo+json", _as_json(geojson)),
}


@router.get("/{name}.{kind}")
def read(name: Name, kind: Kind, request: Request) -> Response:
    media_type, make = FORMATS[kind]
    language = language_of(request)
    with speaking(language), transaction() as s:
        body = make(entries.read(s, name, datetime.now(UTC)))
    # Pages of other sites may read it: it is public, and answers without cookies.
    headers = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(body, media_type=f"{media_type}; charset=utf-8", headers={"Vary": "Accept-Language", **headers})
