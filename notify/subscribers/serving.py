"""Help a resident who calls: look up, opt out, lift a suppression, erase (`changing` has the rest).

Every function needs the permission `serve` and adds an audit row that names the operator but never the address.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.channels.channel import EMAIL, SMS
from notify.core import audit, city_time, emails, keyring, phones
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.logs import scrub
from notify.core.settings import settings
from notify.models import Operator, Subscriber, Topic
from notify.models.subscriber import SuppressionReason
from notify.subscribers import addresses, consent, import_lock, labels
from notify.subscribers.record import Found, about, held, owner, read

LONGEST_HOW = 200  # characters


def find(s: Session, address: str, now: datetime, by: Operator | None) -> Found:
    """Look up a phone or an email, with the resident's other contacts. Raises Invalid, NotAllowed."""
    require(by)
    channel, kept = parse(address)
    keyring.hold(s)
    found = about(s, channel, addresses.index(channel, kept))
    note(s, now, by, "find", found.resident.id if found.resident else 0)
    return found


def show(s: Session, subscriber_id: int, now: datetime, by: Operator | None) -> Found:
    """Look up a resident by id. Raises NotFound, NotAllowed."""
    require(by)
    resident = read(s, subscriber_id)
    if resident is None:
        raise unknown(subscriber_id)
    note(s, now, by, "find", subscriber_id)
    return Found(resident=resident)


def opt_out(s: Session, address: str, how: str, now: datetime, by: Operator | None, topic: Topic | None = None) -> bool:
    """Opt an address out at the resident's request. `how` it was made is stored as proof. False: it already was."""
    require(by)
    channel, kept = parse(address)
    how = proof(how, kept)
    done = consent.opt_out(s, channel, kept, how=f"operator: {how}", now=now, topic=topic)
    if done:
        note(s, now, by, "opt-out", _owner(s, channel, kept), channel=channel, topic=topic, how=how)
    return done


def is_known(s: Session, address: str) -> bool:
    """Return whether a resident has this address. Raises Invalid."""
    return _owner(s, *parse(address)) != 0


def lift(
    s: Session,
    address: str,
    reason: SuppressionReason,
    how: str,
    now: datetime,
    by: Operator | None,
    topic: Topic | None = None,
) -> str:
    """Lift a suppression; an opt-out only at the resident's own request, of which `how` is the proof.

    Return what still keeps messages from the address, or "". Raises Invalid, NotAllowed; Refused if there is no such
    suppression.
    """
    require(by)
    channel, kept = parse(address)
    how = proof(how, kept)
    keyring.hold(s)
    index = addresses.index(channel, kept)
    if reason == "opt-out":
        lifted = consent.opt_back_in(s, channel, kept, how=f"operator, on request: {how}", now=now, topic=topic)
    else:
        lifted = consent.lift_report(s, channel, index, reason, how=f"operator: {how}", now=now, topic=topic)
    if not lifted:
        raise Refused(
            f"This address has no such suppression: {reason}, {topic or 'everything'}.",
            hint="Look the address up to see its suppressions and their topics.",
        )
    note(s, now, by, "lift", _owner(s, channel, kept), channel=channel, reason=reason, topic=topic, how=how)
    return held(s, channel, index, now)


def erase(s: Session, subscriber_id: int, now: datetime, by: Operator | None) -> None:
    """Erase a resident who asks an operator. Raises as `erase_own`, and NotAllowed."""
    require(by)
    erase_own(s, subscriber_id, now, by, how="operator")


def erase_own(s: Session, subscriber_id: int, now: datetime, by: Operator | None, *, how: str) -> None:
    """Erase a resident: delete addresses, places, topics and language. The caller knows that they ask for it.

    The remaining data identify nobody: deliveries, and consents, suppressions and carrier blocks by keyed index, so
    that a STOP stays in force. A message not yet claimed is not sent. Raises NotFound; Refused if already erased.
    """
    resident = take(s, subscriber_id)
    resident.erased_at, resident.language = now, settings().languages[0]
    s.flush()
    for statement in _ERASE:
        s.execute(text(statement), {"id": subscriber_id, "now": now, "how": how})
    note(s, now, by, "erase", subscriber_id, how=how)


_ERASE = (
    """DELETE FROM conversations v USING contacts c
        WHERE c.subscriber_id = :id AND (c.channel, c.address_index) = (v.channel, v.address_index)""",
    """INSERT INTO address_ledger (channel, address_index, contact_id, at, act, reason, how)
       SELECT channel, address_index, id, :now, 'erased', 'erased', :how FROM contacts WHERE subscriber_id = :id""",
    "DELETE FROM address_checks WHERE subscriber_id = :id",
    "DELETE FROM outage_reports WHERE subscriber_id = :id",
    "DELETE FROM reminders WHERE subscriber_id = :id AND kind = 'evening'",  # each half has an index of its own
    "DELETE FROM reminders WHERE subscriber_id = :id AND kind <> 'evening'",
    "DELETE FROM reminder_wishes WHERE subscriber_id = :id",
    "DELETE FROM import_asks WHERE contact_id IN (SELECT id FROM contacts WHERE subscriber_id = :id)",
    "DELETE FROM direct_messages WHERE contact_id IN (SELECT id FROM contacts WHERE subscriber_id = :id)",
    "DELETE FROM joinings WHERE contact_id IN (SELECT id FROM contacts WHERE subscriber_id = :id)",
    """DELETE FROM joinings j USING contacts c
        WHERE c.subscriber_id = :id AND (c.channel, c.address_index) = (j.channel, j.address_index)""",
    "UPDATE contacts SET address_sealed = NULL, verified_at = NULL, lowest_severity = NULL WHERE subscriber_id = :id",
    "DELETE FROM places WHERE subscriber_id = :id",
    "DELETE FROM preferences WHERE subscriber_id = :id",
    "DELETE FROM choices WHERE subscriber_id = :id",
    "DELETE FROM arrivals WHERE subscriber_id = :id",
    "DELETE FROM joinings WHERE adds_to = :id",
)


def take(s: Session, subscriber_id: int) -> Subscriber:
    """Lock a resident against other changes and imports, and return it. Raises NotFound; Refused if erased."""
    import_lock.take(s)
    resident = s.get(Subscriber, subscriber_id, with_for_update=True)
    if resident is None:
        raise unknown(subscriber_id)
    if resident.erased_at is not None:
        raise Refused(
            f"Resident {subscriber_id} was already erased at {city_time.shown(resident.erased_at, settings().tz)}.",
            hint="To get messages again, the resident must sign up again.",
        )
    return resident


def parse(address: str) -> tuple[str, str]:
    """Return the channel and the canonical form. Raises Invalid, without the address (law 9)."""
    try:
        channel = EMAIL if "@" in address else SMS
        return channel.name, channel.address.kept(address.strip())
    except (emails.NotAnEmail, phones.NotAPhone) as error:
        raise Invalid(f"address: {error}", hint="Give a phone number or an email.") from None


def proof(how: str, kept: str) -> str:
    how = " ".join(visible(how).split())
    if not how or len(how) > LONGEST_HOW or not how.isprintable():
        raise Invalid(f"how: say in 1 to {LONGEST_HOW} characters how the resident asked, such as: call to 311.")
    if scrub(how) != how or labels.names_a_house(how) or kept[-10:] in "".join(filter(str.isdecimal, how)):
        raise Invalid(
            "how: leave out phone numbers, emails and street addresses; it is stored with the resident's id for good."
        )
    return how


def require(by: Operator | None) -> None:
    if by is not None:  # None: the command line of a training stack
        operators.require(by, "serve")


def _owner(s: Session, channel: str, kept: str) -> int:
    return owner(s, channel, addresses.index(channel, kept)) or 0


def unknown(subscriber_id: int) -> NotFound:
    return NotFound(f"There is no resident {subscriber_id}.", hint="Look the resident up by phone or email.")


def note(s: Session, now: datetime, by: Operator | None, action: str, subject_id: int, **detail: object) -> None:
    audit.note(s, now=now, by=by, action=action, subject="subscriber", subject_id=subject_id, **detail)
