"""Decide whether a phone or email still belongs to the resident who is stored with it, once somebody has proved it.

Numbers pass to other people. Whoever has the number now must not see where somebody else lives, so a code alone opens
a resident's page only if the same resident has proved the number before, and it was never silent since for so long
that it may have changed hands. Otherwise they must know one of the resident's places, too.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.core import audit
from notify.models import Consent, Contact, Place, ResidentChange, Subscriber, Suppression
from notify.subscribers import consent, questions, serving, wishes
from notify.subscribers.giving_up import give_up
from notify.subscribers.identity import free
from notify.subscribers.wishes import Wish

# A number that was given up rests so long, at least, before somebody else gets it: 47 CFR 52.15(f)(1)(ii). About 35
# million pass on in the USA each year (FCC 18-177).
RESTS = timedelta(days=45)
YES = "YES by "  # how a consent begins that answers a question
PASSED_ON = "passed on"  # in the ledger, of an address that somebody else has proved
BY_IMPORT = "import without a record of the consent"


def is_theirs(s: Session, contact: Contact, wish: Wish | None, now: datetime) -> bool:
    """Return whether who has entered a code from a contact is the resident that it is stored with.

    They are if the resident proved it, and it was neither reported as dead nor silent for RESTS since; or if the place
    that they join with is one of the resident's: `wish`. To answer YES is no proof of that: staff may have misread the
    number, and an import may be older than its owner.
    """
    if contact.subscriber_id is None:
        return False
    proved = contact.verified_at
    if proved is not None and _has_only_answered(s, contact):
        proved = None
    if proved is not None and not _was_dead(s, contact, proved) and not _was_silent(s, contact, proved, now):
        return True
    return wish is not None and wishes.is_at_home(s, contact.subscriber_id, wish)


def verify(s: Session, contact: Contact, now: datetime) -> None:
    """Record that its owner has proved a contact, and agreed: they get what is in force at their places.

    What we may be asking them, whether they want alerts, is answered.
    """
    contact.verified_at, contact.entered_at = now, None
    questions.settle(s, contact.channel, contact.address_index, now, only=questions.CONFIRM)
    if contact.subscriber_id is not None:
        wishes.note_arrival(s, contact.subscriber_id, now)


def pass_on(s: Session, contact: Contact, to: Subscriber, now: datetime) -> tuple[Contact, bool]:
    """Take an address from its resident for who has proved it. Return their contact, not verified, and whether the
    resident before has places.

    That resident keeps other contacts, places and topics. The contact is a new one: messages that wait for the one
    before do not go to its new owner, who gets what is in force at their own places. What was noted about the address,
    such as opt-outs and their proof, stays with it. A resident whom staff had entered by this contact alone, and who
    never confirmed, is erased: nothing may be sent to them, and nobody would ever take them up again.
    """
    before = contact.subscriber_id
    assert before is not None  # noqa: S101  only timelines have none
    was_entered = contact.entered_at is not None and contact.verified_at is None
    questions.settle(s, contact.channel, contact.address_index, now)
    theirs = Contact(
        subscriber_id=to.id, channel=contact.channel, address_index=contact.address_index,
        address_sealed=contact.address_sealed, created_at=now, dead_at=contact.dead_at, asked_at=contact.asked_at,
        passed_on_at=now,
    )  # fmt: skip
    # Before the time from which on the ledger is theirs.
    give_up(s, contact, now - timedelta(microseconds=1), reason=PASSED_ON, how=PASSED_ON)
    free(s, [(theirs.channel, theirs.address_index)])
    s.expire(contact, ["address_index"])
    s.add(theirs)
    s.flush()
    s.execute(insert(ResidentChange).values(subscriber_id=before).on_conflict_do_nothing())  # triggers see the new one
    audit.note(
        s, now=now, by=None, action="pass-on", subject="subscriber", subject_id=before, channel=contact.channel,
        new=to.id,
    )  # fmt: skip
    if was_entered and s.scalar(select(Contact.id).where(Contact.subscriber_id == before).limit(1)) is None:
        serving.erase_own(s, before, now, None, how="not confirmed")
    return theirs, s.scalar(select(Place.id).where(Place.subscriber_id == before).limit(1)) is not None


def _has_only_answered(s: Session, contact: Contact) -> bool:
    """Whether a contact was stored by others, and its owner has said YES to our question but not joined since.

    Only to join proves who they are, because it names a place. STOP and START, an undo or a paper do not.
    """
    opted_in = select(func.max(Consent.at)).where(Consent.contact_id == contact.id, Consent.kind == "opt-in")
    answered = s.scalar(opted_in.where(Consent.how.like(f"{YES}%")))
    if answered is None:
        return False
    joined = s.scalar(opted_in.where(Consent.how.in_(consent.BY_OWNER)))
    return joined is None or joined < answered


def _was_dead(s: Session, contact: Contact, proved: datetime) -> bool:
    """Whether a provider has reported that there is no such phone or email, after it was proved.

    A report that was lifted counts: a text to us shows that somebody has the number, not who.
    """
    if contact.dead_at is not None and contact.dead_at > proved:
        return True
    reported = select(Suppression.id).where(
        Suppression.channel == contact.channel,
        Suppression.address_index == contact.address_index,
        Suppression.reason == "invalid",
        Suppression.topic.is_(None),
        Suppression.at > proved,
    )
    return s.scalar(reported) is not None


def _was_silent(s: Session, contact: Contact, proved: datetime, now: datetime) -> bool:
    """Whether there was a time of RESTS since the proof in which nothing came from the contact, and nothing arrived.

    The last sign of life alone would show nothing: it may be the new owner's.
    """
    silent: bool = s.execute(
        text("""
            WITH alive (at) AS (
                VALUES (CAST(:proved AS timestamptz)), (CAST(:now AS timestamptz))
                UNION ALL
                SELECT received_at FROM inbound WHERE address_index = :index AND received_at > :proved
                UNION ALL
                SELECT d.settled_at FROM alerts a JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, :contact)
                 WHERE a.launched_at > :proved AND d.state = 'delivered'
            )
            SELECT max(at - before) >= CAST(:rests AS interval)
              FROM (SELECT at, lag(at) OVER (ORDER BY at) AS before FROM alive) pause"""),
        {"proved": proved, "now": now, "index": contact.address_index, "contact": contact.id, "rests": RESTS},
    ).scalar_one()
    return silent
