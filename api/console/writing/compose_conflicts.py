"""Fields of a working draft that two people have filled in differently."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.console.writing.compose_labels import label
from notify.alerts.writing import working_drafts
from notify.content.events import Event
from notify.models import WorkingDraft


@dataclass
class Conflict:
    """Two values of one field: the one that is kept, and the one that waits."""

    id: int
    label: str
    kept: str
    kept_by: str
    waiting: str
    waiting_by: str
    seen: int


def read(
    s: Session, draft: WorkingDraft, event: Event, names: Mapping[int, str], zones: Mapping[int, str]
) -> list[Conflict]:
    """Return those of a draft. `names`: emails of operators, and `zones`: names, by id."""
    found = []
    for one, email in working_drafts.waiting(s, draft.id):
        there = draft.fields.get(one.field, {"value": "", "version": 0, "by": draft.created_by})
        found.append(
            Conflict(
                id=one.id,
                label=label(event, draft.phase, one.field, zones),
                kept=there["value"],
                kept_by=names.get(there["by"], ""),
                waiting=one.value,
                waiting_by=email,
                seen=there["version"],
            )
        )
    return found
