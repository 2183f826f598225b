"""The audit: who did what, and when. Rows are only ever added."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
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

    __table_args__ = (Index("audit_of_subject", "subject", "subject_id"),)
