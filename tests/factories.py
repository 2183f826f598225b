"""Rows to test with, written through our own code where there is some. Everything is made up.

    with transaction() as s:
        zone(s, "Riverside", square(0, 0))
        tom = resident(s, at=[(0.5, 0.5)])
        alert = alert_ready(s, zones=["Riverside"])

Times default to `NOW`; give `now=datetime.now(UTC)` where a running worker compares them with its own clock.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from pydantic import SecretStr
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.practice import scenarios
from notify.alerts.writing import drafting
from notify.channels.channel import CHANNELS
from notify.city import zones as city_zones
from notify.content import compose
from notify.core import crypto, points
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import fanout, senders
from notify.models import (
    Alert,
    Consent,
    Contact,
    Incident,
    Operator,
    OperatorContact,
    Outage,
    OutageStep,
    OutsideFeed,
    OutsideWarning,
    Place,
    PlaceCheck,
    Preference,
    Sender,
    Subscriber,
    Topic,
    Zone,
)
from notify.models.base import Base
from notify.models.states import AlertState
from notify.outside import storing
from notify.outside.messages import Message, Words
from notify.training.city import CityZone
from notify.training.names import phone as phone_of
from zones.geometry import to_wkb

NOW = datetime(2027, 1, 11, 17, 0, tzinfo=UTC)  # a Monday, noon in New York
OWN = ("sms", "email")  # the channels of a resident's contacts
_people = count(1)

# Enough to be allowed to approve; nothing can be sent with it, and the network is blocked.
CREDENTIALS: dict[str, Any] = {
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": SecretStr("not a token"),
    "sendgrid_api_key": SecretStr("not a key"),
    "mastodon_base_url": "http://127.0.0.1:9",
    "mastodon_access_token": SecretStr("not a token"),
    "bluesky_handle": "city.example.org",
    "bluesky_app_password": SecretStr("not a password"),
}


@dataclass(frozen=True, slots=True)
class Resident:
    """A subscriber and the ids of its contacts."""

    id: int
    phone: str
    email: str
    sms: int | None
    mail: int | None


def operator(s: Session, role: str = "admin", email: str | None = None, *, now: datetime = NOW) -> Operator:
    """A staff member; the one of that role (or email) who is there already, if any."""
    email = email or f"{role}@tocsin.example.org"
    known = s.scalar(select(Operator).where(Operator.email == email))
    return known or operators.add(s, email, role, now)


def square(west: float, south: float, side: float = 1.0) -> Polygon:
    """Degrees."""
    return box(west, south, west + side, south + side)


def zone(
    s: Session, name: str = "Riverside", shape: Polygon | None = None, kind: str = "custom", *, now: datetime = NOW
) -> Zone:
    """By default the square between (0, 0) and (1, 1)."""
    city_zones.keep(s, kind, [CityZone(kind, name, None, shape or square(0, 0))], "a test", now)
    return city_zones.find(s, f"{kind}:{name}").zone


def scenario_zones(s: Session, scenario: str, *, now: datetime = NOW) -> None:
    """The zones of a drill's scenario: unit squares in a row, from (0, 0) eastwards."""
    for n, name in enumerate(scenarios.scenario(scenario).zones):
        kind, _, called = name.partition(":")
        zone(s, called, square(n, 0), kind, now=now)


def sender(s: Session, provider: str = "twilio", rate_per_s: float = 100.0, *, now: datetime = NOW) -> Sender:
    """The sender of this provider; made when there is none."""
    address = {"twilio": "+15555550100", "sendgrid": "alerts@tocsin.example.org"}.get(provider, "city")
    known = s.scalar(select(Sender).where(Sender.provider == provider))
    return known or senders.add(s, provider, address, rate_per_s, now)


@dataclass(frozen=True, slots=True)
class Person:
    """A resident to be: places `at` (lon, lat), topics and addresses. By default with a phone of its own and no email;
    "": one is made up."""

    at: Sequence[tuple[float, float]] = ((0.5, 0.5),)
    topics: Sequence[str] = ("storm",)
    phone: str | None = ""
    email: str | None = None
    language: str = "en"
    verified: bool = True


def resident(s: Session, *, now: datetime = NOW, **person: Any) -> Resident:
    """A resident; `person` is as of `Person`."""
    return residents(s, [Person(**person)], now=now)[0]


def residents(s: Session, people: Iterable[Person], *, now: datetime = NOW) -> list[Resident]:
    """Many at once, in a tenth of the time that one after another takes."""
    people = list(people)
    ids = _insert(s, Subscriber, [{"language": person.language, "created_at": now} for person in people])
    known = list(zip(ids, people, strict=True))
    topics = [{"subscriber_id": who, "topic": Topic(topic)} for who, person in known for topic in person.topics]
    _insert(s, Preference, topics, "subscriber_id")
    homes = [(who, lon, lat) for who, person in known for lon, lat in person.at]
    sealed = points.seal_all(*zip(*homes, strict=True)) if homes else []
    place = {"label": "home", "radius_m": 0, "created_at": now}
    _insert(
        s,
        Place,
        [{"subscriber_id": home[0], **place, **one._asdict()} for home, one in zip(homes, sealed, strict=True)],
    )
    addresses = list(map(_addresses, people))
    contacts = [
        _contact(who, channel, address, person.verified, now)
        for (who, person), given in zip(known, addresses, strict=True)
        for channel, address in zip(OWN, given, strict=True)
        if address is not None
    ]
    made = _insert(s, Contact, contacts)
    _insert(
        s,
        Consent,
        [
            {"contact_id": number, "kind": "opt-in", "at": now, "how": "a test"}
            for number, contact in zip(made, contacts, strict=True)
            if contact["verified_at"]
        ],
    )
    numbers = iter(made)
    return [
        Resident(who, phone or "", email or "", phone and next(numbers), email and next(numbers))
        for who, (phone, email) in zip(ids, addresses, strict=True)
    ]


def _addresses(person: Person) -> tuple[str | None, str | None]:
    """Its phone and its email."""
    number = next(_people)
    phone = phone_of(number) if person.phone == "" else person.phone
    return phone, f"resident.{number}@example.org" if person.email == "" else person.email


def _insert(s: Session, model: type[Base], rows: Sequence[dict[str, Any]], returned: str = "id") -> list[int]:
    """Insert rows in this order, in one statement: to make an object of each would take several times as long."""
    if not rows:
        return []
    table, columns = model.__tablename__, ", ".join(rows[0])
    statement = f"""INSERT INTO {table} ({columns})
                    SELECT {columns} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json))
                    RETURNING {returned}"""
    return list(s.scalars(text(statement), {"rows": json.dumps(rows, default=_in_json)}))


def _in_json(value: bytes | datetime) -> str:
    return rf"\x{value.hex()}" if isinstance(value, bytes) else value.isoformat()


def place_check(
    s: Session,
    typed: str,
    *,
    at: tuple[float, float] = (0.5, 0.5),
    given_by: str = "map",
    now: datetime = NOW,
    **person: Any,
) -> int:
    """A resident's place whose address is not in the city's file. Return the id of the place."""
    who = resident(s, at=(at,), now=now, **person).id
    (place,) = s.scalars(select(Place).where(Place.subscriber_id == who))
    place.address_sealed = crypto.seal(typed, "address")
    s.execute(insert(PlaceCheck).values(place_id=place.id, given_by=given_by, made_at=now))
    return place.id


def homes(s: Session) -> list[tuple[float, float]]:
    """(lon, lat) of all places, the oldest first."""
    stored = s.execute(text("SELECT subscriber_id, point_sealed FROM places ORDER BY id")).all()
    return [points.open_one(row.subscriber_id, row.point_sealed) for row in stored]


def move(s: Session, subscriber_id: int, lon: float, lat: float) -> None:
    """All places of a resident to one point; with several of them the database refuses it."""
    s.execute(
        text("""UPDATE places SET point_sealed = :point_sealed, cell_index = :cell_index WHERE subscriber_id = :id"""),
        {"id": subscriber_id, **points.seal(subscriber_id, lon, lat)._asdict()},
    )


def _contact(who: int, channel: str, address: str, verified: bool, now: datetime) -> dict[str, Any]:
    return {
        "subscriber_id": who,
        "channel": channel,
        "address_index": CHANNELS[channel].address_index(address),
        "address_sealed": crypto.seal(address, channel),
        "verified_at": now if verified else None,
        "created_at": now,
    }


def alert_draft(
    s: Session,
    *,
    zones: Sequence[str] = ("Riverside",),
    event: str = "storm",
    phase: str = "issue",
    blanks: Mapping[str, str] | None = None,
    channels: Sequence[str] = ("sms",),
    now: datetime = NOW,
    **draft: Any,
) -> Alert:
    """Written by an author; further values are those of `alerts.Draft`. A storm is an emergency, snow is routine."""
    wanted = drafting.Draft(
        event=event,
        phase=phase,
        zones=zones,
        blanks=_examples(event, phase, now) if blanks is None else blanks,
        channels=channels,
        **draft,
    )
    return drafting.draft(s, wanted, operator(s, "author", now=now), now, settings())


def alert_ready(s: Session, *, channels: Sequence[str] = ("sms",), now: datetime = NOW, **draft: Any) -> Alert:
    """Written by an author and approved by an approver, with a sender for each channel: it can be launched."""
    for provider in ("twilio", "sendgrid", "mastodon"):
        if senders.channel_of(provider) in channels:
            sender(s, provider, now=now)
    alert = alert_draft(s, channels=channels, now=now, **draft)
    allowed = settings().model_copy(update={name: v for name, v in CREDENTIALS.items() if _unset(name)})
    return lifecycle.approve(s, alert.id, operator(s, "approver", now=now), now, allowed)


def alert_launched(*, now: datetime = NOW, **draft: Any) -> int:
    """An alert that was launched by itself, in a transaction of its own; its id."""
    with transaction() as s:
        alert_id = alert_ready(s, now=now, **draft).id
        lifecycle.launch(s, alert_id, None, now)
    return alert_id


def alert_resolved(*, now: datetime = NOW, **draft: Any) -> int:
    """A launched alert whose audience has become deliveries, in transactions of its own; its id."""
    with transaction() as s:
        alert_id = alert_ready(s, now=now, **draft).id
        lifecycle.launch(s, alert_id, operator(s), now)
    resolve(alert_id, now)
    return alert_id


def resolve(alert_id: int, now: datetime = NOW) -> list[int]:
    """Turn the audience of a launched alert into deliveries; returns the ids of their batches."""
    return [batch for batches in fanout.resolve(alert_id, now) for batch in batches]


def outage(s: Session, area: BaseGeometry, *, now: datetime = NOW, told: bool = True, **more: Any) -> int:
    """Store an unplanned outage of power, whose alert went out, and return its number. `told`: False for one
    whose alert waits."""
    incident = Incident(event="outage", created_at=now)
    s.add(incident)
    s.flush()
    given = {"kind": "unplanned", "utility": "power", "state": "out", "zones": [], "names": {"en": "Riverside"}} | more
    made = Outage(
        area=to_wkb(area), incident_id=incident.id, made_at=now, made_by=operator(s, now=now).id, **given
    )  # fmt: skip
    s.add(made)
    s.flush()
    _tell(s, made, now, is_out=told)
    return made.id


def _tell(s: Session, row: Outage, now: datetime, *, is_out: bool) -> None:
    is_over = row.state == "restored"
    alert = Alert(
        incident_id=row.incident_id, event="outage", phase="all-clear" if is_over else "issue", topic="outage",
        lane="routine", state="sent", msg_type="Alert", status="Actual", category="Infra", severity="Moderate",
        urgency="Immediate", certainty="Observed", channels=["sms"], blanks={"report_phone": row.report_phone},
        area=row.area, area_names=row.names, expires_at=now + timedelta(days=1), created_by=row.made_by,
        created_at=now, launched_at=now, approved_by=row.made_by, approved_at=now, area_hash="x", approved_hash="x",
    )  # fmt: skip
    if not is_out:
        alert.state, alert.launched_at = AlertState.DRAFT, None
        alert.approved_by = alert.approved_at = alert.approved_hash = None
    s.add(alert)
    s.flush()
    step = {"act": "restore" if is_over else "confirm", "state": row.state, "begins_at": row.begins_at,
            "back_at": row.back_at}  # fmt: skip
    s.add(OutageStep(outage_id=row.id, at=now, by=row.made_by, alert_id=alert.id, **step))
    s.flush()


def _examples(event: str, phase: str, now: datetime) -> dict[str, str]:
    """Of the blanks that cannot be left empty; times are within the life of the alert."""
    blanks = compose.catalogue().event(event).blanks(phase)
    soon = (now + timedelta(hours=2)).astimezone(settings().tz).isoformat(timespec="minutes")
    return {b.name: soon if b.type == "datetime" else b.example for b in blanks if phase in b.required}


def _unset(name: str) -> bool:
    value = getattr(settings(), name)
    return not (value.get_secret_value() if isinstance(value, SecretStr) else value)


def outside_warning(
    s: Session,
    area: Polygon | None = None,
    *,
    identifier: str = "brook-1",
    agency: str = "Brook County",
    words: Sequence[Words] = (),
    now: datetime = NOW,
    sent: datetime | None = None,
) -> int:
    """A warning of another agency, in force for an hour, with the feed that it came by. Returns its number."""
    address = f"https://{agency.lower().replace(' ', '-')}.example.gov/cap.atom"
    feed = s.get(OutsideFeed, address) or OutsideFeed(address=address, agency=agency)
    feed.asked_at = feed.read_at = now
    s.add(feed)
    s.flush()
    text = Words(
        "en-US", "Flood Warning", "Brook Creek is rising", "Water reaches Mill Street.", "Go to higher ground."
    )
    message = Message(
        identifier=identifier, origin="ops@brook.example.gov", sender="Brook County Emergency Management",
        sent=sent or now - timedelta(minutes=7),
        status="Actual", kind="Alert", refers=(), severity="Severe", urgency="Immediate", certainty="Observed",
        ends_at=now + timedelta(hours=1), end_given=True, place="Mill Street", area=area, words=tuple(words) or (text,),
    )  # fmt: skip
    storing.keep(s, feed, [message], now, complete=False)
    found = select(OutsideWarning.id).where(OutsideWarning.identifier == identifier)
    return s.scalars(found).one()


def own_contact(
    s: Session, by: Operator, channel: str, address: str, *, verified: bool = True, now: datetime = NOW
) -> None:
    """A staff member's own phone or email."""
    s.add(
        OperatorContact(
            operator_id=by.id,
            channel=channel,
            address_sealed=crypto.seal(address, channel),
            verified_at=now if verified else None,
            created_at=now,
        )
    )
    s.flush()
