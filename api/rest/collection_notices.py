"""`/api/v1/collections/notices`: what a holiday or a storm changes, whom its notice reaches and what it says, and to
publish it. As at `/desk/notices`."""

from datetime import UTC, datetime
from datetime import date as Date  # noqa: N812  a field is called date
from typing import Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.auth import Caller, Reader
from api.openapi import problems
from api.rest.alert_bodies import Moment
from notify.accounts import operators
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models.states import AlertState
from notify.operations import tasks
from notify.service311.notices import acts, holidays, kept, looking, storm
from notify.service311.notices.causes import CAUSES
from notify.service311.notices.publishing import Published
from notify.service311.notices.storm import Decision, Storm, StormForm

router = APIRouter(prefix="/api/v1/collections/notices", tags=["collections"])
LONG, MANY = 400, 50


class StormIn(BaseModel):
    """What becomes of collections. What is left out is as in the notices of the incident; of a first one, all streams,
    and what is due today."""

    model_config = ConfigDict(extra="forbid")

    zones: list[str] = Field([], max_length=2_000, description="Names or ids.")
    streams: list[str] = Field([], max_length=MANY)
    first: Date | None = Field(None, description="The first day on which they are due.")
    last: Date | None = None
    cause: str = Field("", max_length=LONG, description=f"One of {', '.join(CAUSES)}.")
    decision: Decision = Field("unknown", description="`unknown`: the new day is told later. `next`: kept until the"
                               " next regular day. `day`: on `to`. `usual`: on its day after all.")  # fmt: skip
    to: Date | None = None
    incident: int | None = Field(None, ge=1, lt=2**63, description="Whose next notice it is.")

    def form(self) -> StormForm:
        days = {name: str(getattr(self, name) or "") for name in ("first", "last", "to")}
        return StormForm(**{**self.model_dump(), **days})


class About(BaseModel):
    """Either a holiday, or a storm."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"holiday": "Thanksgiving Day"}})

    holiday: str | None = Field(None, max_length=LONG, description="Its key or date, or the next one of this name.")
    storm: StormIn | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.holiday is None) == (self.storm is None):
            raise ValueError("give a holiday or a storm")
        return self


class NewNotice(About):
    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "example": {"holiday": "Thanksgiving Day", "edition": 4}})  # fmt: skip

    edition: int = Field(ge=1, lt=2**31, description="Of the calendars that were shown: others are refused.")
    channels: list[str] | None = Field(None, max_length=MANY, description="By default those that the city uses for it.")
    launch_at: Moment | None = Field(None, description="Of a holiday: when it goes out; at once by default.")
    remind: bool = Field(True, description="Of a holiday: its readers, the evening before each day that differs.")

    @model_validator(mode="after")
    def _storms_are_told_at_once(self) -> Self:
        if self.storm is not None and self.launch_at is not None:
            raise ValueError("a storm is told at once: leave out launch_at")
        return self


class HolidayOut(BaseModel):
    key: str
    name: str
    date: Date
    changes: bool = Field(description="Whether it moves a collection.")
    notice: int | None = Field(description="Its notice, if it was sent or will be.")
    state: AlertState | None


class NoticeOut(BaseModel):
    id: int
    kind: Literal["holiday", "storm"]
    about: str
    date: Date
    edition: int
    alert: int
    incident: int
    state: AlertState


class NoticesOut(BaseModel):
    holidays: list[HolidayOut]
    notices: list[NoticeOut] = Field(description="Those whose days are not long over, the newest first.")


class MoveOut(BaseModel):
    """In the reader's language, as residents read it."""

    streams: str
    usual: str
    new: str


class ZoneOut(BaseModel):
    zone: str
    moves: list[MoveOut] = Field(description="None: nothing changes there, and nothing is sent.")
    residents: int | None
    messages: dict[str, int] = Field(description="By channel.")


class TextOut(BaseModel):
    zones: str
    words: dict[str, str] = Field(description="As a text message, by language.")


class LookOut(BaseModel):
    edition: int
    told: int | None = Field(None, description="Of a holiday: the alert that told it already, or will. Then no"
                             " zones are listed unless a day has changed since.")  # fmt: skip
    channels: list[str] = Field(description="That the city can send by.")
    proposed: list[str]
    zones: list[ZoneOut]
    residents: int = Field(description="Exact; a resident with places in two zones counts once.")
    messages: dict[str, int]
    texts: list[TextOut]
    last_day: Date | None = Field(description="With its end in the city the notice is over; null: no day changes.")
    best_at: datetime | None = Field(description="When to tell a holiday, a week ahead; null: now.")
    untranslated: list[str] = Field(description="Languages whose readers get the reason as somebody typed it.")
    quiet_until: datetime | None = Field(description="Texts and emails wait until then, if it goes out now.")
    evenings: list[Date] = Field(description="Of a holiday: when its readers are reminded, if it goes out before.")


class PublishedOut(BaseModel):
    """`waiting`: why it was not launched, and who must act; empty if it was."""

    notice: int
    alert: int
    incident: int
    state: AlertState
    launch_at: datetime | None
    waiting: str


@router.get("", summary="The holidays to come, and what was told", responses=problems(403))
def list_notices(caller: Reader) -> NoticesOut:
    operators.require(caller.acting, "draft collection")
    now = datetime.now(UTC)
    with transaction() as s:
        found, recent = holidays.upcoming(s, now), kept.recent(s, now)
    return NoticesOut(
        holidays=[
            HolidayOut(
                key=one.key, name=one.name, date=one.day, changes=one.changes,
                notice=one.stands and one.stands.notice_id, state=one.stands and one.stands.state,
            )
            for one in found
        ],
        notices=[
            NoticeOut.model_validate({
                "id": one.notice_id, "kind": one.kind, "about": one.title, "date": one.day, "edition": one.edition,
                "alert": one.alert_id, "incident": one.incident_id, "state": one.state,
            })
            for one in recent
        ],
    )  # fmt: skip


@router.post("/look", summary="What a notice would say, and to whom", responses=problems(403, 404, 413, 422))
def look(body: About, caller: Reader) -> LookOut:
    """Nothing is stored or sent."""
    operators.require(caller.acting, "collections" if body.storm else "draft collection")
    now = datetime.now(UTC)
    if body.storm:
        planned, shown = looking.at_storm(_storm(body.storm, now), caller.acting.email, now, settings())
        return LookOut.model_validate({"edition": planned.edition, **shown.as_json()})
    changed, shown = looking.at_holiday(_key(body, now), now, settings())
    told = changed.holiday.stands
    return LookOut.model_validate({"edition": changed.edition, "told": told and told.alert_id, **shown.as_json()})


@router.post("", status_code=201, summary="Publish a notice", responses=problems(403, 404, 409, 413, 422))
def publish(body: NewNotice, caller: Reader) -> PublishedOut:
    """One alert, approved and launched or scheduled. Where more contacts would be written to than its author may write
    to alone, it waits for somebody else's approval. `POST /api/v1/alerts/ID/cancel` takes it back."""
    published = _published(body, caller, datetime.now(UTC))
    if published.alert.state is AlertState.SENDING:
        tasks.ring_alert(published.alert)
    return PublishedOut.model_validate(published.as_json())


def _published(body: NewNotice, caller: Caller, now: datetime) -> Published:
    by, channels, edition = caller.acting, body.channels, body.edition
    if body.storm:
        operators.require(by, "collections")
        return acts.publish_storm(_storm(body.storm, now), edition, channels, by, now, settings())
    operators.require(by, "publish collection")
    key = _key(body, now)
    return acts.publish_holiday(key, edition, channels, body.launch_at, by, now, settings(), remind=body.remind)


def _key(body: About, now: datetime) -> str:
    with transaction() as s:
        return holidays.named(s, body.holiday or "", now).key


def _storm(given: StormIn, now: datetime) -> Storm:
    with transaction() as s:
        return storm.entered(s, given.form(), now)
