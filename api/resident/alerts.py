"""Public pages: the alerts in force, the archive, and one launched alert."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.ids import Id
from api.rendering import language_of, page
from api.resident import notices
from notify.alerts.public import archive
from notify.content.compose import catalogue
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Topic
from notify.service311 import editions
from notify.service311.outages import said
from notify.service311.outages.words import EVENT as OUTAGE
from notify.service311.snow import routes

router = APIRouter(include_in_schema=False)
MOST_PAGES = 10_000
FEEDS = (("atom", "Atom"), ("rss", "RSS"), ("json", "JSON"), ("geojson", "GeoJSON"))


@router.get("/")
def landing(request: Request) -> Response:
    language, now = language_of(request), datetime.now(UTC)
    with transaction() as s:
        threads, practices = notices.in_force(s, language, now), notices.practices(s, language, now)
        outages = said.in_public(s, now)
        has_days, has_routes = editions.current(s) is not None, bool(routes.classes(s))
    return page(
        request,
        "landing.html",
        threads=threads,
        practices=practices,
        outages=outages,
        called=_called(),
        has_days=has_days,
        has_routes=has_routes,
        now=now,
    )


@router.get("/alerts")
def alerts(request: Request) -> Response:
    language, now = language_of(request), datetime.now(UTC)
    with transaction() as s:
        threads, outages = notices.in_force(s, language, now), said.in_public(s, now)
    return page(
        request, "alerts.html", threads=threads, outages=outages, called=_called(), short=_short, formats=FEEDS, now=now
    )


@router.get("/alerts/past")
def past(request: Request) -> Response:
    """The archive, by month or topic. A filter that makes no sense is left out rather than refused."""
    language, now = language_of(request), datetime.now(UTC)
    asked = request.query_params
    wanted = archive.Wanted(_month(asked.get("month", "")), asked.get("topic") or None, _number(asked.get("page", "")))
    with transaction() as s:
        found = archive.find(s, wanted, now, settings().tz)
        shown = notices.past(s, found.alerts, language, now)
    topics = [topic.value for topic in Topic]

    def at(number: int) -> str:
        month = f"{wanted.month:%Y-%m}" if wanted.month else ""
        parts = {"lang": language, "month": month, "topic": wanted.topic, "page": number if number > 1 else ""}
        return f"/alerts/past?{urlencode({name: value for name, value in parts.items() if value})}"

    return page(request, "past.html", found=found, shown=shown, wanted=wanted, topics=topics, at=at, now=now)


@router.get("/alerts/{alert_id}")
def alert(alert_id: Id, request: Request) -> Response:
    language, now = language_of(request), datetime.now(UTC)
    with transaction() as s:
        shown = notices.find(s, alert_id, language, now)
        drawing = notices.drawing(s, alert_id)
    return page(request, "notice.html", shown=shown, notice=shown.notice, drawing=drawing, now=now)


def _called() -> Mapping[str, str]:
    """Return what outages are called, by what is out; the catalogue of messages translates it."""
    return catalogue().event(OUTAGE).called["utility"]


def _short(alert_id: int) -> str:
    """Return an alert's address as people write it: without https://."""
    return f"{settings().public_url.partition('://')[2]}/alerts/{alert_id}"


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


def _number(text: str) -> int:
    return min(int(text), MOST_PAGES) if text.isascii() and text.isdecimal() and 0 < len(text) < 6 and int(text) else 1
