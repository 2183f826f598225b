"""One identity at one provider, with its own rate and daily cap; and the addresses that the carrier keeps from it."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Sender(Base):
    """`rate_per_s` counts what the provider counts: SMS segments, email recipients, posts."""

    __tablename__ = "senders"
    id: Mapped[Id]
    channel: Mapped[str]
    provider: Mapped[str]
    address: Mapped[str]
    rate_per_s: Mapped[float]
    daily_cap: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[Literal["open", "stopped"]] = mapped_column(Text, server_default="open")
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]  # last; None: never stopped since it is there

    __table_args__ = (UniqueConstraint("provider", "address"),)


class CarrierBlock(Base):
    """The carrier refuses this sender to this address; since `lifted_at` no more.

    `doubtful`: it may refuse it, for a STOP that we know of, but cannot tell.
    """

    __tablename__ = "carrier_blocks"
    id: Mapped[Id]
    sender_id: Mapped[int] = mapped_column(ForeignKey("senders.id"))
    address_index: Mapped[bytes]
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    doubtful: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        UniqueConstraint("sender_id", "address_index"),
        Index("carrier_blocks_in_force", "sender_id", postgresql_where=text("lifted_at IS NULL")),
    )
