"""The after-action report as a file: PDF (tagged, PDF/UA-1), CSV and JSON, all with the numbers of the page."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from babel.dates import parse_pattern

from notify.alerts.reporting.after_action import AfterAction, Kin, Reach
from notify.alerts.reporting.history import Step
from notify.alerts.reporting.reports import Forecast, Progress
from notify.alerts.warn_requests import Record
from notify.channels.channel import CHANNELS
from notify.content import compose, titles
from notify.core import reasons, translation
from notify.core.formulas import defused
from notify.core.settings import settings
from notify.core.texts import worded
from notify.core.translation import gettext as _
from notify.core.typesetting import compiled
from notify.core.vocabulary import outcome, step, word
from templates import REPORT


def pdf(found: AfterAction) -> bytes:
    """Return the report as a tagged PDF."""
    return compiled(REPORT / "alert.typ", document(found), found.progress.created_at)


def as_json(found: AfterAction) -> bytes:
    return json.dumps(found.as_json(), ensure_ascii=False, indent=2).encode()


def as_csv(found: AfterAction) -> bytes:
    """Return the report as one table: section, item, figure, value. Times in ISO 8601."""
    return table(HEADER, rows(found))


HEADER = ("section", "item", "figure", "value")


def table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    """Return a table as CSV, of which no cell is a formula to a spreadsheet."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(header)
    writer.writerows([defused("" if cell is None else str(cell)) for cell in line] for line in lines)
    return written.getvalue().encode("utf-8-sig")  # with its mark, or Excel reads it as Windows-1252


FORMATS: dict[str, tuple[str, Callable[[AfterAction], bytes]]] = {
    "pdf": ("application/pdf", pdf),
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
}


def document(found: AfterAction) -> dict[str, Any]:
    """Return what the PDF shows, as texts and numbers, in the reader's language."""
    p = found.progress
    said = worded(REPORT)
    title = titles.title(p.event, p.phase, p.blanks)
    return {
        "language": translation.language(),
        "say": plain()
        | filled(
            said["alert"],
            city=settings().city,
            title=title,
            number=p.id,
            incident=p.incident,
            where=p.place,
            state=word(p.state),
            lane=word(p.lane),
            **{figure: f"{value:,}" for figure, value in _reach(found.whole).items()},
        ),
        "city": settings().city,
        "title": title,
        "number": p.id,
        "kin": _kin(found.kin),
        "so_far": _so_far(p, said),
        "practice": "" if p.status == "Actual" else word(p.status).upper(),
        "area_hash": p.area_hash or "",
        "map": found.drawing.svg(danger=p.lane == "emergency") if found.drawing else None,
        "requests": [request(one) for one in found.requests],
        "milestones": [
            {"name": said["milestone"][one.name], "at": clock(one.at), "after": after(one.after_s)}
            for one in found.milestones
            if one.at is not None
        ],
        "reach": [
            {"name": said["all"]} | _reach(found.whole),
            *({"name": _(CHANNELS[name].label)} | _reach(of) for name, of in found.channels.items()),
        ],
        "languages": [{"name": language_name(name)} | _reach(of) for name, of in found.languages.items()],
        "zones": [{"name": one.label, "residents": one.residents, "reached": one.reached} for one in found.zones],
        "reasons": [
            {"state": outcome(state), "why": reasons.sentence(reason), "count": count}
            for state, of_state in p.reasons.items()
            for reason, count in sorted(of_state.items(), key=lambda one: -one[1])
        ],
        "plan": [_promise(one) for one in p.forecast],
        "step_s": found.curve.step_s,
        "ticks": found.curve.ticks,
        "curve": [{"channel": _(CHANNELS[name].label), "left": list(left)} for name, left in found.curve.left.items()],
        "steps": [{"at": clock(one.at), "action": _did(one), "who": one.who or "Tocsin"} for one in found.steps],
        "words": [_message(one) for one in found.words],
    }


def _did(one: Step) -> str:
    return f"{step(one.action)} ({one.zone})" if one.zone else step(one.action)


def _kin(found: Kin) -> list[dict[str, Any]]:
    """Return a sentence for each other alert that this one has to do with, and that alert."""
    said = worded(REPORT)["kin"]
    return [
        {"alert": other, "words": said[name].format(alert=other)}
        for name, other in {
            found.before_as: found.supersedes,
            "follows": found.follows,
            "superseded_by": found.superseded_by,
            "ended_by": found.ended_by,
        }.items()
        if other
    ]


def _so_far(p: Progress, said: Mapping[str, str]) -> str:
    """Return why the numbers are not final; "" when they are."""
    if p.ended:
        return ""
    return said["still_sent"] if p.resolved else said["still_counted"]


def plain() -> dict[str, str]:
    """Return the words of both reports that have no blanks, in the reader's language."""
    return {name: words for name, words in worded(REPORT).items() if isinstance(words, str)}


def filled(said: Mapping[str, str], **values: object) -> dict[str, str]:
    """Return the words whose blanks are among the values, with these in their places."""
    return {name: text.format(**values) for name, text in said.items()}


def request(one: Record) -> dict[str, Any]:
    """Return a request to warn as texts. `facts`: what was done, and when and by whom."""
    said = worded(REPORT)["request"]
    answered = said["answered"].format(alert=one.alert) if one.alert else said["declined"]
    done = {
        said["received"]: _done(one.received_at, one.taken_by),
        said["decide_by"]: clock(one.decide_by),
        said["read_back"]: _done(one.read_back_at, one.read_back_by) or said["never"],
        answered: _done(one.closed_at, one.closed_by) + (said["late"] if one.was_late else ""),
        said["why"]: one.declined,
    }
    return {
        "number": one.id,
        "title": said["title"].format(number=one.id, asked_by=one.asked_by),
        "asked_by": one.asked_by,
        "danger": one.danger,
        "place": one.place,
        "facts": [[name, value] for name, value in done.items() if value],
    }


def _done(at: datetime | None, who: str | None) -> str:
    return worded(REPORT)["request"]["done"].format(at=clock(at), who=who) if at else ""


def _promise(one: Forecast) -> dict[str, Any]:
    return {
        "channel": _(CHANNELS[one.channel].label),
        "messages": one.messages,
        "promised": clock(one.p95_at),
        "was": clock(one.was_p95_at),
        "against": one.against_plan or "",
    }


def _message(one: Mapping[str, str]) -> dict[str, str]:
    return {
        "channel": _(CHANNELS[one["channel"]].label),
        "language": " · ".join(filter(None, (language_name(one["language"]), one["parts"]))),
        "subject": one["subject"],
        "text": compose.readable(one["text"], one["language"]),
    }


def language_name(language: str) -> str:
    """Return a language's name in that of the reader; for the city's own timelines that got nothing: none."""
    return translation.language_name(language) if language else str(worded(REPORT)["none"])


def rows(found: AfterAction) -> Iterable[tuple[object, ...]]:
    p = found.progress
    for name in ("id", "incident", "event", "phase", "status", "state", "lane", "area_description", "area_hash"):
        yield "alert", p.id, name, getattr(p, name)
    for name, value in asdict(found.kin).items():
        yield "alert", p.id, name, value
    yield from request_rows(found.requests)
    for one in found.milestones:
        yield "milestone", one.name, "at", one.at.isoformat() if one.at else ""
        yield "milestone", one.name, "seconds after the launch", "" if one.after_s is None else round(one.after_s, 3)
    groups = {"all": {"contacts": found.whole}, "channel": found.channels, "language": found.languages}
    for section, parts in groups.items():
        for name, reach in parts.items():
            for figure, value in _reach(reach).items():
                yield section, name or "none", figure, value
    for zone in found.zones:
        name = f"{zone.kind}:{zone.zone}" if zone.zone else zone.kind
        yield "zone", name, "residents", zone.residents
        yield "zone", name, "reached", zone.reached
    for state, of_state in p.reasons.items():
        for reason, count in of_state.items():
            yield f"reason {state}", reason, reasons.sentence(reason), count
    for forecast in p.forecast:
        for figure in ("p95_at", "was_p95_at"):
            moment = getattr(forecast, figure)
            yield "plan", forecast.channel, figure, moment.isoformat() if moment else ""
    for act in found.steps:
        yield "action", act.at.isoformat(), f"{act.action} {act.zone or ''}".strip(), act.who or "Tocsin"


def request_rows(requests: Iterable[Record]) -> Iterable[tuple[object, ...]]:
    for one in requests:
        for figure, value in asdict(one).items():
            if figure != "id":
                yield "request", one.id, figure, value.isoformat() if isinstance(value, datetime) else value


def _reach(reach: Reach) -> dict[str, int]:
    return {
        "total": reach.total,
        "reached": reach.reached,
        "failed": reach.failed,
        "left_out": reach.left_out,
        "to_come": reach.to_come,
    }


def clock(at: datetime | None) -> str:
    """Return a time on the city's clock, "" for none."""
    return _CLOCK.apply(at.astimezone(settings().tz), translation.locale()) if at else ""


_CLOCK = parse_pattern("d MMM y, h:mm:ss a")  # Unicode CLDR


def after(seconds: float | None) -> str:
    """Return `4.2 s`, `3 min 20 s` or `2 h 5 min`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
