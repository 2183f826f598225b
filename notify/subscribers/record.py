"""The record of a resident, for a call. Addresses are masked; the caller can complete them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.core import crypto, reasons
from notify.core.errors import Unavailable
from notify.delivery import carrier_blocks
from notify.models import Subscriber
from notify.subscribers import addresses

Gap = Literal["barred", "unverified", "no-topics", "no-place", "all-left", "some-left", ""]
DAMAGED = "damaged: enter it again"
# Whether a delivery `d` of an alert `a` to a contact `c` was for the resident `r`, as SQL. Who joins during an alert
# gets it at once, so an older alert counts by when it went to them; what is not claimed yet will. Earlier versions
# moved a contact with its deliveries to its next owner.
IS_THEIRS = """greatest(a.launched_at, coalesce(d.claimed_at, d.settled_at, 'infinity'))
               >= greatest(r.created_at, c.passed_on_at)"""
ALERTS = 20  # how many of the last alerts are searched for messages to the resident


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A suppression. `topic` None: everything. `lifted_by`: what lifts it, in words."""

    topic: str | None
    reason: str
    words: str
    lifted_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Consented:
    kind: str  # opt-in or opt-out
    topic: str | None
    at: datetime
    how: str


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact. `address` is masked, or says that it is damaged; "" after an erasure."""

    id: int
    channel: str
    address: str
    verified_at: datetime | None
    suppressions: Sequence[Suppressed]
    carrier_block: str  # what to do about it; "" if some sender reaches the contact
    consents: Sequence[Consented]


@dataclass(frozen=True, slots=True)
class PlaceRecord:
    id: int
    label: str


@dataclass(frozen=True, slots=True)
class TopicRecord:
    topic: str
    muted_until: datetime | None


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """The outcome of an alert for a contact. `words`: why it did not arrive."""

    alert_id: int
    event: str
    launched_at: datetime
    channel: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class ResidentRecord:
    id: int
    language: str
    created_at: datetime
    erased_at: datetime | None
    contacts: Sequence[ContactRecord]
    places: Sequence[PlaceRecord]
    topics: Sequence[TopicRecord]
    alerts: Sequence[AlertRecord]


@dataclass(frozen=True, slots=True)
class Found:
    """The resident with an address, if any, and the suppressions of that address."""

    resident: ResidentRecord | None = None
    suppressions: Sequence[Suppressed] = ()


def owner(s: Session, channel: str, index: bytes) -> int | None:
    """Return the id of the resident who has an address."""
    found: int | None = s.execute(
        text("SELECT subscriber_id FROM contacts WHERE channel = :channel AND address_index = :index"),
        {"channel": channel, "index": index},
    ).scalar_one_or_none()
    return found


def about(s: Session, channel: str, index: bytes) -> Found:
    resident = owner(s, channel, index)
    return Found(read(s, resident) if resident else None, suppressions(s, channel, index))


def read(s: Session, subscriber_id: int, *, whole: bool = True) -> ResidentRecord | None:
    """Return the record of a resident; None for an unknown id. `whole`: with their places and last alerts."""
    resident = s.get(Subscriber, subscriber_id)
    if resident is None:
        return None
    given = {"id": subscriber_id, "most": ALERTS}
    return ResidentRecord(
        resident.id,
        resident.language,
        resident.created_at,
        resident.erased_at,
        [_contact(row) for row in s.execute(text(_CONTACTS), given)],
        [PlaceRecord(*row) for row in (s.execute(text(_PLACES), given) if whole else ())],
        [TopicRecord(*row) for row in s.execute(text(_TOPICS), given)],
        [
            AlertRecord(
                row.id,
                row.event,
                row.launched_at,
                row.channel,
                row.state,
                reasons.sentence(row.reason) if row.reason else "",
            )
            for row in (s.execute(text(_ALERTS), given) if whole else ())
        ],
    )


def _contact(row: Any) -> ContactRecord:
    return ContactRecord(
        row.id,
        row.channel,
        shown(row.channel, row.address_sealed),
        row.verified_at,
        [_suppressed(row.channel, topic, why, datetime.fromisoformat(at)) for topic, why, at in row.suppressions or ()],
        reasons.sentence(carrier_blocks.REASON) if row.is_blocked else "",
        [Consented(kind, topic, datetime.fromisoformat(at), how) for kind, topic, at, how in row.consents or ()],
    )


def shown(channel: str, sealed: bytes | None) -> str:
    """Return a stored address as in `ContactRecord`."""
    if not sealed:
        return ""
    try:
        return addresses.masked(channel, crypto.unseal(sealed, channel))
    except Unavailable:
        return DAMAGED


def suppressions(s: Session, channel: str, index: bytes) -> list[Suppressed]:
    rows = s.execute(
        text("""SELECT topic::text, reason, at FROM suppressions
                 WHERE channel = :channel AND address_index = :index ORDER BY at, id"""),
        {"channel": channel, "index": index},
    )
    return [_suppressed(channel, row.topic, row.reason, row.at) for row in rows]


def _suppressed(channel: str, topic: str | None, reason: str, at: datetime) -> Suppressed:
    return Suppressed(topic, reason, reasons.sentence(reason), reasons.lifting()[channel][reason], at)


def gap(s: Session, channel: str, index: bytes, now: datetime) -> Gap | None:
    """Return the first thing that keeps alerts from a contact, except carriers; "": nothing; None: no resident has it.
    With `no-place` only those for the whole city come.

    `all-left`, `some-left`: all or some of the resident's topics are suppressed for the address or muted.
    """
    topics = s.execute(text(_TOPICS_OF_CONTACT), {"channel": channel, "index": index, "now": now}).all()
    if not topics:
        return None
    why = {topic.reason for topic in topics}
    if topics[0].barred:
        return "barred"
    if "unverified" in why:
        return "unverified"
    if "not-subscribed" in why:
        return "no-topics"
    if topics[0].placeless:
        return "no-place"
    if None not in why:
        return "all-left"
    return "some-left" if len(why) > 1 else ""


def held(s: Session, channel: str, index: bytes, now: datetime) -> str:
    """Return what still keeps messages from an address, in sentences; "" if nothing does."""
    told = [
        f"It gets no messages yet: {one.words} ({one.topic or 'everything'}). Lifted by {one.lifted_by}."
        for one in suppressions(s, channel, index)
    ]
    if not carrier_blocks.senders(s, channel, index).reach:
        told.append(f"Nothing reaches it yet: {reasons.sentence(carrier_blocks.REASON)}.")
    missing = gap(s, channel, index, now)
    if missing == "no-place":
        told.append("Only alerts for the whole city go to it: there is no place of theirs.")
    elif missing in {"unverified", "no-topics"}:
        told.append(f"No alert goes to it yet: {reasons.sentence(missing)}.")
    return " ".join(told)


# A row for each topic that the resident chose; one row if there is none.
_TOPICS_OF_CONTACT = f"""
    SELECT {rules.reason(":now")} AS reason,
           EXISTS (SELECT FROM suppressions s WHERE s.topic IS NULL
                      AND (s.channel, s.address_index) = (c.channel, c.address_index)) AS barred,
           NOT EXISTS (SELECT FROM places WHERE places.subscriber_id = c.subscriber_id) AS placeless
      FROM contacts c LEFT JOIN preferences chosen ON chosen.subscriber_id = c.subscriber_id
           {rules.facts("chosen.topic")}
     WHERE (c.channel, c.address_index) = (:channel, :index) AND c.address_sealed IS NOT NULL
"""  # noqa: S608  the rules are constants of ours
# One statement, because a caller waits. Blocked: as `carrier_blocks.senders` has it.
_CONTACTS = """
    SELECT c.id, c.channel, c.address_sealed, c.verified_at,
           (SELECT json_agg(json_build_array(x.topic, x.reason, x.at) ORDER BY x.at, x.id) FROM suppressions x
             WHERE (x.channel, x.address_index) = (c.channel, c.address_index)) AS suppressions,
           (SELECT json_agg(json_build_array(x.kind, x.topic, x.at, x.how) ORDER BY x.at, x.id) FROM consents x
             WHERE x.contact_id = c.id) AS consents,
           (SELECT bool_and(EXISTS (SELECT FROM carrier_blocks k
                                     WHERE (k.sender_id, k.address_index) = (x.id, c.address_index)
                                       AND k.lifted_at IS NULL))
              FROM senders x WHERE x.channel = c.channel AND x.status = 'open') IS TRUE AS is_blocked
      FROM contacts c WHERE c.subscriber_id = :id ORDER BY c.id
"""
_PLACES = "SELECT id, label FROM places WHERE subscriber_id = :id ORDER BY id"
_TOPICS = "SELECT topic::text, muted_until FROM preferences WHERE subscriber_id = :id ORDER BY topic"
# Joined through the alerts, because deliveries have no index that begins with the contact.
_ALERTS = f"""
    SELECT a.id, a.event, a.launched_at, c.channel, d.state::text AS state, d.reason
      FROM (SELECT id, event, launched_at FROM alerts WHERE launched_at IS NOT NULL
             ORDER BY launched_at DESC, id DESC LIMIT :most) a
      CROSS JOIN contacts c JOIN deliveries d ON d.alert_id = a.id AND d.contact_id = c.id
      JOIN subscribers r ON r.id = c.subscriber_id
     WHERE r.id = :id AND {IS_THEIRS}
     ORDER BY a.launched_at DESC, a.id DESC, c.id
"""  # noqa: S608  a constant of ours
