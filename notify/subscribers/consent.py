"""Opt-outs and opt-ins of residents. An opt-out is in force from its commit on (law 4).

It is stored by the keyed index of the address, so it also applies to an address that no resident has yet, and it
survives an erasure. Opting in again does not lift bounces and complaints, which are not the resident's decision.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.core import crypto, keyring
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from notify.delivery.requests import EVERYTHING
from notify.models import AddressLedger, Contact, Subscriber, Topic
from notify.subscribers import addresses

log = structlog.get_logger()

BY_WEB = "code entered on the web"
BY_JOIN = "JOIN by text message"
BY_CALL = "code read back in a phone call"
BY_OWNER = (BY_WEB, BY_JOIN, BY_CALL)  # of who joined from the address itself, not through an import or an operator
BY_LINK = "unsubscribe link in an email"
BY_UNDO = "undo on the page of an unsubscribe link"
UNDO_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The scope of an unsubscribe link. `topic` None: everything. `done`: the contact has opted out of it."""

    channel: str
    topic: Topic | None
    masked: str  # "j***@example.org"; "" when nobody has the address
    language: str
    done: bool
    gone: bool = False  # nobody has the address any more: it was erased or corrected


@dataclass(frozen=True, slots=True)
class _Link:
    """What an unsubscribe link is about. `index`: of the address that the email went to."""

    channel: str
    index: bytes
    topic: Topic | None


def opt_out(
    s: Session,
    channel: str,
    who: str | int | bytes,
    *,
    how: str,
    now: datetime,
    topic: Topic | None = None,
    evidence: str = "",
) -> bool:
    """Opt an address (or its index, or the contact with this id) out of a topic or everything. Return False if it was.

    `how` is stored as proof: "STOP by text message"; `evidence`: what shows it, as in `AddressLedger`. Raises Invalid
    for an unknown contact.
    """
    index = _index(s, channel, who)
    new = s.execute(
        text("""
            WITH new AS (
                INSERT INTO suppressions (channel, address_index, topic, reason, at)
                VALUES (:channel, :index, CAST(:topic AS topic), 'opt-out', :now) ON CONFLICT DO NOTHING
                RETURNING id
            ), consent AS (
                INSERT INTO consents (contact_id, kind, topic, at, how)
                SELECT c.id, 'opt-out', CAST(:topic AS topic), :now, :how FROM contacts c, new
                 WHERE c.channel = :channel AND c.address_index = :index
            ), ledger AS (
                INSERT INTO address_ledger (channel, address_index, contact_id, at, act, topic, reason, how, evidence)
                SELECT :channel, :index, c.id, :now, 'suppressed', CAST(:topic AS topic), 'opt-out', :how, :evidence
                  FROM new LEFT JOIN contacts c ON c.channel = :channel AND c.address_index = :index
            )
            SELECT id FROM new"""),
        {"channel": channel, "index": index, "topic": topic, "now": now, "how": how, "evidence": evidence},
    ).scalar_one_or_none()
    if new is not None:
        log.info("suppression.opt-out", suppression=new, channel=channel, topic=topic)
    return new is not None


def opt_back_in(
    s: Session, channel: str, who: str | int | bytes, *, how: str, now: datetime, topic: Topic | None = None
) -> bool:
    """Lift an opt-out of exactly this scope (a topic or everything), and have its resident told what is in force at
    their places. Return False if there was none."""
    index = _index(s, channel, who)
    lifted = s.execute(
        text("""
            WITH lifted AS (
                DELETE FROM suppressions
                 WHERE channel = :channel AND address_index = :index AND reason = 'opt-out'
                   AND topic IS NOT DISTINCT FROM CAST(:topic AS topic)
                RETURNING id
            ), consent AS (
                INSERT INTO consents (contact_id, kind, topic, at, how)
                SELECT c.id, 'opt-in', CAST(:topic AS topic), :now, :how FROM contacts c, lifted
                 WHERE c.channel = :channel AND c.address_index = :index
            ), ledger AS (
                INSERT INTO address_ledger (channel, address_index, contact_id, at, act, topic, reason, how)
                SELECT :channel, :index, c.id, :now, 'lifted', CAST(:topic AS topic), 'opt-out', :how
                  FROM lifted LEFT JOIN contacts c ON c.channel = :channel AND c.address_index = :index
            ), arrival AS (
                INSERT INTO arrivals (subscriber_id, at, due_at)
                SELECT c.subscriber_id, :now, :now FROM contacts c, lifted
                 WHERE c.channel = :channel AND c.address_index = :index AND c.subscriber_id IS NOT NULL
            )
            SELECT id FROM lifted"""),
        {"channel": channel, "index": index, "topic": topic, "now": now, "how": how},
    ).scalar_one_or_none()
    if lifted is not None:
        log.info("suppression.lifted", suppression=lifted, channel=channel, topic=topic)
    return lifted is not None


def note_alive(s: Session, channel: str, index: bytes, *, how: str, now: datetime) -> None:
    """Note that somebody answers at an address: it exists, even if a provider called it invalid before."""
    lift_report(s, channel, index, "invalid", how=how, now=now)


def lift_report(
    s: Session, channel: str, index: bytes, reason: str, *, how: str, now: datetime, topic: Topic | None = None
) -> bool:
    """Lift what a provider reported about an address. Return False if it did not. `how`: what shows that it works.

    Who has an address that was dead may be another person (`proving`), so the contact keeps when that was.
    """
    lifted = s.execute(
        text("""
            WITH lifted AS (
                DELETE FROM suppressions
                 WHERE channel = :channel AND address_index = :index AND reason = :reason
                   AND topic IS NOT DISTINCT FROM CAST(:topic AS topic)
                RETURNING at
            ), dead AS (
                UPDATE contacts c SET dead_at = greatest(c.dead_at, lifted.at) FROM lifted
                 WHERE c.channel = :channel AND c.address_index = :index AND :reason IN ('invalid', 'hard-bounce')
            ), ledger AS (
                INSERT INTO address_ledger (channel, address_index, contact_id, at, act, topic, reason, how)
                SELECT :channel, :index, c.id, :now, 'lifted', CAST(:topic AS topic), :reason, :how
                  FROM lifted LEFT JOIN contacts c ON c.channel = :channel AND c.address_index = :index
            )
            SELECT at FROM lifted"""),
        {"channel": channel, "index": index, "reason": reason, "topic": topic, "how": how, "now": now},
    )
    return lifted.first() is not None


def unsubscribe(s: Session, token: str, *, everything: bool = False, now: datetime) -> Unsubscribed:
    """Opt a contact out of a link's topic or of everything. The link can be used any number of times.

    Raises Invalid when the link was not made by us.
    """
    link = _read(s, token)
    scope = None if everything else link.topic
    opt_out(s, link.channel, link.index, topic=scope, how=BY_LINK, now=now)
    return _about(s, link, scope)


def undo_unsubscribe(s: Session, token: str, now: datetime) -> Unsubscribed:
    """Lift the opt-outs made by such a link within UNDO_WITHIN, and no other.

    Whoever has a forwarded email must not end what its owner stopped elsewhere, or long ago. Raises Invalid for a link
    that was not made by us, and Refused when there is nothing to undo.
    """
    link = _read(s, token)
    stopped = s.execute(
        text("""SELECT x.topic::text FROM suppressions x
                 WHERE x.channel = :channel AND x.address_index = :index AND x.reason = 'opt-out' AND x.at > :since
                   AND (x.topic IS NULL OR x.topic = CAST(:topic AS topic))
                   AND EXISTS (SELECT FROM address_ledger l
                                WHERE (l.channel, l.address_index, l.at) = (x.channel, x.address_index, x.at)
                                  AND l.topic IS NOT DISTINCT FROM x.topic AND l.act = 'suppressed'
                                  AND l.reason = 'opt-out' AND l.how = :by_link)"""),
        {"channel": link.channel, "index": link.index, "topic": link.topic, "since": now - UNDO_WITHIN}
        | {"by_link": BY_LINK},
    ).scalars()
    scopes = list(stopped)
    if not scopes:
        raise Refused("There is nothing to undo.", hint="Sign up again to get the messages back.")
    for scope in scopes:
        opt_back_in(s, link.channel, link.index, topic=Topic(scope) if scope else None, how=BY_UNDO, now=now)
    return _about(s, link, link.topic)


def describe_unsubscribe(s: Session, token: str) -> Unsubscribed:
    """Return what the link would do, for the page that asks. Changes nothing (RFC 8058 section 3.1). Raises Invalid."""
    link = _read(s, token)
    return _about(s, link, link.topic)


def topics_left(s: Session, channel: str, index: bytes) -> set[Topic]:
    """Return the topics that an address has opted out of one by one."""
    found = s.execute(
        text("""SELECT topic::text FROM suppressions
                 WHERE (channel, address_index) = (:channel, :index) AND topic IS NOT NULL AND reason = 'opt-out'"""),
        {"channel": channel, "index": index},
    )
    return {Topic(topic) for topic in found.scalars()}


def reasons_against(s: Session, channel: str, index: bytes) -> set[str]:
    """Return why nothing at all may be sent to an address; empty if it may."""
    found = s.execute(
        text("SELECT reason FROM suppressions WHERE (channel, address_index) = (:channel, :index) AND topic IS NULL"),
        {"channel": channel, "index": index},
    )
    return set(found.scalars())


def _index(s: Session, channel: str, who: str | int | bytes) -> bytes:
    keyring.hold(s)
    if isinstance(who, bytes):
        return who
    if isinstance(who, str):
        return addresses.any_index(channel, who)
    contact = s.get(Contact, who)
    if contact is None or contact.channel != channel:
        raise Invalid(f"There is no {channel} contact {who}.")
    return contact.address_index


def _read(s: Session, token: str) -> _Link:
    """Read a link. After an erasure or a correction, the ledger knows the address that the email went to: whoever has
    it now got the email, and may stop what comes there."""
    keyring.verify(s)  # a link may be older than the current key
    contact_id, _, topic = crypto.read_token("unsubscribe", token).partition(".")
    contact = s.get(Contact, int(contact_id))
    if contact is None or contact.timeline_of is not None or topic not in {*Topic, EVERYTHING}:
        raise Invalid("This link does not belong to any resident.", hint="Use the link in a later message.")
    index = contact.address_index
    if contact.address_sealed is None:
        noted = select(AddressLedger.address_index).where(AddressLedger.contact_id == contact.id)
        index = s.scalar(noted.order_by(AddressLedger.id.desc()).limit(1)) or index
    return _Link(contact.channel, index, None if topic == EVERYTHING else Topic(topic))


def _about(s: Session, link: _Link, topic: Topic | None) -> Unsubscribed:
    done = s.execute(
        text("""SELECT EXISTS (SELECT FROM suppressions
                                WHERE channel = :channel AND address_index = :index
                                  AND (topic IS NULL OR topic = CAST(:topic AS topic)))"""),
        {"channel": link.channel, "index": link.index, "topic": topic},
    ).scalar_one()
    has = addresses.contact(s, link.channel, link.index)
    if has is None or has.address_sealed is None:
        return Unsubscribed(link.channel, topic, "", settings().languages[0], done, gone=True)
    masked = addresses.masked(has.channel, crypto.unseal(has.address_sealed, has.channel))
    language = s.get_one(Subscriber, has.subscriber_id).language
    return Unsubscribed(link.channel, topic, masked, language, done)
