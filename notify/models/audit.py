"""The audit: who did what, and when. Rows are only ever added."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Audit(Base):
    __tablename__ = "audit"
    id: Mapped[Id]
    at: Mapped[datetime]
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))  # None: Tocsin itself
    action: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[int]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")

    __table_args__ = (
        Index("audit_of_subject", "subject", "subject_id"),
        Index("audit_of_operator", "operator_id", "id"),
        Index("audit_of_action", "action", "id"),
        Index("audit_at", "at"),
    )


class AuditSeal(Base):
    """The hash of an audit row and of the seal before it: a chain in the order of ids (`notify.core.audit_seals`)."""

    __tablename__ = "audit_seals"
    # Not a foreign key: a row that is gone must be found missing by its seal.
    audit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(SmallInteger)  # of what is hashed
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]
