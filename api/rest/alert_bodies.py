"""The bodies of alerts over REST."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.rest.area_bodies import PARTS, WITHOUT, Confirmations, Parts
from api.rest.tallies import Tally
from notify.alerts.approving.explanation import Explanation
from notify.alerts.writing.drafting import Draft
from notify.channels.channel import ChannelName
from notify.core import city_time

Phase = Literal["issue", "update", "all-clear"]
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 2, tzinfo=UTC), le=datetime(2199, 12, 30, tzinfo=UTC))]
Description = Annotated[str, Field(max_length=200)]


class Seen(BaseModel):
    """What a person was shown before they decided. Each is checked if it is given."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"messages": 1200}})

    messages: int | None = Field(
        None, ge=0, lt=10**12, description="How many messages you expect; refused if it is another number."
    )
    area_hash: str | None = Field(None, max_length=64, description="The area that you expect; refused if another.")

    @property
    def typed(self) -> str | None:
        """The number as a person would type it."""
        return None if self.messages is None else str(self.messages)


class NewAlert(BaseModel):
    """The area is the union of `zones`, `area` and `parts`, minus `without`; if none is given, that of the incident's
    latest alert; after an all-clear to a part, that of the danger that holds in the rest. Unless all of it is zones and
    streets, it needs `area_description`. `include` and `exclude` are accepted for `parts` and `without`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "event": "storm",
                "zones": ["Riverside"],
                "blanks": {"hazard": "thunderstorm", "wind_mph": "70"},
                "status": "Exercise",
            }
        },
    )

    event: str = Field(description="outage, snow, storm or collection.")
    phase: Phase = "issue"
    zones: list[str] = Field(default=[], max_length=1000)
    area: dict[str, Any] | None = Field(
        None, description="GeoJSON: Polygon, MultiPolygon, Feature or FeatureCollection."
    )
    parts: Parts = Field(default=[], max_length=1000, validation_alias=PARTS)
    without: Parts = Field(default=[], max_length=1000, validation_alias=WITHOUT)
    confirmed: Confirmations = Field(default=[], description="Doubts about a drawn area that you confirm.")
    area_description: Description | dict[str, Description] = Field(
        "", description="What residents call the area: one text for everybody, or by language."
    )
    blanks: dict[str, str] = Field(default={}, description="The values of the event's blanks.")
    channels: list[ChannelName] | None = Field(None, description="By default all channels with an open sender.")
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"] | None = None
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"] | None = None
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"] | None = None
    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    expires_at: Moment | None = None
    lasts: str | None = Field(
        None,
        pattern=r"^[0-9]{1,5}[mhd]$",
        description="Instead of `expires_at`: how long it lasts, such as 6h, counted from `launch_at` or, without it,"
        " from now; 12h by default. The message states the end, so a later launch does not move it.",
    )
    launch_at: Moment | None = Field(
        None,
        description="Launch it at this time. It must be approved and launched before, which schedules it.",
    )
    incident: int | None = Field(None, ge=1, lt=2**63)
    corrects: bool = Field(
        False, description="Its messages begin with `Correction:`. Only for a later alert of an `incident`."
    )

    def as_draft(self) -> Draft:
        parts, without = ([one.as_part() for one in several] for several in (self.parts, self.without))
        lasts = city_time.span(self.lasts or "")
        return Draft(**dict(self) | {"parts": parts, "without": without, "lasts": lasts})


class AudienceOut(BaseModel):
    total: Tally | None = Field(
        description="Contacts in the area, including those left out. Null before the launch; until then"
        " `/api/v1/alerts/{alert_id}/audience` returns whom it would reach."
    )
    by_channel: dict[str, Tally] = Field(description="Contacts that will get a message.")
    skipped: dict[str, Tally] = Field(description="Contacts left out, by reason.")


class AlertSummary(BaseModel):
    """`notify.alerts.listing.AlertSummary`, field by field."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    incident: int
    event: str
    phase: str
    status: str
    severity: str
    urgency: str
    certainty: str
    lane: str
    state: str
    area_description: str
    area_names: dict[str, str] = Field(description="Its name by language.")
    created_at: datetime
    launch_at: datetime | None = Field(description="When it will be launched automatically.")
    launched_at: datetime | None
    expires_at: datetime


class Alerts(BaseModel):
    alerts: list[AlertSummary]


class ForecastOut(BaseModel):
    channel: str
    messages: Tally
    p95_at: datetime | None = Field(description="When 95 % of the messages were forecast to have been sent.")
    was_p95_at: datetime | None = Field(description="When they had actually been sent.")
    error: float | None = Field(description="As a share of the time since the launch; above 0: it took longer.")


class AlertOut(AlertSummary):
    """The progress of an alert. The command line and the console show the same numbers. A key that may neither write
    nor launch alerts does not get small numbers."""

    blanks: dict[str, str] = Field(description="What its template was filled with.")
    replaces: int | None = Field(description="The draft that was changed into this one, and cancelled.")
    replaced_by: int | None = Field(description="The alert that this draft was changed into, which cancelled it.")
    channels: list[str]
    area_hash: str | None
    approved_at: datetime | None
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    finished_at: datetime | None
    resolved: bool = Field(description="Whether the whole audience is known.")
    audience: AudienceOut
    joined_later: Tally = Field(
        description="Those of the audience who joined, or added a place, after the launch, and were written to."
    )
    deliveries: dict[str, Tally] = Field(description="By state; they add up to the audience.")
    held_until: datetime | None = Field(description="When the first of those that are held may go out.")
    channels_by_state: dict[str, dict[str, Tally]]
    reasons: dict[str, dict[str, Tally]] = Field(description="By state and reason, for the states that need one.")
    reason_words: dict[str, str] = Field(description="A sentence for each of these reasons.")
    forecast: list[ForecastOut] = Field(description="By channel, once the audience is known.")


class StepOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    action: str
    who: str | None = Field(description="null: Tocsin itself.")
    out: Tally | None = Field(description="Messages sent by then, if the alert was paused, resumed or cancelled.")
    count: Tally | None = Field(description="How many items the step affected.")


class ShareOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    sender_id: int
    address: str
    messages: Tally
    per_s: float


class ZoneTimeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    zone: str
    messages: Tally
    p95_at: datetime | None


class ChannelPlanOut(BaseModel):
    """The plan of a channel. A time that is null means never."""

    model_config = ConfigDict(from_attributes=True)

    channel: str
    messages: Tally
    ahead: Tally = Field(description="Messages that are already waiting and are sent first.")
    half_at: datetime | None
    p95_at: datetime | None = Field(description="When 95 % of the messages will have been sent.")
    done_at: datetime | None
    senders: list[ShareOut]
    zones: list[ZoneTimeOut]


class PlanOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    alert: int
    at: datetime = Field(description="The time of launch that the plan assumes.")
    channels: list[ChannelPlanOut]
    warnings: list[str] = Field(description="Sentences to read before the launch.")


class Words(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    channel: str
    language: str
    wording: int = Field(description="0: the general one; others: for who has places in some parts of the area.")
    subject: str
    text: str
    cost: int = Field(description="SMS segments; else 1.")


class Report(AlertOut):
    words: list[Words]
    steps: list[StepOut]


class CoveredOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    kind: str = Field(
        description="Of the zone; elsewhere: those in no zone; no-place: those without a place, who get what goes to "
        "the whole city. Neither of these two rows has a zone's name."
    )
    zone: str
    residents: Tally = Field(description="With a place in the area and in this zone.")


class Preview(BaseModel):
    """Whom a launch now would reach, and whom not."""

    model_config = ConfigDict(from_attributes=True)

    residents: Tally = Field(description="With a place in the area.")
    total: Tally = Field(description="Contacts in the area, including those left out.")
    by_channel: dict[str, Tally] = Field(description="Contacts that would get a message.")
    languages: dict[str, dict[str, Tally]] = Field(description="The same, by channel and language.")
    skipped: dict[str, Tally] = Field(description="Contacts left out, by reason.")
    no_contact: Tally = Field(description="Residents in the area without a contact on the alert's channels.")
    nothing: dict[str, Tally] = Field(
        description="Other residents who would get nothing, since all their contacts are left out: by the first reason."
    )
    waiting: dict[str, Tally] = Field(
        description="Contacts whose message could not be sent before the alert expires, by reason: capped, no-sender, "
        "expires-first."
    )
    zones: list[CoveredOut]
    usual: Tally | None = Field(description="The median of the last audiences.")
    warnings: list[str] = Field(description="Sentences to read before the launch.")

    @classmethod
    def of(cls, explained: Explanation) -> Self:
        return cls.model_validate(asdict(explained.audience) | asdict(explained))
