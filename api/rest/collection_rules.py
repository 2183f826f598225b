"""`/api/v1/collections/rules` and its kin: holidays, rules and exceptions of the calendars, what they would change, and
the next edition. Nothing is public before it is published."""

from datetime import UTC, datetime
from datetime import date as Date  # noqa: N812  a field is called date
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from notify.core.db import transaction
from notify.models import CollectionRule
from notify.service311 import calendars, editions, next_edition, rule_entry, rule_store
from notify.service311.outputs import rule_findings
from notify.service311.rule_entry import ExceptionForm, RuleForm
from notify.service311.rules import Collection, State

router = APIRouter(prefix="/api/v1/collections", tags=["collections"])
LONG, MANY = 400, 50


class RuleOut(BaseModel):
    id: int
    kind: Literal["holiday", "rule", "exception"]
    status: Literal["published", "new", "leaving"]
    reason: str
    body: dict[str, Any] = Field(description="Dates as 2026-11-26; zones by their ids, null for all.")


class HolidayIn(BaseModel):
    """A holiday or a storm: with its dates, or by its name in the `holidays` library."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "example": {"name": "Thanksgiving Day", "years": [2026, 2027], "reason": "city code 12"}})  # fmt: skip

    name: str = Field(max_length=LONG)
    dates: list[Date] = Field([], max_length=MANY)
    country: str = Field("US", max_length=10)
    state: str = Field("", max_length=10)
    years: list[int] = Field([], max_length=10, description="Of the library's dates; by default this one and two more.")
    reason: str = Field(max_length=LONG)


class RuleIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "example": {"holidays": ["Thanksgiving Day"], "effect": "slide", "reason": "city code 12"}})  # fmt: skip

    holidays: list[str] = Field(max_length=MANY)
    effect: str = Field(max_length=LONG, description=rule_entry.EFFECTS)
    direction: str = Field("later", max_length=LONG)
    zones: list[str] = Field([], max_length=2_000, description="Names or ids; empty for all.")
    streams: list[str] = Field([], max_length=MANY)
    bound: str = Field("", max_length=LONG, description="The last weekday that it reaches.")
    spill_to: str = Field("", max_length=LONG, description="The last weekday of collections.")
    weekend: str = Field("ignore", max_length=LONG)
    otherwise: str = Field("announce", max_length=LONG)
    set_out_at: str = Field("", max_length=LONG)
    reason: str = Field(max_length=LONG)
    instead: int | None = Field(None, ge=1, lt=2**63, description="The id of a rule whose place it takes.")


class ExceptionIn(BaseModel):
    """Either a new date, or a state."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "example": {"day": "2026-11-26", "state": "SUSPENDED", "author": "A. Perez", "reason": "storm"}})  # fmt: skip

    day: Date = Field(description="By the schedule, before any holiday moves it.")
    zone: str = Field("", max_length=LONG)
    stream: str = Field("", max_length=LONG)
    moved_to: Date | None = None
    state: State | None = None
    author: str = Field(max_length=LONG)
    reason: str = Field(max_length=LONG)
    instead: int | None = Field(None, ge=1, lt=2**63)


class DayOut(BaseModel):
    date: Date | None
    state: State


class ChangeOut(BaseModel):
    nominal: Date
    streams: list[str]
    zones: list[str]
    old: DayOut | None
    new: DayOut | None


class ChangesOut(BaseModel):
    """What the next edition would change against the published one in a year, from today on."""

    year: int
    published: int | None
    added: int = Field(description="Rows that come with the next edition.")
    left_out: int
    fingerprint: str = Field(description="Send it with `publish`, so that nothing else is published.")
    by_zone: dict[str, int]
    changes: list[ChangeOut]
    findings: list[str]


class PublishIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"note": "the year 2027"}})

    note: str = Field("", max_length=1_000)
    fingerprint: str | None = Field(None, max_length=64)


class EditionOut(BaseModel):
    number: int
    published_at: datetime
    note: str


@router.get("/rules", summary="Holidays, rules and exceptions of the next edition", responses=problems())
def list_rules(caller: Reader) -> list[RuleOut]:
    with transaction() as s:
        return [_out(one) for one in (*rule_store.standing(s), *rule_store.leaving(s))]


@router.post("/holidays", status_code=201, summary="Add a holiday", responses=problems(403, 409, 413, 422))
def add_holiday(body: HolidayIn, caller: Reader) -> list[RuleOut]:
    now = datetime.now(UTC)
    this = calendars.today(now).year
    with transaction() as s:
        before = _newest(s)
        if body.dates:
            rule_store.add_holiday(s, body.name, body.dates, body.reason, now, caller.acting)
        else:
            years = body.years or range(this, this + 3)
            state = body.state or None
            rule_store.add_chosen(s, [body.name], body.country, state, years, body.reason, now, caller.acting)
        return [_out(one) for one in rule_store.standing(s) if one.id > before]


@router.post("/rules", status_code=201, summary="Add a rule", responses=problems(403, 404, 409, 413, 422))
def add_rule(body: RuleIn, caller: Reader) -> RuleOut:
    form = RuleForm(**body.model_dump(exclude={"reason", "instead"}))
    with transaction() as s:
        rule = rule_entry.rule(s, form)
        return _out(rule_store.add_rule(s, rule, body.reason, datetime.now(UTC), caller.acting, body.instead))


@router.post("/exceptions", status_code=201, summary="Change one day", responses=problems(403, 404, 409, 413, 422))
def add_exception(body: ExceptionIn, caller: Reader) -> RuleOut:
    moved = str(body.moved_to or "")
    happens = body.state.value if body.state else "moved"
    form = ExceptionForm(str(body.day), body.zone, body.stream, happens, moved, body.author, body.reason)
    with transaction() as s:
        exception = rule_entry.exception(s, form)
        return _out(rule_store.add_exception(s, exception, datetime.now(UTC), caller.acting, body.instead))


@router.delete("/rules/{rule_id}", status_code=204, summary="Take out of the next edition",
               responses=problems(403, 404, 409, 422))  # fmt: skip
def remove(rule_id: Id, caller: Reader) -> Response:
    with transaction() as s:
        rule_store.remove(s, rule_id, datetime.now(UTC), caller.acting)
    return Response(status_code=204)


@router.get("/changes", summary="What the next edition would change", responses=problems(422))
def changes(caller: Reader, year: int = 0) -> ChangesOut:
    now = datetime.now(UTC)
    with transaction() as s:
        found = next_edition.read(s, year or calendars.today(now).year, now)
        findings = rule_findings.sentences(found.findings, rule_findings.zone_names(s))
    return ChangesOut(
        year=found.of_year,
        published=found.published,
        added=found.pending.added,
        left_out=found.pending.left_out,
        fingerprint=found.fingerprint,
        by_zone=dict(found.by_zone),
        changes=[
            ChangeOut(nominal=one.nominal, streams=list(one.streams), zones=list(one.zones), old=_day(one.old),
                      new=_day(one.new))
            for one in found.changes
        ],
        findings=findings,
    )  # fmt: skip


@router.get("/editions", summary="The published editions", responses=problems())
def list_editions(caller: Reader) -> list[EditionOut]:
    with transaction() as s:
        return [EditionOut(number=one.number, published_at=one.published_at, note=one.note)
                for one in editions.all_editions(s)]  # fmt: skip


@router.post("/editions", status_code=201, summary="Publish the next edition", responses=problems(403, 409, 413, 422))
def publish(body: PublishIn, caller: Reader) -> EditionOut:
    with transaction() as s:
        made = editions.publish(s, body.note, datetime.now(UTC), caller.acting, body.fingerprint)
        return EditionOut(number=made.number, published_at=made.published_at, note=made.note)


def _newest(s: Session) -> int:
    return max((one.id for one in rule_store.standing(s)), default=0)


def _out(one: CollectionRule) -> RuleOut:
    status: Literal["published", "new", "leaving"] = (
        "leaving" if one.leaving else "published" if one.from_edition else "new"
    )
    return RuleOut(id=one.id, kind=one.kind, status=status, reason=one.reason, body=one.body)


def _day(one: Collection | None) -> DayOut | None:
    return None if one is None else DayOut(date=one.effective, state=one.state)
