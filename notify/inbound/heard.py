"""A text from a resident as the parts of a conversation see it, and what they make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from notify.core.settings import settings
from notify.delivery.carrier_blocks import Senders
from notify.inbound.commands import Command
from notify.inbound.intent import Meaning
from notify.models import Contact
from notify.subscribers import addresses, import_lock, proving
from notify.subscribers.conversations import Talk

BY_TEXT = "text message"
NOT_ME = "said by text to be somebody else"
LOCK_WAIT_MS = 2000  # an import that takes longer must not keep a STOP waiting behind these texts


def muted_until(s: Session, channel: str, index: bytes, now: datetime, language: str) -> str:
    """Return the day until which routine messages to a number are muted, in words, where the resident lives; "" if they
    are not."""
    until, own = s.execute(text(_MUTED), {"channel": channel, "index": index, "now": now}).one()
    if until is None:
        return ""
    zone = ZoneInfo(own) if own else settings().tz
    day = until.astimezone(zone)
    form = "%-d/%-m" if language == "es" else "%b %-d"
    if day.year != now.astimezone(zone).year:
        form += "/%Y" if language == "es" else ", %Y"
    return f"{day:{form}}"


# Of the topics that the number has not left.
_MUTED = """
    SELECT max(p.muted_until), max(o.timezone) FROM contacts c JOIN preferences p USING (subscriber_id)
      LEFT JOIN choices o USING (subscriber_id)
     WHERE (c.channel, c.address_index) = (:channel, :index) AND p.muted_until > :now
       AND NOT EXISTS (SELECT FROM suppressions x WHERE (x.channel, x.address_index) = (c.channel, c.address_index)
                          AND (x.topic IS NULL OR x.topic = p.topic))
"""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """`address`: the number it came from, in canonical form; `index`: its keyed index. `may`: our senders, for this
    number. `language`: the one to answer in."""

    s: Session
    channel: str
    address: str
    index: bytes
    text: str
    meaning: Meaning
    command: Command | None
    talk: Talk
    may: Senders
    language: str
    now: datetime

    @cached_property
    def contact(self) -> Contact | None:
        return addresses.contact(self.s, self.channel, self.index)

    @cached_property
    def resident(self) -> int | None:
        """The resident whose data may be shown and changed: who has proved this number, and has had it since (docs/adr,
        39). None for a stranger, and for a number that was only imported or silent for long."""
        contact = self.contact
        if contact is None or not proving.is_theirs(self.s, contact, None, self.now):
            return None
        return contact.subscriber_id

    def muted_until(self) -> str:
        """Return the day until which routine messages to this number are muted, in words; "" if they are not."""
        self.s.flush()
        return muted_until(self.s, self.channel, self.index, self.now, self.language)

    def take_import_lock(self) -> bool:
        """Wait for imports for a moment. Returns False if one takes longer."""
        try:
            with self.s.begin_nested():
                self.s.execute(text(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}"))
                import_lock.take(self.s)
                self.s.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
        except OperationalError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Outcome:
    """`key`: of the reply in templates/replies; `values`: what stands in it; `talk`: what is asked now. `language`: of
    the reply, if it was changed."""

    key: str
    talk: Talk
    values: Mapping[str, object] = field(default_factory=dict)
    language: str = ""
