"""When the timed jobs ran, and which processes are there. All times are PostgreSQL's own: a host's clock may be set."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from notify.models.base import Base


class JobRow(Base):
    """The last run of a job. `started_at`: None until it has run; `failing_since`: None when the last run succeeded."""

    __tablename__ = "jobs"
    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime | None]
    seconds: Mapped[float | None]
    error: Mapped[str] = mapped_column(server_default="")
    succeeded_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    next_at: Mapped[datetime]
    late_after: Mapped[datetime]  # it should have succeeded again by then


class Heartbeat(Base):
    """A process of ours. `lanes`: what a worker serves; `unbroken_since`: since when it has missed no beat."""

    __tablename__ = "heartbeats"
    kind: Mapped[str] = mapped_column(primary_key=True)  # api, scheduler, worker
    host: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[int] = mapped_column(primary_key=True)
    lanes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    at: Mapped[datetime]
    unbroken_since: Mapped[datetime]
