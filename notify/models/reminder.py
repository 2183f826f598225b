"""Reminders of collections: what residents wish, and what each was told."""

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id

NEVER = date.min


class ReminderWish(Base):
    """A resident wants a reminder the evening before each collection, at an hour of the city's clocks.

    `seen_day`: the last day of collections of which they were reminded, or nothing was due. `seen_edition`: the last
    edition that was compared with the one before it for them. `until_day`: None: until they stop it. Otherwise
    they got a notice, and are reminded of what it changes up to this day; NEVER: they want no reminders at all.
    """

    __tablename__ = "reminder_wishes"
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"), primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(SmallInteger)
    channel: Mapped[str]
    since: Mapped[datetime]
    seen_day: Mapped[date]
    seen_edition: Mapped[int] = mapped_column(Integer)
    until_day: Mapped[date | None]

    __table_args__ = (
        Index("wishes_by_hour", "hour", "seen_day"),
        Index("wishes_by_edition", "seen_edition"),
        Index("wishes_until", "until_day", postgresql_where=text("until_day IS NOT NULL")),
    )


class Reminder(Base):
    """What a resident was told of one evening, or of a change.

    `kind`: evening, one a person and day; correction of it, or a change within 48 hours, one a person and edition.
    `day`: of the collections; of a change, the day on which it was told. `edition`: that stands in the words, and
    `true_in`: the last one in which they are true. `said`: what they say, as data (`reminders.facts`). `places`: whose
    addresses stand in them, in their order. `until`: when the message comes too late.
    """

    __tablename__ = "reminders"
    id: Mapped[Id]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"))
    kind: Mapped[Literal["evening", "correction", "change"]] = mapped_column(Text)
    day: Mapped[date]
    edition: Mapped[int] = mapped_column(ForeignKey("collection_editions.number"))
    true_in: Mapped[int] = mapped_column(Integer)
    said: Mapped[Any] = mapped_column(JSONB)
    places: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("direct_messages.id", ondelete="SET NULL"))
    made_at: Mapped[datetime]
    until: Mapped[datetime]

    __table_args__ = (
        Index("reminders_once", "subscriber_id", "day", unique=True, postgresql_where=text("kind = 'evening'")),
        Index("changes_once", "subscriber_id", "edition", unique=True, postgresql_where=text("kind <> 'evening'")),
        Index("reminders_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),
        Index("reminders_made", "made_at"),
        Index("reminders_by_day", "day", "true_in"),
    )
