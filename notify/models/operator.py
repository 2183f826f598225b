"""Staff members and the keys that programs use in their name."""

from datetime import datetime, time
from typing import Literal

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Text, Time, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id

Role = Literal["author", "approver", "agent", "admin"]


class Operator(Base):
    """A staff member. author: drafts; approver: approves and launches; agent: answers 311 callers; admin: all."""

    __tablename__ = "operators"
    __allow_unmapped__ = True
    key_scopes: frozenset[str] | None = None  # of the key in use; None: no limit
    exercising: bool = False  # at a console in exercise mode
    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(Text)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    audience_limit: Mapped[int | None] = mapped_column(Integer)  # contacts; above it, another person is needed
    language: Mapped[str | None]  # in which the console speaks; None: as the browser asks


class OperatorLimit(Base):
    """What alerts an operator may write, approve and launch. None: no limit. `audience_limit` is in `operators`."""

    __tablename__ = "operator_limits"
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), primary_key=True, autoincrement=False)
    topics: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    zones: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))  # ids; an area must lie within their union
    from_time: Mapped[time | None] = mapped_column(Time)  # of the city's clock, when messages may begin to go out
    until_time: Mapped[time | None] = mapped_column(Time)  # may be earlier than from_time: over midnight


class ApiKey(Base):
    """A key for programs. It acts for an operator; without one it may only read. Only its hash is kept."""

    __tablename__ = "api_keys"
    id: Mapped[Id]
    name: Mapped[str]  # unique among keys not revoked: a program's new key keeps its name
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # None: as its operator; without one, reading
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index("api_keys_living_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),)


class IdempotencyKey(Base):
    """A request that its program may repeat, and the alert it made (`notify.core.idempotency`)."""

    __tablename__ = "idempotency_keys"
    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id"), primary_key=True, autoincrement=False)
    key_hash: Mapped[bytes] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    at: Mapped[datetime]

    __table_args__ = (Index("idempotency_keys_at", "at"),)
