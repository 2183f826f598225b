"""The city's own words for messages."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class WordVersion(Base):
    """A version of the city's own words for the message of one event, phase, channel and language. Never changed.

    `words`: a template by part; None goes back to the built-in words. `original`, `made_from`: the language and the
    version that it says the same as, 0 for the built-in words; for the original itself, its own.
    """

    __tablename__ = "word_versions"
    id: Mapped[Id]
    event: Mapped[str]
    phase: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    version: Mapped[int]
    words: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    original: Mapped[str]
    made_from: Mapped[int]
    note: Mapped[str]
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("event", "phase", "channel", "language", "version"),)
