"""Decide whether a phone or email still belongs to the resident who is stored with it, once somebody has proved it.

Numbers pass to other people. Whoever has the number now must not see where somebody else lives, so a code alone opens
a resident's page only if the same resident has proved the number before, and not too long ago.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.core import audit
from notify.models import Contact, ResidentChange, Subscriber, Suppression
from notify.subscribers import wishes
from notify.subscribers.wishes import Wish

# About 35 million numbers are given to somebody else in the USA each year (FCC 18-177).
PROOF_HOLDS = timedelta(days=730)


def is_theirs(s: Session, contact: Contact, wish: Wish | None, now: datetime) -> bool:
    """Return whether who has entered a code from a contact is the resident that it is stored with.

    Nobody is who never proved it. Who proved it long ago, or before it was reported as dead, is if the place that they
    join with is one of the resident's: `wish`.
    """
    if contact.verified_at is None or contact.subscriber_id is None:
        return False
    if now - contact.verified_at < PROOF_HOLDS and not _was_dead(s, contact):
        return True
    return wish is not None and wishes.is_at_home(s, contact.subscriber_id, wish)


def pass_on(s: Session, contact: Contact, to: Subscriber, now: datetime) -> None:
    """Move a contact to who has proved it. The resident before keeps other contacts, places and topics; what was noted
    about the address, such as opt-outs and their proof, stays with it."""
    before = contact.subscriber_id
    assert before is not None  # noqa: S101  only timelines have none
    contact.subscriber_id = to.id
    s.execute(insert(ResidentChange).values(subscriber_id=before).on_conflict_do_nothing())  # triggers see the new one
    audit.note(
        s, now=now, by=None, action="pass-on", subject="subscriber", subject_id=before, channel=contact.channel,
        new=to.id,
    )  # fmt: skip


def _was_dead(s: Session, contact: Contact) -> bool:
    """Whether a provider has reported that there is no such phone or email, after it was proved.

    A report that was lifted counts: a text to us shows that somebody has the number, not who.
    """
    assert contact.verified_at is not None  # noqa: S101  the caller has looked
    if contact.dead_at is not None and contact.dead_at > contact.verified_at:
        return True
    reported = select(Suppression.id).where(
        Suppression.channel == contact.channel,
        Suppression.address_index == contact.address_index,
        Suppression.reason == "invalid",
        Suppression.topic.is_(None),
        Suppression.at > contact.verified_at,
    )
    return s.scalar(reported) is not None
