"""File requests with the city's system, none of them twice.

A row stands before anything leaves (law 5: claim, send, record). A row that nobody recorded an end of is *perhaps
filed*: a request that is like it is refused until somebody has looked in the city's system.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit, crypto, keyring
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import CityRequest, Operator
from notify.models.city_request import CityRequestState
from notify.service311.open311.client import Open311, PerhapsFiled, Unavailable, Wanted

PURPOSE = "request"  # for which places and descriptions are sealed
LONGEST = 1_000  # characters of a description
LOST_AFTER = timedelta(minutes=2)  # a filing that is not recorded by then: its process has ended
ALIKE = timedelta(hours=24)  # the same service at the same address
KEPT = timedelta(days=90)
LOCK = 7_461_033  # two at once could file the same request


@dataclass(frozen=True, slots=True)
class Filing:
    """One that was handed over. `state`: "perhaps" also for one that was lost on the way."""

    id: int
    state: CityRequestState
    number: str
    token: str
    said: str
    service: str
    service_code: str
    made_at: datetime
    wanted: Wanted


def begin(s: Session, form: UUID, service: str, wanted: Wanted, by: Operator, now: datetime) -> tuple[Filing, bool]:
    """Note that a request is about to be filed; commit before it is. Returns whether it may leave: a form that was sent
    twice is answered with what the first one became.

    Raises NotAllowed; Invalid without a place or description; Refused for one that is like another which is perhaps
    filed, or was filed within a day.
    """
    operators.require(by, "serve")
    description = visible(wanted.description).strip()
    if not description:
        raise Invalid(_("Say what the request is about."), hint=_("One sentence that the crew can work with."))
    if not (wanted.address or wanted.at):
        raise Invalid(_("Where is it?"), hint=_("Write a street and number, such as 120 Main St."))
    wanted = replace(wanted, description=description[:LONGEST])
    take_lock(s, LOCK)
    if (known := s.scalar(select(CityRequest).where(CityRequest.form == form))) is not None:
        return _read(s, known, now), False
    _require_new(s, wanted, now)
    keyring.hold(s)
    place = {"address": wanted.address, "at": wanted.at, "description": wanted.description}
    row = s.scalars(
        insert(CityRequest).returning(CityRequest),
        {
            "form": form, "service_code": wanted.service_code, "service": service, "state": "filing",
            "address_sealed": crypto.seal(json.dumps(place), PURPOSE), "made_at": now, "made_by": by.id,
        },
    ).one()  # fmt: skip
    audit.note(s, now=now, by=by, action="file", subject="city request", subject_id=row.id, service=wanted.service_code)
    return _read(s, row, now), True


def hand_over(city: Open311, wanted: Wanted) -> tuple[CityRequestState, str, str, str]:
    """File a request, outside any transaction. Returns its state, number, token and what was said. Never raises what
    the city's system does."""
    try:
        filed = city.file(wanted)
    except PerhapsFiled as error:
        return "perhaps", "", "", str(error)
    except Unavailable as error:  # refused, or it never left
        return "refused", "", "", str(error)
    return "filed", filed.id, filed.token, filed.notice


def record(s: Session, filing_id: int, became: tuple[CityRequestState, str, str, str], now: datetime) -> Filing:
    """Record what became of one. A row that somebody has settled since stays as it is."""
    row = _row(s, filing_id)
    if row.settled_at is None:
        row.state, row.number, row.token, row.said = became
        row.settled_at = None if row.state == "perhaps" else now
    return _read(s, row, now)


def settle(s: Session, filing_id: int, number: str, by: Operator, now: datetime) -> Filing:
    """Record what somebody found in the city's system: the number of the request, or "" for none.

    Raises NotAllowed, NotFound; Refused for one that is not in doubt.
    """
    operators.require(by, "serve")
    row = _row(s, filing_id)
    if _state(row, now) != "perhaps":
        raise Refused(_("It is known already what became of this request."))
    row.number, row.settled_at = visible(number).strip()[:100], now
    row.state = "filed" if row.number else "given up"
    audit.note(s, now=now, by=by, action="settle", subject="city request", subject_id=row.id, found=bool(row.number))
    return _read(s, row, now)


def token_of(s: Session, filing_id: int) -> str:
    """Return what the number of a request is asked for by. Raises NotFound, also for one without a token."""
    row = _row(s, filing_id)
    if not row.token:
        raise NotFound(_("There is no such request."))
    return row.token


def name(s: Session, filing_id: int, number: str, by: Operator, now: datetime) -> None:
    """Record the number that a token stands for; a number that is known stays. Raises NotAllowed; Refused while there
    is none."""
    operators.require(by, "serve")
    if not number:
        raise Refused(_("The city has no number for it yet."), hint=_("Ask again in an hour."))
    row = _row(s, filing_id)
    if not row.number:
        row.number = number
        audit.note(s, now=now, by=by, action="settle", subject="city request", subject_id=row.id, found=True)


def latest(s: Session, now: datetime, most: int = 20) -> Sequence[Filing]:
    """Return what the desk filed last, those in doubt first."""
    doubtful = CityRequest.settled_at.is_(None)
    rows = s.scalars(select(CityRequest).order_by(doubtful.desc(), CityRequest.made_at.desc()).limit(most)).all()
    return [_read(s, row, now) for row in rows]


def forget_old(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM city_requests WHERE made_at < :old"), {"old": now - KEPT})


def _require_new(s: Session, wanted: Wanted, now: datetime) -> None:
    recent = select(CityRequest).where(
        CityRequest.service_code == wanted.service_code,
        CityRequest.made_at > now - KEPT,
        CityRequest.settled_at.is_(None) | ((CityRequest.state == "filed") & (CityRequest.made_at > now - ALIKE)),
    )
    for row in s.scalars(recent).all():
        one = _read(s, row, now)
        if not _same_place(one.wanted, wanted):
            continue
        if one.state in {"perhaps", "filing"}:
            raise Refused(
                _("The same request is perhaps filed already."),
                hint=_("Look for it in the city's system, and say below whether it is there."),
            )
        raise Refused(
            _("The same request was filed within a day: %(number)s.", number=one.number or one.token),
            hint=_("Tell the caller its number."),
        )


def _same_place(one: Wanted, other: Wanted) -> bool:
    if one.address and other.address:
        return " ".join(one.address.casefold().split()) == " ".join(other.address.casefold().split())
    return one.at is not None and one.at == other.at


def _row(s: Session, filing_id: int) -> CityRequest:
    row = s.get(CityRequest, filing_id, with_for_update=True)
    if row is None:
        raise NotFound(_("There is no such request."))
    return row


def _state(row: CityRequest, now: datetime) -> CityRequestState:
    return "perhaps" if row.state == "filing" and now - row.made_at > LOST_AFTER else row.state


def _read(s: Session, row: CityRequest, now: datetime) -> Filing:
    keyring.hold(s)
    place = json.loads(crypto.unseal(row.address_sealed, PURPOSE))
    at = tuple(place["at"]) if place["at"] else None
    wanted = Wanted(row.service_code, place["description"], place["address"], at)
    return Filing(
        row.id, _state(row, now), row.number, row.token, row.said, row.service, row.service_code, row.made_at, wanted
    )
