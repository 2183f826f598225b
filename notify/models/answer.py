"""Questions and answers, and what was searched for in vain."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class Answer(Base):
    """A question and its answer in one language. `number` is shared by its languages. `short`: for a text message.
    `search`: what it is found by, without accents; `incident_id`: what it is about, if not in general."""

    __tablename__ = "answers"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str]
    answer: Mapped[str]
    short: Mapped[str] = mapped_column(server_default="")
    keywords: Mapped[str] = mapped_column(server_default="")
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime]
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    search: Mapped[str] = mapped_column(TSVECTOR)

    __table_args__ = (Index("answers_search", "search", postgresql_using="gin"),)


class AnswerSearch(Base):
    """Words that found no answer, in the order of the alphabet, and how often on a day; nothing of who searched."""

    __tablename__ = "answer_searches"
    words: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
