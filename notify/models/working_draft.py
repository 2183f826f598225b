"""Half-filled forms of authors, from which alerts are made."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class WorkingDraft(Base):
    """A form that is being filled in, by one or several operators. `alert_id`: the alert that was made from it;
    `request_id`: the request to warn that the launch of this alert answers.

    `fields`: by name, `{"value": text, "version": n, "by": operator's id, "at": time, "tab": window}`; a field that is
    not there is empty, at version 0. `version` counts the saves. `counted`: the last area and channels that were
    counted, so that a reload is not audited again.
    """

    __tablename__ = "working_drafts"
    id: Mapped[Id]
    event: Mapped[str]
    phase: Mapped[str]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    request_id: Mapped[int | None] = mapped_column(ForeignKey("warn_requests.id"))
    corrects: Mapped[bool] = mapped_column(server_default="false")  # it was opened by *Correct*
    rewrites: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))  # the draft alert that its own will replace
    fields: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    version: Mapped[int] = mapped_column(server_default="0")
    counted: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    created_at: Mapped[datetime]
    updated_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    updated_at: Mapped[datetime]
    dropped_at: Mapped[datetime | None]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"), unique=True)

    __table_args__ = (
        Index("working_drafts_open", "updated_at", postgresql_where=text("alert_id IS NULL AND dropped_at IS NULL")),
        Index(
            "one_rewriting",
            "rewrites",
            unique=True,
            postgresql_where=text("alert_id IS NULL AND dropped_at IS NULL"),
        ),
    )


class SetAside(Base):
    """A value that was not kept, because somebody else had changed the same field. `settled_at`: it was decided."""

    __tablename__ = "working_draft_values"
    id: Mapped[Id]
    draft_id: Mapped[int] = mapped_column(ForeignKey("working_drafts.id", ondelete="CASCADE"))
    field: Mapped[str]
    value: Mapped[str]
    by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (Index("working_draft_values_of_draft", "draft_id"),)
