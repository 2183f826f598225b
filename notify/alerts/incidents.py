"""An incident: its alerts, the notes of operators, and all that was done, in one order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import warn_requests
from notify.alerts.listing import IN_INCIDENT, LATER, InIncident
from notify.alerts.warn_requests import Record
from notify.audience.wordings import GENERAL
from notify.city import coverage
from notify.city.coverage import InForce, Reached
from notify.content import titles
from notify.core import audit, states, translation
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.models import Alert, Incident, IncidentNote, Operator, StoredContent

LONGEST_NOTE = 2000
MOST = 500  # entries of the thread: the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(InIncident):
    """An alert of the incident. `messages` and those `done`, by channel, from the batches."""

    area_hash: str | None
    audience: int
    messages: dict[str, int]
    done: dict[str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `what`: an act on an alert, a request or a zone, or the words of a note."""

    at: datetime
    kind: Literal["alert", "note", "request", "zone"]
    subject: int
    what: str
    who: str | None  # None: Tocsin itself
    order: int
    zone: str | None = None  # its name, when it was taken or released


@dataclass(frozen=True, slots=True)
class Thread:
    """All about an incident at one moment. `present`: the alerts in force that hold, with their words: dangers or, when
    there are none any more, what ended them; the newest first. `closed`: the last word is an all-clear, and to the
    whole area of whatever is in force."""

    incident: Incident
    alerts: tuple[Member, ...]
    entries: tuple[Entry, ...]
    requests: Sequence[Record]
    present: Sequence[tuple[Member, Sequence[StoredContent]]]
    reached: tuple[Reached, ...]
    closed: bool

    @property
    def name(self) -> str:
        """What operators call it: as the alert in force, or else the newest."""
        about = self.present[0][0] if self.present else self.alerts[-1] if self.alerts else None
        return titles.name(self.incident.event, about.blanks if about else {})


def read(s: Session, incident_id: int, now: datetime) -> Thread:
    """Read an incident. Raises NotFound."""
    incident = find(s, incident_id)
    alerts = _alerts(s, incident_id)
    standing = [one for one in alerts if one.launched_at and one.state in states.IN_FORCE and one.expires_at > now]
    actual = [one for one in standing if one.status == "Actual"] or standing
    covered = tuple(
        InForce(
            one.id,
            incident_id,
            one.area_hash,
            one.lane == "emergency",
            False,
            one.launched_at or now,
            one.follows is not None,
        )
        for one in actual
        if one.area_hash
    )
    requests = warn_requests.records(s, [one.id for one in alerts], incident_id)
    return Thread(
        incident,
        alerts,
        entries(s, incident_id, [one.id for one in alerts], [one.id for one in requests], MOST),
        requests,
        [(one, _words(s, one.id)) for one in _present(actual)],
        coverage.of(s, covered).reached,
        _is_closed(alerts, actual),
    )


def _present(standing: Sequence[Member]) -> Sequence[Member]:
    """A follow-up repeats another alert."""
    hold = [one for one in _launched(standing) if not one.is_replaced and one.follows is None]
    return [one for one in hold if not one.is_over] or hold or _launched(standing)[:1]


def _is_closed(alerts: Sequence[Member], standing: Sequence[Member]) -> bool:
    newest = next(iter(_launched(alerts)), None)
    return (
        newest is not None and newest.phase == "all-clear" and all(one.is_over or one.is_replaced for one in standing)
    )


def _launched(alerts: Sequence[Member]) -> list[Member]:
    """The newest first."""
    launched = [one for one in alerts if one.launched_at and one.state != "cancelled"]
    return sorted(launched, key=lambda one: (one.launched_at, one.id), reverse=True)


def still_true(s: Session, incident_id: int, status: str) -> list[int]:
    """Return the launched alerts of this status that no later one replaces or ends everywhere, the newest first,
    without all-clears and follow-ups."""
    launched = [one for one in _launched(_alerts(s, incident_id)) if one.follows is None and one.status == status]
    return [one.id for one in launched if not (one.is_replaced or one.is_over)]


def find(s: Session, incident_id: int) -> Incident:
    incident = s.get(Incident, incident_id)
    if incident is None:
        raise NotFound(
            _("There is no incident %(incident)s.", incident=incident_id),
            hint=_("The list of alerts shows the incident of each."),
        )
    return incident


def about(s: Session, incident_id: int, event: str) -> Incident:
    """Return the incident. Raises NotFound; Invalid when it is about another event."""
    incident = find(s, incident_id)
    if incident.event != event:
        raise Invalid(
            _(
                "Incident %(incident)s is about %(event)s, not %(other)s.",
                incident=incident_id,
                event=word(incident.event),
                other=word(event),
            )
        )
    return incident


def latest(s: Session, incident_id: int, status: str, but: int = 0) -> Alert | None:
    """Return the alert of an incident that was launched last or, if none was, its newest draft: an abandoned draft does
    not count. Nor do follow-ups, which say what another alert says, `but`, and those of another status, unless there is
    none of this one."""
    found = select(Alert).where(Alert.incident_id == incident_id, Alert.follows.is_(None), Alert.id != but)
    own = (Alert.status == status).desc()
    return s.scalar(found.order_by(own, Alert.launched_at.desc().nulls_last(), Alert.id.desc()).limit(1))


def add_note(s: Session, incident_id: int, words: str, form: UUID, by: Operator, now: datetime) -> None:
    """Add a note. A form that is sent twice makes one. Raises Invalid, NotFound or NotAllowed."""
    operators.require(by, "note")
    kept = visible(words.replace("\r\n", "\n"))
    if not kept:
        raise Invalid(_("The note is empty."), hint=_("Write it, then send it again."))
    if len(kept) > LONGEST_NOTE:
        raise Invalid(
            _("The note has %(count)s characters.", count=translation.number(len(kept))),
            hint=_("The most is %(longest)s.", longest=translation.number(LONGEST_NOTE)),
        )
    find(s, incident_id)
    made = s.scalar(
        insert(IncidentNote)
        .values(incident_id=incident_id, operator_id=by.id, at=now, words=kept, form=form)
        .on_conflict_do_nothing(index_elements=["form"])
        .returning(IncidentNote.id)
    )
    if made is not None:
        audit.note(s, now=now, by=by, action="note", subject="incident", subject_id=incident_id, note=made)


def _alerts(s: Session, incident_id: int) -> tuple[Member, ...]:
    rows = s.execute(text(_ALERTS), {"incident": incident_id}).all()
    return tuple(Member(**row._mapping) for row in rows)


_ALERTS = f"""
    SELECT {IN_INCIDENT}, a.area_hash, a.audience_total AS audience,
           coalesce(b.messages, '{{}}') AS messages, coalesce(b.done, '{{}}') AS done
      FROM alerts a LEFT JOIN LATERAL (
           SELECT jsonb_object_agg(channel, n) AS messages, jsonb_object_agg(channel, d) AS done
             FROM (SELECT channel, sum(size) AS n, coalesce(sum(size) FILTER (WHERE state = 'done'), 0) AS d
                     FROM batches WHERE alert_id = a.id GROUP BY channel) AS by_channel) AS b ON true
      {LATER} WHERE a.incident_id = :incident ORDER BY a.id
"""  # noqa: S608  names of ours


def _words(s: Session, alert_id: int) -> Sequence[StoredContent]:
    kept = select(StoredContent).where(StoredContent.alert_id == alert_id, StoredContent.wording == GENERAL)
    return s.scalars(kept.order_by(StoredContent.channel.desc(), StoredContent.language)).all()


def entries(
    s: Session, incident_id: int, alerts: Sequence[int], requests: Sequence[int], most: int | None = None
) -> tuple[Entry, ...]:
    """Return what happened, the newest first: all of it, or the newest `most`."""
    rows: Sequence[Any] = s.execute(
        text("""
            SELECT t.at, t.kind, t.subject, t.what, o.email AS who, t.id AS "order", z.name AS zone FROM (
                SELECT at, 'alert' AS kind, subject_id AS subject, action AS what, operator_id, id FROM audit
                 WHERE subject = 'alert' AND subject_id = ANY(:alerts) AND action <> 'count'
                 UNION ALL
                SELECT at, 'request', subject_id, action, operator_id, id FROM audit
                 WHERE subject = 'warn_request' AND subject_id = ANY(:requests)
                 UNION ALL
                SELECT at, 'zone', CAST(detail->>'zone' AS bigint), action, operator_id, id FROM audit
                 WHERE subject = 'incident' AND subject_id = :incident AND action IN ('claim', 'release')
                 UNION ALL
                SELECT at, 'note', id, words, operator_id, id FROM incident_notes WHERE incident_id = :incident
            ) AS t LEFT JOIN operators o ON o.id = t.operator_id
                   LEFT JOIN zones z ON t.kind = 'zone' AND z.id = t.subject
             ORDER BY t.at DESC, t.id DESC LIMIT CAST(:most AS bigint)"""),
        {"alerts": list(alerts), "requests": list(requests), "incident": incident_id, "most": most},
    ).all()
    return tuple(Entry(**row._mapping) for row in rows)
