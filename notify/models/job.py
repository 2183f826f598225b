"""The runs of the timed jobs, and the heartbeats of processes. Times are PostgreSQL's: a host's clock may be set."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from notify.models.base import Base


class JobRow(Base):
    """The last run of a job. `started_at`: None before the first; `failing_since`: None unless the last run failed."""

    __tablename__ = "jobs"
    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime | None]
    seconds: Mapped[float | None]
    error: Mapped[str] = mapped_column(server_default="")
    succeeded_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    next_at: Mapped[datetime]
    late_after: Mapped[datetime]  # when it is late if it has not succeeded again


class Heartbeat(Base):
    """A process of ours. `lanes`: those a worker serves; `unbroken_since`: it has missed no beat since then."""

    __tablename__ = "heartbeats"
    kind: Mapped[str] = mapped_column(primary_key=True)  # api, scheduler, worker
    host: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[int] = mapped_column(primary_key=True)
    lanes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    at: Mapped[datetime]
    unbroken_since: Mapped[datetime]
