"""Residents: their contacts, places, preferences, consents and suppressions."""

from datetime import datetime, time
from typing import Literal

from sqlalchemy import REAL, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id, Topic, pg_enum

SuppressionReason = Literal["opt-out", "hard-bounce", "complaint", "invalid"]


class Subscriber(Base):
    """`chosen_at`: when topics or a place were last taken away, by the resident or for them."""

    __tablename__ = "subscribers"
    id: Mapped[Id]
    language: Mapped[str]
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    chosen_at: Mapped[datetime | None]


class Contact(Base):
    """An address on a channel: a resident's, or one of our social timelines, which has a language of its own.

    `dead_at`: when a provider reported that it did not exist, once that report was lifted (`consent.lift_report`).
    """

    __tablename__ = "contacts"
    id: Mapped[Id]
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscribers.id"))
    timeline_of: Mapped[int | None] = mapped_column(ForeignKey("senders.id"))
    language: Mapped[str | None]
    channel: Mapped[str]
    address_index: Mapped[bytes]
    address_sealed: Mapped[bytes | None]
    verified_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]  # whether it wants alerts, once ever: an import brought it without a consent
    entered_at: Mapped[datetime | None]  # by staff, who asked it to confirm
    lowest_severity: Mapped[int | None] = mapped_column(SmallInteger)  # of routine alerts; None: any
    created_at: Mapped[datetime]
    passed_on_at: Mapped[datetime | None]  # since when it is the resident's, if somebody else had the address before

    __table_args__ = (
        UniqueConstraint("channel", "address_index"),
        Index("contacts_of_subscriber", "subscriber_id", postgresql_where=text("subscriber_id IS NOT NULL")),
        Index("contacts_entered", "entered_at", postgresql_where=text("entered_at IS NOT NULL")),
        Index("contacts_of_timeline", "timeline_of", postgresql_where=text("timeline_of IS NOT NULL")),
    )


class ImportAsk(Base):
    """A contact that waits to be asked whether it wants alerts. `message_id`: the question, once it is under way."""

    __tablename__ = "import_asks"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, autoincrement=False)
    made_at: Mapped[datetime]
    message_id: Mapped[int | None] = mapped_column(ForeignKey("direct_messages.id", ondelete="SET NULL"))

    __table_args__ = (Index("import_asks_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),)


class Place(Base):
    """A point that a resident cares about, sealed (`core/points.py`). `radius_m`: 0 means the point itself."""

    __tablename__ = "places"
    id: Mapped[Id]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"))
    label: Mapped[str]
    point_sealed: Mapped[bytes]
    cell_index: Mapped[bytes]
    radius_m: Mapped[float] = mapped_column(REAL, server_default="0")
    address_sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("subscriber_id", "point_sealed"),
        Index("places_cell", "cell_index", postgresql_include=["subscriber_id", "point_sealed", "radius_m"]),
        Index("places_with_radius", "radius_m", postgresql_where=text("radius_m > 0")),
    )


class Preference(Base):
    """A topic that a resident subscribes to, perhaps muted for a while."""

    __tablename__ = "preferences"
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"), primary_key=True)
    topic: Mapped[Topic] = mapped_column(pg_enum(Topic, "topic"), primary_key=True)
    muted_until: Mapped[datetime | None]


class Choices(Base):
    """What a resident chose about routine messages; without a row, and where it is None, the city's default applies.

    Quiet hours are times of a clock in `timezone`; both alike: none. `most_a_day`: alerts, on all contacts together.
    `digest`: when what can wait comes, in one message; None: at once. `muted_until`: the pause of a resident without a
    topic; that of others is in `Preference`.
    """

    __tablename__ = "choices"
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"), primary_key=True)
    quiet_from: Mapped[time | None]
    quiet_to: Mapped[time | None]
    timezone: Mapped[str | None]
    most_a_day: Mapped[int | None] = mapped_column(SmallInteger)
    digest: Mapped[Literal["daily", "weekly"] | None] = mapped_column(Text)
    muted_until: Mapped[datetime | None]


class Consent(Base):
    """An opt-in or opt-out: when and how. Topic None: all topics. `words`: what was shown and agreed to, if known."""

    __tablename__ = "consents"
    id: Mapped[Id]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    kind: Mapped[Literal["opt-in", "opt-out"]] = mapped_column(Text)
    topic: Mapped[Topic | None] = mapped_column(pg_enum(Topic, "topic"))
    at: Mapped[datetime]
    how: Mapped[str]
    words: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        Index("consents_of_contact", "contact_id"),
        Index("consents_opt_outs", "at", postgresql_where=text("kind = 'opt-out'")),
    )


class Suppression(Base):
    """An address that must not be written to, as a keyed hash, so that it outlives an erasure. Topic None: all."""

    __tablename__ = "suppressions"
    id: Mapped[Id]
    channel: Mapped[str]
    address_index: Mapped[bytes]
    topic: Mapped[Topic | None] = mapped_column(pg_enum(Topic, "topic"))
    reason: Mapped[SuppressionReason] = mapped_column(Text)
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("channel", "address_index", "topic", "reason", postgresql_nulls_not_distinct=True),
    )


class AddressLedger(Base):
    """What was suppressed and lifted for an address, when, how, and what proves it. Rows are only ever added, also by
    what no resident has asked for, such as a hard bounce. Topic None: everything.

    `contact_id`: who had the address; after an erasure, old links find the address by it. `how`: as in `Consent`.
    `evidence`: where to look, such as `twilio SM..` or `delivery 12`.
    """

    __tablename__ = "address_ledger"
    id: Mapped[Id]
    channel: Mapped[str]
    address_index: Mapped[bytes]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    at: Mapped[datetime]
    act: Mapped[Literal["suppressed", "lifted", "erased"]] = mapped_column(Text)
    topic: Mapped[Topic | None] = mapped_column(pg_enum(Topic, "topic"))
    reason: Mapped[str]
    how: Mapped[str]
    evidence: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        Index("address_ledger_of_address", "channel", "address_index", "at"),
        Index("address_ledger_of_contact", "contact_id", postgresql_where=text("contact_id IS NOT NULL")),
    )


class ResidentChange(Base):
    """A transaction (`pg_current_xact_id`) that changed a resident or one of their rows. Written by triggers."""

    __tablename__ = "resident_changes"
    xid: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, server_default=text("((pg_current_xact_id())::text)::bigint")
    )
    subscriber_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    __table_args__ = (Index("resident_changes_at", "at"),)


class StoredInbound(Base):
    """A message from a resident to one of our numbers: its meaning, without its words."""

    __tablename__ = "inbound"
    id: Mapped[Id]
    provider: Mapped[str]
    reference: Mapped[str]
    address_index: Mapped[bytes]
    meaning: Mapped[Literal["stop", "start", "help", "distress", "doubt", "other", "command"]] = mapped_column(Text)
    received_at: Mapped[datetime]
    answered: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        UniqueConstraint("provider", "reference"),
        Index("inbound_of_address", "address_index", "received_at"),
    )
