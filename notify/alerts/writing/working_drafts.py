"""Working drafts: forms that several operators fill in together, and the alert that is made of each, once.

Every field has a version. A change is made only by somebody who saw the newest one; otherwise it is set aside, and the
form shows both values until somebody chooses. So nobody overwrites what they have not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.writing import drafting, goes_on, working_fields
from notify.alerts.writing.drafting import Draft
from notify.alerts.writing.goes_on import GoesOn
from notify.content import compose
from notify.core import audit
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Operator, SetAside, WorkingDraft

KEPT = timedelta(days=30)  # after the last change; an alert that was made of it is kept
MOST_SET_ASIDE = 200  # values of one draft; beyond that the oldest are deleted


@dataclass(frozen=True, slots=True)
class Change:
    """A field as somebody has filled it in. `seen`: the version that this window showed."""

    value: str
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Saved:
    """The draft after a save, and the names of fields that were set aside."""

    draft: WorkingDraft
    set_aside: list[str] = field(default_factory=list)


def require_author(event: str, by: Operator) -> None:
    """Raise NotAllowed when the operator may not compose alerts about this event. It may be gone from the catalogue."""
    try:
        drafting.require_author(Draft(event), by)
    except NotFound:
        operators.require(by, "draft")


def find(s: Session, draft_id: int, by: Operator) -> WorkingDraft:
    """Return a draft that this operator may change. Raises NotFound or NotAllowed."""
    draft = s.get(WorkingDraft, draft_id)
    if draft is None:
        raise NotFound(_("There is no working draft %(draft)s.", draft=draft_id), hint=_("Compose lists them all."))
    require_author(draft.event, by)
    return draft


def open_drafts(s: Session, by: Operator) -> list[tuple[WorkingDraft, str]]:
    """Return the drafts of all authors that are not done and that this operator may change, the last changed first,
    each with the email of who changed it last."""
    rows = s.execute(
        select(WorkingDraft, Operator.email)
        .join(Operator, Operator.id == WorkingDraft.updated_by)
        .where(WorkingDraft.alert_id.is_(None), WorkingDraft.dropped_at.is_(None))
        .order_by(WorkingDraft.updated_at.desc())
        .limit(200)
    )
    return [(draft, email) for draft, email in rows if may_write(draft.event, by)]


def may_write(event: str, by: Operator) -> bool:
    """Whether `require_author` allows it; nobody writes by hand what Tocsin composes."""
    try:
        require_author(event, by)
    except (NotAllowed, Invalid):
        return False
    return True


def values_of(draft: WorkingDraft) -> dict[str, str]:
    return {name: there["value"] for name, there in draft.fields.items()}


def blanks_of(draft: WorkingDraft) -> dict[str, str]:
    return {name[6:]: value for name, value in values_of(draft).items() if name.startswith("blank.")}


def goes_on_from(s: Session, draft: WorkingDraft) -> GoesOn | None:
    """Return what the alert of a draft goes on from, if it is of an incident."""
    if draft.incident_id is None:
        return None
    status = values_of(draft).get("status") or "Actual"
    return goes_on.find(s, draft.incident_id, draft.phase, status, corrects=draft.corrects, but=draft.rewrites or 0)


def save(
    s: Session, draft_id: int, changes: Mapping[str, Change], by: Operator, now: datetime, *, tab: str = ""
) -> Saved:
    """Keep the changes of one window (`tab`), field by field. A field that changed elsewhere since the window saw it
    keeps its value, and the new one is set aside.

    Raises NotFound, NotAllowed, Refused when the draft is done, or Invalid for an unknown field.
    """
    draft = _locked(s, draft_id, by)
    event = compose.catalogue().event(draft.event)
    zones = current_zones(s).keys() | {
        int(name.partition(".")[2]) for name in draft.fields if name.startswith(("zone.", "but."))
    }
    fields, set_aside = dict(draft.fields), []
    for name, change in changes.items():
        value = working_fields.canonical(change.value)
        working_fields.require_known(name, value, event, draft.phase, zones)
        there = fields.get(name, {"value": "", "version": 0, "tab": tab})
        if value == there["value"]:
            continue
        if there["version"] > change.seen and there["tab"] != tab:
            s.add(SetAside(draft_id=draft.id, field=name, value=value, by=by.id, at=now))
            set_aside.append(name)
        else:
            fields[name] = kept(value, there["version"] + 1, by, now, tab)
    if set_aside:
        s.flush()
        _forget_most(s, draft.id)
    return Saved(_changed(draft, fields, by, now), set_aside)


def waiting(s: Session, draft_id: int) -> list[tuple[SetAside, str]]:
    """Return the values that were set aside and wait for a choice, with the email of who wrote each."""
    rows = s.execute(
        select(SetAside, Operator.email)
        .join(Operator, Operator.id == SetAside.by)
        .where(SetAside.draft_id == draft_id, SetAside.settled_at.is_(None))
        .order_by(SetAside.id)
    )
    return [(one, email) for one, email in rows]


def choose(s: Session, draft_id: int, set_aside: int, by: Operator, now: datetime, *, use: bool, seen: int) -> None:
    """Settle a value that was set aside: use it, or leave the field as it is. The other value stays in the history.

    `seen`: the version of the field that the choice was made against. Raises NotFound, NotAllowed or Refused.
    """
    draft = _locked(s, draft_id, by)
    chosen = s.get(SetAside, set_aside)
    if chosen is None or chosen.draft_id != draft.id:
        raise NotFound(_("There is no such value in this draft."), hint=_("Open the page again."))
    if chosen.settled_at is not None:
        return
    there = draft.fields.get(chosen.field, {"value": "", "version": 0, "by": draft.created_by})
    if use and there["version"] != seen:
        raise Refused(
            _("The field has changed again since this page showed it."), hint=_("Look at both values, then choose.")
        )
    chosen.settled_at = now
    if use:
        s.add(
            SetAside(
                draft_id=draft.id, field=chosen.field, value=there["value"], by=there["by"], at=now, settled_at=now
            )
        )
        newer = kept(chosen.value, there["version"] + 1, by, now, "")
        _changed(draft, draft.fields | {chosen.field: newer}, by, now)


def drop(s: Session, draft_id: int, by: Operator, now: datetime) -> None:
    """Throw a draft away. It can be looked up for 30 days. Raises NotFound, NotAllowed or Refused."""
    draft = _locked(s, draft_id, by)
    draft.dropped_at = draft.updated_at = now
    audit.note(s, now=now, by=by, action="drop", subject="working_draft", subject_id=draft.id)


def read(
    s: Session, draft: WorkingDraft, settings: Settings, values: Mapping[str, str] | None = None
) -> working_fields.Reading:
    """Read what the fields say, or would say with other values. Raises NotFound for an event that is gone."""
    event = compose.catalogue().event(draft.event)
    given = values_of(draft) if values is None else values
    first = compose.catalogue().written(settings.languages)[0]
    reading = working_fields.read(event, draft.phase, draft.incident_id, given, current_zones(s), settings.tz, first)
    return replace(reading, wanted=replace(reading.wanted, corrects=draft.corrects, rewrites=draft.rewrites))


def make(
    s: Session, draft_id: int, version: int, located: Draft, by: Operator, now: datetime, settings: Settings
) -> int:
    """Make the alert of a draft whose area is computed, and return its number; if it is made already, that number. The
    alert that it rewrites is withdrawn.

    Raises Refused when the draft is not at this version any more, or a value waits for a choice; else as `draft` and
    `withdraw` do.
    """
    draft = _row(s, draft_id, by)
    if draft.alert_id is not None:
        return draft.alert_id
    _require_open(draft)
    if draft.version != version:
        raise Refused(_("Somebody changed this draft in the meantime."), hint=_("Check what changed, then go on."))
    if waiting(s, draft.id):
        raise Refused(_("Two values of one field wait for a choice."), hint=_("Choose one of them, then go on."))
    if draft.rewrites is not None:
        lifecycle.withdraw(s, draft.rewrites, by, now)
    alert = drafting.draft(s, located, by, now, settings)
    draft.alert_id, draft.updated_at, draft.updated_by = alert.id, now, by.id
    s.flush()
    return alert.id


def note_count(s: Session, draft: WorkingDraft, what: str, now: datetime, by: Operator, **detail: Any) -> None:
    """Record in the audit who counted the residents of an area, once for each area and choice of channels (`what`)."""
    key = working_fields.digest(f"{by.id} {what}")
    first = s.execute(
        text("UPDATE working_drafts SET counted = :key WHERE id = :id AND counted <> :key RETURNING 1"),
        {"key": key, "id": draft.id},
    ).first()
    if first is not None:
        audit.note(s, now=now, by=by, action="count", subject="working_draft", subject_id=draft.id, **detail)


def forget_old(s: Session, now: datetime) -> None:
    """Delete the drafts that nobody has changed for a long time."""
    s.execute(text("DELETE FROM working_drafts WHERE updated_at < :since"), {"since": now - KEPT})


def _locked(s: Session, draft_id: int, by: Operator) -> WorkingDraft:
    draft = _row(s, draft_id, by)
    _require_open(draft)
    return draft


def _row(s: Session, draft_id: int, by: Operator) -> WorkingDraft:
    find(s, draft_id, by)
    return s.scalars(
        select(WorkingDraft).where(WorkingDraft.id == draft_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one()


def _require_open(draft: WorkingDraft) -> None:
    if draft.alert_id is not None:
        raise Refused(_("Alert %(alert)s was made of this draft.", alert=draft.alert_id), hint=_("Open the alert."))
    if draft.dropped_at is not None:
        raise Refused(_("This draft was thrown away."), hint=_("Start a new one."))


def _changed(draft: WorkingDraft, fields: dict[str, Any], by: Operator, now: datetime) -> WorkingDraft:
    if fields != draft.fields:
        draft.fields, draft.version = fields, draft.version + 1
        draft.updated_by, draft.updated_at = by.id, now
    return draft


def kept(value: str, version: int, by: Operator, now: datetime, tab: str) -> dict[str, Any]:
    """A field as it is stored."""
    return {"value": value, "version": version, "by": by.id, "at": now.isoformat(), "tab": tab[:32]}


def _forget_most(s: Session, draft_id: int) -> None:
    s.execute(
        text("""DELETE FROM working_draft_values WHERE draft_id = :id AND id NOT IN (
                    SELECT id FROM working_draft_values WHERE draft_id = :id ORDER BY id DESC LIMIT :most)"""),
        {"id": draft_id, "most": MOST_SET_ASIDE},
    )


def current_zones(s: Session) -> dict[int, str]:
    """The names of current zones, `kind:name`, by id."""
    rows = s.execute(text("SELECT id, kind || ':' || name AS name FROM zones WHERE retired_at IS NULL"))
    return {row.id: row.name for row in rows}
