"""Calls to 311, without anything of the callers: why, where and when, and what was more than usual."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class CallReason(Base):
    """A reason that the city has added or changed, or a group of them: `keys` has one letter then, else two. It stands
    in place of the one of that key in templates/calls/reasons.toml. `words`: by language."""

    __tablename__ = "call_reasons"
    key: Mapped[str] = mapped_column(primary_key=True)
    is_group: Mapped[bool] = mapped_column(primary_key=True)
    keys: Mapped[str]
    words: Mapped[dict[str, Any]]
    event: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str] = mapped_column(server_default="")
    retired_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))


class Call(Base):
    """One call. `form`: of the form that logged it, so that what is sent twice counts once. `logged_by` and `note` are
    forgotten after their time (`calls.log`)."""

    __tablename__ = "calls"
    id: Mapped[Id]
    form: Mapped[UUID] = mapped_column(unique=True)
    reason: Mapped[str]
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zones.id"))
    at: Mapped[datetime]
    logged_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    note: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (Index("calls_at", "at"),)


class CallSpike(Base):
    """More calls than usual, and what was done about it. `outcome`: "" while it waits."""

    __tablename__ = "call_spikes"
    id: Mapped[Id]
    reason: Mapped[str]
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zones.id"))
    hour: Mapped[datetime]
    calls: Mapped[int] = mapped_column(Integer)
    usual: Mapped[float]
    chance: Mapped[float]
    found_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(server_default="")
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    draft_id: Mapped[int | None]

    __table_args__ = (
        Index(
            "spikes_waiting",
            "reason",
            "zone_id",
            unique=True,
            postgresql_where=text("outcome = ''"),
            postgresql_nulls_not_distinct=True,
        ),
    )
