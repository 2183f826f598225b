"""What an agent changes for a resident who calls. All but a stop need a code that the caller has read back (`proof`).

Each act is in the audit with the agent's name, and what changes a consent has its words beside it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import crypto
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import Consent, Contact, Operator, Preference, Subscriber, Topic
from notify.service311.desk import limits, proof
from notify.service311.desk.proof import Proven
from notify.service311.outputs import by_mail
from notify.service311.reminders import asking, next_evenings, wishes
from notify.subscribers import changing, choices, consent, entering, own, serving
from notify.subscribers.changing import Placed, Where

BY_CALL = "call to 311"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that an agent answers. `proven`: who has read back a code in it, None so far."""

    by: Operator
    resident: int
    proven: Proven | None = None

    def require_proof(self) -> Proven:
        """Raise NotAllowed; Refused unless the resident has read back a code."""
        serving.require(self.by)
        return proof.require(self.proven, self.resident)


def stop(s: Session, call: Call, contact_id: int, now: datetime, topic: Topic | None = None) -> bool:
    """Stop everything, or a topic, to a contact. It needs no code: whoever asks to be left alone is. False: it was."""
    contact = _contact(s, call.resident, contact_id)
    assert contact.address_sealed is not None  # noqa: S101  `_contact` has looked
    limits.watch_stops(s, call.by, now)
    return serving.opt_out(s, crypto.unseal(contact.address_sealed, contact.channel), BY_CALL, now, call.by, topic)


def stop_stranger(s: Session, address: str, now: datetime, by: Operator) -> bool:
    """Stop everything to a phone or email that no resident has: an import or a form may bring it. False: it was."""
    limits.watch_stops(s, by, now)
    return serving.opt_out(s, address, BY_CALL, now, by)


def start(s: Session, call: Call, now: datetime) -> None:
    """Send again to the contact that the code came to, which its owner had stopped."""
    contact = _contact(s, call.resident, call.require_proof().contact)
    for topic in (None, *consent.topics_left(s, contact.channel, contact.address_index)):
        consent.opt_back_in(s, contact.channel, contact.id, how=consent.BY_CALL, now=now, topic=topic)
    serving.note(s, now, call.by, "lift", call.resident, contact=contact.id)


def choose(s: Session, call: Call, topics: Collection[Topic], language: str, now: datetime) -> None:
    """Set topics and language. For each new topic the words that were read are kept with the consent. Raises Invalid,
    NotFound, Refused."""
    contact = _contact(s, call.resident, call.require_proof().contact)
    before = set(s.scalars(select(Preference.topic).where(Preference.subscriber_id == call.resident)))
    own.choose(s, call.resident, topics, language, now)
    said = entering.words(contact.channel, language)
    for topic in sorted(set(topics) - before):
        s.add(Consent(contact_id=contact.id, kind="opt-in", topic=topic, at=now, how=consent.BY_CALL, words=said))
    serving.note(s, now, call.by, "choose", call.resident, topics=sorted(topics), language=language)


def mute(s: Session, call: Call, until: date | None, now: datetime) -> None:
    """Pause what can wait until a day; None ends a pause. Emergencies come all the same. Raises Invalid."""
    call.require_proof()
    before = choices.read(s, call.resident, now)
    choices.choose(s, call.resident, replace(before, muted_until=until), now)
    serving.note(s, now, call.by, "mute", call.resident, until=until and until.isoformat())


def add_place(s: Session, call: Call, label: str, address: str, now: datetime) -> Placed:
    """Add a place. Raises Invalid with what an unsure address may be; Refused."""
    call.require_proof()
    return changing.add_place(s, call.resident, label, Where(address), now, call.by)


def move_place(s: Session, call: Call, place: int, address: str, now: datetime) -> Placed:
    call.require_proof()
    return changing.move(s, call.resident, str(place), Where(address), now, call.by)


def remove_place(s: Session, call: Call, place: int, now: datetime) -> None:
    call.require_proof()
    changing.remove_place(s, call.resident, str(place), now, call.by)


def remind(s: Session, call: Call, hour: int, channel: str, now: datetime) -> None:
    """Remind them the evening before each collection, after the words of the consent were read to them. Raises as
    `wishes.wish`."""
    call.require_proof()
    language = s.get_one(Subscriber, call.resident).language
    agreed = asking.words(channel, language) if channel in wishes.CHANNELS_OF else ""
    wishes.wish(s, call.resident, hour, channel, now, how=consent.BY_CALL, agreed=agreed)
    serving.note(s, now, call.by, "reminders-on", call.resident, hour=hour, channel=channel)


def remind_no_more(s: Session, call: Call, now: datetime) -> None:
    """End their reminders. It needs no code, as a stop does not."""
    serving.require(call.by)
    limits.watch_stops(s, call.by, now)
    to_come = next_evenings.of(s, call.resident, now)
    if wishes.stop(s, call.resident, now) or to_come:
        serving.note(s, now, call.by, "reminders-off", call.resident)


def mail_calendar(s: Session, call: Call, place: int, contact_id: int, now: datetime) -> None:
    """Send the collection days of one of their places to one of their emails. Raises as `by_mail.send`."""
    call.require_proof()
    by_mail.send(s, call.resident, contact_id, by_mail.spot(s, call.resident, place), now, call.by)


def _contact(s: Session, subscriber_id: int, contact_id: int) -> Contact:
    contact = s.get(Contact, contact_id)
    if contact is None or contact.subscriber_id != subscriber_id or contact.address_sealed is None:
        raise NotFound(_("This is not a phone or email of this resident."))
    return contact
