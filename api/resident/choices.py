"""The form on a resident's page about when routine messages come, how many, and how grave they must be."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.resident.me import Text, Viewer, own_page, saved
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.subscribers import choices
from notify.subscribers.choices import Chosen

router = APIRouter(prefix="/me", include_in_schema=False)


@router.post("/choices")
def choose(
    request: Request,
    me: Viewer,
    quiet: Annotated[Literal["city", "own", "never"], Form()] = "city",
    quiet_from: Text = "",
    quiet_to: Text = "",
    timezone: Text = "",
    digest: Annotated[Literal["", "daily", "weekly"], Form()] = "",
    most_a_day: Text = "",
    muted_until: Text = "",
    lowest: Annotated[list[str] | None, Form(max_length=100)] = None,
) -> Response:
    """Store all of it, or nothing. `lowest`: of each contact, as `contact:rank`, without a rank for all messages."""
    now = datetime.now(UTC)
    try:
        hours = choices.hours(quiet, quiet_from, quiet_to)
        wanted = Chosen(hours, timezone, _number(most_a_day), _day(muted_until), digest or None)
        with transaction() as s:
            choices.choose(s, me.subscriber_id, wanted, now)
            choices.set_lowest(s, me.subscriber_id, dict(map(_pair, lowest or ())))
    except Invalid as error:
        fields = {
            "quiet": quiet, "quiet_from": quiet_from, "quiet_to": quiet_to, "timezone": timezone,
            "digest": digest, "most_a_day": most_a_day, "muted_until": muted_until,
        }  # fmt: skip
        return own_page(request, me, error, typed=lambda own: own.as_typed(fields, _readable(lowest or ())))
    return saved(request)


def _readable(pairs: Sequence[str]) -> dict[int, int | None]:
    found: dict[int, int | None] = {}
    for pair in pairs:
        with suppress(Invalid):
            contact, rank = _pair(pair)
            found[contact] = rank
    return found


def _number(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 3:
        raise Invalid(_("This is no number of alerts a day."), hint=_("Choose one of the list."))
    return int(text)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(_("The end of the pause is not a day."), hint=_("Write it as 2027-01-31.")) from None


def _pair(text: str) -> tuple[int, int | None]:
    contact, _colon, rank = text.partition(":")
    try:
        return int(contact), int(rank) if rank else None
    except ValueError:
        raise Invalid(_("This is no severity."), hint=_("Choose one of the list.")) from None
