"""Who is on duty, and what is written to one person: an operator, or a resident who joins."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, Integer, Text, UniqueConstraint, false
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Duty(Base):
    """A shift of the roster. No two overlap. One that was taken back is empty: it ends when it starts."""

    __tablename__ = "duties"
    id: Mapped[Id]
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    deputy_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(server_default="")
    made_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    made_at: Mapped[datetime]


class OperatorContact(Base):
    """An operator's own phone or email. Nothing is sent to it until it is verified."""

    __tablename__ = "operator_contacts"
    id: Mapped[Id]
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    channel: Mapped[str]
    address_sealed: Mapped[bytes]
    verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    code_hash: Mapped[bytes | None]  # of the code that was sent to it
    code_ends_at: Mapped[datetime | None]
    code_tries: Mapped[int] = mapped_column(Integer, server_default="0")

    __table_args__ = (UniqueConstraint("operator_id", "channel"),)


AboutAlert = Literal["ask", "break-glass", "channel-silent", "expiry", "overtaken", "test"]
AboutAccount = Literal["code", "invitation", "reset", "app", "passkey", "password", "recovery-code", "new-device"]
ToResident = Literal["join-code", "welcome", "question", "self-test", "resend", "reminder", "calendar"]


class DirectMessage(Base):
    """A message to one operator about an alert or their account, or to one resident who joins or is asked
    something, sent once. On the channel `console` it is only shown there.

    waiting: to be sent. claimed: being sent. unknown: perhaps sent, and never sent again.
    """

    __tablename__ = "direct_messages"
    id: Mapped[Id]
    kind: Mapped[AboutAlert | AboutAccount | ToResident] = mapped_column(Text)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))  # None: about the account
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    joining_id: Mapped[int | None] = mapped_column(ForeignKey("joinings.id", ondelete="CASCADE"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    step: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    state: Mapped[Literal["waiting", "claimed", "accepted", "failed", "unknown"]] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(server_default="")
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("senders.id"))
    reference: Mapped[str] = mapped_column(server_default="")
    cost: Mapped[int] = mapped_column(Integer, server_default="0")  # in the units of the sender's cap, once claimed
    made_at: Mapped[datetime]
    any_hour: Mapped[bool] = mapped_column(server_default=false())  # a question that does not wait for quiet hours
    claimed_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("alert_id", "kind", "operator_id", "step", "channel"),
        Index("direct_messages_open", "id", postgresql_where=sql("state IN ('waiting', 'claimed', 'unknown')")),
        Index("direct_messages_of_sender", "sender_id", "claimed_at", postgresql_where=sql("sender_id IS NOT NULL")),
        Index(
            "direct_messages_invitations",
            "operator_id",
            "id",
            postgresql_where=sql("kind IN ('invitation', 'reset')"),
        ),
        Index("direct_messages_codes", "operator_id", "made_at", postgresql_where=sql("kind = 'code'")),
        Index("direct_messages_of_joining", "joining_id", postgresql_where=sql("joining_id IS NOT NULL")),
        Index("direct_messages_of_contact", "contact_id", "id", postgresql_where=sql("contact_id IS NOT NULL")),
    )


class SealedWords(Base):
    """What a message to one person says of a place, as JSON: `words` and `place` (`delivery.sealed_words`)."""

    __tablename__ = "sealed_words"
    id: Mapped[Id]
    message_id: Mapped[int] = mapped_column(ForeignKey("direct_messages.id", ondelete="CASCADE"), unique=True)
    channel: Mapped[str]
    kept_sealed: Mapped[bytes]


class BreakGlass(Base):
    """An emergency that one person launched alone, and the review that another person must write."""

    __tablename__ = "break_glass"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    reason: Mapped[str]
    at: Mapped[datetime]
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    review: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]

    __table_args__ = (Index("break_glass_open", "at", postgresql_where=sql("reviewed_at IS NULL")),)
