"""The after-action report of an incident as a file: PDF, CSV and JSON, all with the numbers of the page."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from notify.alerts.incidents import Entry
from notify.alerts.reporting import report_files
from notify.alerts.reporting.after_action import AfterAction
from notify.alerts.reporting.incident_report import IncidentReport
from notify.alerts.reporting.report_files import clock
from notify.content import titles
from notify.core import translation, typesetting
from notify.core.settings import settings
from notify.core.texts import worded
from notify.core.translation import gettext as _
from notify.core.vocabulary import step
from templates import REPORT

GLANCE = ("requested", "approved", "launched", "first message", "50 % sent", "95 % sent")


def pdf(found: IncidentReport) -> bytes:
    """Return the report as a tagged PDF."""
    return typesetting.compiled(REPORT / "incident.typ", document(found), found.since)


def as_json(found: IncidentReport) -> bytes:
    return json.dumps(found.as_json(), ensure_ascii=False, indent=2).encode()


def as_csv(found: IncidentReport) -> bytes:
    """Return the report as one table: that of each alert after its number; without a number, the incident's own."""
    return report_files.table(("alert number", *report_files.HEADER), _rows(found))


FORMATS: dict[str, tuple[str, Callable[[IncidentReport], bytes]]] = {
    "pdf": ("application/pdf", pdf),
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
}


def document(found: IncidentReport) -> dict[str, Any]:
    """Return what the PDF shows, as texts and numbers; each alert as in its own report."""
    alerts = [report_files.document(one) for one in found.alerts]
    said = worded(REPORT)
    title = titles.name(found.event, found.alerts[-1].progress.blanks if found.alerts else {})
    return {
        "language": translation.language(),
        "say": report_files.plain()
        | report_files.filled(
            said["incident"],
            city=settings().city,
            title=title,
            number=found.incident,
            since=clock(found.since),
            alerts=len(alerts),
            contacts=f"{found.people.contacts:,}",
        ),
        "city": settings().city,
        "title": title,
        "since": clock(found.since),
        "so_far": "" if all(one.progress.ended for one in found.alerts) else said["still_running"],
        "people": {"contacts": found.people.contacts, "reached": found.people.reached},
        "requests": [report_files.request(one) for one in found.requests],
        "glance_steps": [said["milestone"][name] for name in GLANCE],
        "glance": [
            {"number": shown["number"], "title": f"{shown['title']} {shown['number']}", "steps": _glance(one)}
            for one, shown in zip(found.alerts, alerts, strict=True)
        ],
        "alerts": alerts,
        "notes": [{"at": clock(one.at), "who": one.who, "words": one.what} for one in found.notes],
        "steps": [{"at": clock(one.at), "action": _step(one), "who": one.who or "Tocsin"} for one in found.steps],
    }


def _glance(one: AfterAction) -> list[str]:
    """Return the moments of GLANCE; those after the launch as the time since it."""
    at = {milestone.name: milestone for milestone in one.milestones}
    return [report_files.after(at[name].after_s) if at[name].after_s else clock(at[name].at) for name in GLANCE]


def _step(one: Entry) -> str:
    if one.kind == "zone":
        return f"{step(one.what)} ({one.zone})"
    if one.kind == "request":
        subject = _("request %(number)s", number=one.subject)
    else:
        subject = _("alert %(number)s", number=one.subject)
    return f"{step(one.what)} ({subject})"


def _act(one: Entry) -> str:
    return f"{one.what} ({one.kind} {one.subject})"


def _rows(found: IncidentReport) -> Iterable[tuple[object, ...]]:
    yield "", "incident", found.incident, "event", found.event
    yield "", "incident", found.incident, "since", found.since.isoformat()
    yield "", "incident", found.incident, "contacts", found.people.contacts
    yield "", "incident", found.incident, "reached at least once", found.people.reached
    for row in report_files.request_rows(found.requests):
        yield "", *row
    for alert in found.alerts:
        for row in report_files.rows(alert):
            yield alert.progress.id, *row
    for note in found.notes:
        yield "", "note", note.at.isoformat(), note.what, note.who
    for one in found.steps:
        yield "", "action", one.at.isoformat(), _act(one), one.who or "Tocsin"
