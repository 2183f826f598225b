"""Everything that is stored of a resident, for the resident.

`HELD` names each table with something of a resident, and `LEFT_OUT` those that are not given out, with the reason. A
test compares both with the schema, so that no table and no column is forgotten: a new column of a table that is here is
given out by itself.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import crypto, keyring, points
from notify.core.errors import NotFound, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Subscriber
from notify.models.reminder import NEVER
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.record import IS_THEIRS

DAMAGED = "damaged"
KEYED_HASH = "a keyed hash of the address or place, by which it is found"
SECRET = "a hash of something secret"  # noqa: S105  a reason
INTERNAL = "a number of ours, without meaning outside"


@dataclass(frozen=True, slots=True)
class Held:
    """A table `t`. `what`: its rows, for the resident. `whose`: SQL for the rows of resident `:id`, who is one since
    `:since`. `hidden`: columns that are not given out, and why. `also`: more columns, as SQL. `told`: makes a row plain
    that means something else than its columns say."""

    what: str
    whose: str
    hidden: Mapping[str, str] = field(default_factory=dict)
    also: str = ""
    told: Callable[[dict[str, Any]], dict[str, Any]] = dict


# What was stored with a contact before it passed on to the resident is about somebody else (`proving.pass_on`).
_OF_CONTACT = """EXISTS (SELECT FROM contacts c WHERE c.subscriber_id = :id AND c.id = t.contact_id
                            AND (c.passed_on_at IS NULL OR t.{at} >= c.passed_on_at))"""
# The array has PostgreSQL look by the index of the addresses; a join would read the table.
_OF_ADDRESS = """t.address_index = ANY(ARRAY(SELECT address_index FROM contacts WHERE subscriber_id = :id))
                 AND EXISTS (SELECT FROM contacts c WHERE c.subscriber_id = :id AND c.address_index = t.address_index
                                AND (c.passed_on_at IS NULL OR t.{at} >= c.passed_on_at))"""
_OWN = "t.subscriber_id = :id"


def _wish(row: dict[str, Any]) -> dict[str, Any]:
    """A refusal has no hour or day of its own."""
    if row["until_day"] == NEVER:
        return {"subscriber_id": row["subscriber_id"], "refused": "no reminders of collections, until you ask for them"}
    return row


HELD = {
    "subscribers": Held(gettext_noop("you, as one of our residents"), "t.id = :id"),
    "contacts": Held(
        gettext_noop("your phones and emails"), _OWN, {"address_index": KEYED_HASH, "timeline_of": INTERNAL}
    ),
    "places": Held(gettext_noop("your places"), _OWN, {"cell_index": KEYED_HASH}),
    "place_checks": Held(
        gettext_noop("places that we have to look up"),
        "EXISTS (SELECT FROM places p WHERE p.subscriber_id = :id AND p.id = t.place_id)",
        {"decided_by": "who of the staff it was"},
    ),
    "preferences": Held(gettext_noop("the topics that you chose"), _OWN),
    "choices": Held(gettext_noop("how and when you want routine messages"), _OWN),
    "arrivals": Held(gettext_noop("that you joined during an alert"), _OWN),
    "consents": Held(gettext_noop("what you agreed to, and what you stopped"), _OF_CONTACT.format(at="at")),
    "suppressions": Held(
        gettext_noop("what stops messages to you now"), _OF_ADDRESS.format(at="at"), {"address_index": KEYED_HASH}
    ),
    "address_ledger": Held(
        gettext_noop("the record of what was stopped and started again"),
        _OF_ADDRESS.format(at="at"),
        {"address_index": KEYED_HASH},
    ),
    "carrier_blocks": Held(
        gettext_noop("our numbers that your phone company blocks for you"),
        _OF_ADDRESS.format(at="at"),
        {"address_index": KEYED_HASH},
    ),
    "inbound": Held(
        gettext_noop("what your texts to us meant"), _OF_ADDRESS.format(at="received_at"), {"address_index": KEYED_HASH}
    ),
    "conversations": Held(
        gettext_noop("the last question that we asked you by text"),
        _OF_ADDRESS.format(at="changed_at"),
        {"address_index": KEYED_HASH},
    ),
    "import_asks": Held(
        gettext_noop("that we will ask you whether you want alerts"), _OF_CONTACT.format(at="made_at")
    ),
    "reminder_wishes": Held(
        gettext_noop("when you want to be reminded of collections, or that you want no reminders"), _OWN, told=_wish
    ),
    "outage_reports": Held(gettext_noop("the outages that you told us of, at your place"), _OWN),
    "reminders": Held(
        gettext_noop("the reminders of collections that we sent you"),
        "(t.subscriber_id = :id AND t.kind = 'evening' OR t.subscriber_id = :id AND t.kind <> 'evening')",  # by indexes
    ),
    "address_checks": Held(gettext_noop("when we asked whether you still live there"), _OWN),
    "deliveries": Held(
        gettext_noop("the alerts that we sent you, or left out"),
        f"""t.id IN (SELECT d.id FROM alerts a CROSS JOIN contacts c JOIN subscribers r ON r.id = c.subscriber_id
                       JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, c.id)
                      WHERE r.id = :id AND a.launched_at IS NOT NULL AND a.expires_at > :since AND {IS_THEIRS})""",  # noqa: S608
        {"batch_id": INTERNAL},
        """, (SELECT x.subject FROM batches b JOIN contents x USING (alert_id, channel, language, wording)
               WHERE b.id = t.batch_id) AS subject,
             (SELECT x.text FROM batches b JOIN contents x USING (alert_id, channel, language, wording)
               WHERE b.id = t.batch_id) AS text""",
    ),
    "joinings": Held(
        gettext_noop("what you typed to join or to sign in, for a day"),
        f"t.adds_to = :id OR {_OF_CONTACT.format(at='ended_at')}",
        {
            "token_hash": SECRET, "code_hash": SECRET, "link_hash": SECRET, "address_index": KEYED_HASH,
        },
    ),
    "direct_messages": Held(
        gettext_noop("codes, welcomes, questions and tests that we sent you"),
        f"""t.contact_id = ANY(ARRAY(SELECT id FROM contacts WHERE subscriber_id = :id))
            AND {_OF_CONTACT.format(at="made_at")}
            OR t.joining_id = ANY(ARRAY(SELECT j.id FROM joinings j JOIN contacts c ON c.id = j.contact_id
                                         WHERE c.subscriber_id = :id
                                           AND (c.passed_on_at IS NULL OR j.ended_at >= c.passed_on_at)))""",  # noqa: S608
    ),
    "sealed_words": Held(
        gettext_noop("calendars of collection days that we sent you by email"),
        f"""t.message_id IN (SELECT t.id FROM direct_messages t
                              WHERE t.contact_id = ANY(ARRAY(SELECT id FROM contacts WHERE subscriber_id = :id))
                                AND {_OF_CONTACT.format(at="made_at")})""",  # noqa: S608
    ),
    "audit": Held(
        gettext_noop("what staff looked up or did for you, and what you erased"),
        "t.subject = 'subscriber' AND t.subject_id = :id AND t.at >= :since",
        {"operator_id": "who of the staff it was"},
    ),
}  # fmt: skip
LEFT_OUT = {
    "receipts": "a provider's report on a delivery, as it came: its state and reason stand with the delivery",
    "merged": "that the words of one delivery went out with another: its reason says so",
    "carrier_refusals": "a try to send that another sender repeated: its outcome stands with the delivery",
    "resident_changes": "a number and a time, by which copies of residents' rows in memory are renewed",
}


def read(s: Session, subscriber_id: int, now: datetime) -> dict[str, Any]:
    """Return all that is stored of a resident, by table, as a document for JSON. Raises NotFound once they are erased.

    Phone numbers, emails and addresses are in clear.
    """
    resident = s.get(Subscriber, subscriber_id)
    if resident is None or resident.erased_at is not None:
        raise NotFound(_("You are not signed up any more."), hint=_("Join again to get messages."))
    keyring.verify(s)
    values = {"id": subscriber_id, "since": resident.created_at}
    found: dict[str, Any] = {"made_at": now.isoformat(timespec="seconds"), "city": settings().city}
    for table, held in HELD.items():
        rows = s.execute(text(f"SELECT t.*{held.also} FROM {table} t WHERE {held.whose} ORDER BY 1"), values)  # noqa: S608  constants of ours
        found[table] = [_given_out(table, dict(row), subscriber_id) for row in rows.mappings()]
    return found


def _given_out(table: str, row: dict[str, Any], subscriber_id: int) -> dict[str, Any]:
    hidden = HELD[table].hidden
    given: dict[str, Any] = {}
    for name, value in HELD[table].told(row).items():
        if name in hidden or name.startswith("next_"):  # of a rotation of keys that is going on
            continue
        if name in OPENED:
            given |= _opened(name, value, row, subscriber_id)
        elif isinstance(value, bytes | memoryview):
            raise TypeError(f"{table}.{name} is neither opened nor hidden")
        else:
            given[name] = value
    return given


def _opened(name: str, value: bytes | None, row: Mapping[str, Any], subscriber_id: int) -> dict[str, Any]:
    if value is None:
        return {}
    try:
        return OPENED[name](bytes(value), row, subscriber_id)
    except (Unavailable, ValueError):
        return {name.removesuffix("_sealed"): DAMAGED}


def _address(sealed: bytes, row: Mapping[str, Any], _resident: int) -> dict[str, Any]:
    return {"address": crypto.unseal(sealed, row.get("channel") or SEALED_ADDRESS)}


def _point(sealed: bytes, _row: Mapping[str, Any], subscriber_id: int) -> dict[str, Any]:
    lon, lat = points.open_one(subscriber_id, sealed)
    return {"lon": lon, "lat": lat}


def _document(name: str) -> Callable[[bytes, Mapping[str, Any], int], dict[str, Any]]:
    def opened(sealed: bytes, row: Mapping[str, Any], _resident: int) -> dict[str, Any]:
        return {name: json.loads(crypto.unseal(sealed, row["channel"]))}

    return opened


OPENED: Mapping[str, Callable[[bytes, Mapping[str, Any], int], dict[str, Any]]] = {
    "address_sealed": _address,
    "point_sealed": _point,
    "wish_sealed": _document("wish"),
    "kept_sealed": _document("kept"),
}
