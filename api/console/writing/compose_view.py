"""What the page of a working draft shows."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import shapely

from api.auth import Caller
from api.console.writing import compose_area, compose_conflicts
from api.console.writing.compose_area import Looked
from api.console.writing.compose_conflicts import Conflict
from api.console.writing.compose_labels import names_of
from api.console.writing.compose_zones import ZoneChoice, zone_of
from api.rest.tallies import by_language, exactly, many_told, parts_told, sum_told, told
from notify.alerts.readiness import channel_policies
from notify.alerts.writing import precaution, previewing, working_drafts, working_fields
from notify.alerts.writing.goes_on import GoesOn
from notify.alerts.writing.previewing import Preview
from notify.channels.channel import CHANNELS
from notify.city import zones as city_zones
from notify.city.outline import BEHIND, Outline, outline
from notify.city.zones import KeptZone
from notify.content import compose
from notify.content.blanks import Blank
from notify.content.events import Event
from notify.core.city_time import on_clock
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.core.settings import settings
from notify.core.small_numbers import FEWEST, rounded
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.delivery import sender_status
from notify.delivery.forecast import ChannelPlan
from notify.models import ChannelPolicy, WorkingDraft
from notify.operations import tasks
from zones.geometry import from_wkb, to_geojson, to_wkb


@dataclass
class ComposeView:
    """What the template reads. `value(name)`: of a field; `seen`: what the form will say that it has shown."""

    draft: WorkingDraft
    event: Event
    languages: Sequence[str]
    zones: ZoneChoice
    gone: list[str]  # fields of zones that were retired
    looked: Looked
    preview: Preview
    plans: Sequence[ChannelPlan]
    conflicts: list[Conflict]
    names: Mapping[int, str]  # emails of operators by id
    goes_on: GoesOn | None  # what is said before it in the incident
    before: str  # its area for the map: GeoJSON, to about 10 m
    asked: precaution.Where | None  # what the request to warn says of the place
    policies: Sequence[ChannelPolicy]  # that exclude a channel
    now: datetime
    drawing: Outline | None
    tab: str
    changed: list[str] = field(default_factory=list)  # sentences: what colleagues changed since

    @property
    def look(self) -> str:
        """How its area looks on maps."""
        lane = self.preview.alert.lane if self.preview.alert else self.event.defaults(self.draft.phase).lane
        if self.value("status") in {"Exercise", "Test"}:
            return "rehearsed"
        return "clear" if self.draft.phase == "all-clear" else str(lane)

    @property
    def today(self) -> date:
        return self.now.date()

    @property
    def begins(self) -> datetime:
        """When its times begin to count: at its planned launch, or now."""
        alert = self.preview.alert
        return alert.launch_at if alert is not None and alert.launch_at else self.now

    def value(self, name: str) -> str:
        return str(self.draft.fields.get(name, {}).get("value", ""))

    @property
    def seen(self) -> str:
        shown = {name: [0, ""] for name in self.shown_fields()}
        for name, there in self.draft.fields.items():
            if name in shown:
                shown[name] = [there["version"], working_fields.digest(there["value"])]
        return json.dumps(shown, separators=(",", ":"))

    def shown_fields(self) -> list[str]:
        blanks = [
            name
            for blank in self.event.asked(self.draft.phase)
            for name in (blank.name, *(f"{blank.name}.{language}" for language in self.others if blank.translated))
        ]
        return [
            *(f"blank.{name}" for name in blanks),
            *(f"{kind}.{one.zone.id}" for one in self.zones.on_page for kind in ("zone", "but")),
            *self.gone,
            *working_fields.WHERE,
            *working_fields.OTHERS,
            *(f"area_name.{language}" for language in self.others),
            *(f"channel.{name}" for name in self.channels),
            *([f"confirm.{self.looked.doubt}"] if self.looked.doubt else self.confirmed),
        ]

    @property
    def confirmed(self) -> list[str]:
        """Doubts about exactly this area that somebody has confirmed."""
        own = self.area_digest
        return [f"confirm.{kind}" for kind in working_fields.CONFIRMATIONS if self.value(f"confirm.{kind}") == own]

    @property
    def area_digest(self) -> str:
        return working_fields.area_digest(working_drafts.values_of(self.draft))

    @property
    def others(self) -> Sequence[str]:
        """The languages besides the first."""
        return self.languages[1:]

    @property
    def channels(self) -> Sequence[str]:
        return self.event.channels(self.draft.phase)

    def problems(self, section: str) -> list[str]:
        return list(dict.fromkeys(self.preview.problems.get(section, ())))

    @property
    def complete(self) -> bool:
        return not any(self.preview.problems.values()) and self.looked.shape is not None and not self.looked.problem

    @property
    def lacking(self) -> list[str]:
        """The sections of the form that have something to mend."""
        lacks = {name for name, said in self.preview.problems.items() if said}
        if self.looked.problem or self.looked.shape is None:
            lacks.add("where")
        return [name for name in ("what", "where", "who", "how", "when") if name in lacks] or ["conflicts"]

    @property
    def optional(self) -> list[Blank]:
        """The blanks that may stay empty."""
        phase = self.draft.phase
        return [blank for blank in self.event.asked(phase) if phase not in blank.required]

    def any_filled(self, blanks: Sequence[Blank]) -> bool:
        names = {blank.name for blank in blanks}
        return any(
            there["value"] and name.startswith("blank.") and name.split(".")[1] in names
            for name, there in self.draft.fields.items()
        )

    @property
    def any_left_out(self) -> bool:
        return any(there["value"] for name, there in self.draft.fields.items() if name.startswith("but."))

    @property
    def named(self) -> bool:
        """Whether the area needs no name of its own."""
        found = self.looked.wanted.found
        return found is None or found.named

    def input_type(self, kind: str, value: str) -> str:
        """The type of an input; text where the browser's own could not show the value, and would then lose it."""
        forms = {"datetime": (r"\d{4}-\d\d-\d\dT\d\d:\d\d", "datetime-local"), "date": (r"\d{4}-\d\d-\d\d", "date")}
        if kind not in forms:
            return "text"
        form, name = forms[kind]
        if value and not (re.fullmatch(form, value, re.ASCII) and _on_clock(value)):
            return "text"
        return name

    def told(self, number: int) -> Any:
        return told(number)

    def exactly(self, number: int) -> Any:
        return exactly(number)

    def messages(self, channel: str, language: str = "") -> Any:
        """How many a channel would send, in a language or in all. Posts are the city's own and reveal no homes."""
        of_each = by_language(self.looked.audience, channel) if self.looked.audience else {}
        if CHANNELS[channel].address.timeline:
            return of_each.get(language, 0) if language else sum(of_each.values())
        return parts_told(of_each)[language] if language else sum_told(of_each)

    def by_reason(self, counts: Mapping[str, int]) -> list[tuple[str, int]]:
        """Counts by reason, the most first. One with fewer than ten is not named: that would say that it is not 0."""
        return sorted(many_told(counts).items(), key=lambda one: -one[1])

    @property
    def has_prices(self) -> bool:
        """Whether the city has set any price of its own."""
        return bool(settings().price_of)

    def price(self, channel: str) -> str:
        """About how much the messages of a channel cost; "" where no price is set."""
        each = settings().price_of.get(channel)
        reached = self.looked.audience.languages.get(channel, {}) if self.looked.audience else {}
        messages = sum(reached.values())
        if each is None or not self.preview.words:
            return ""
        cost_of = self.preview.costs.get(channel, {})
        if messages < FEWEST:
            price = f"${max(0.01, FEWEST * max(cost_of.values(), default=1) * each):,.2f}"
            return _("less than %(price)s", price=price)
        units = sum(rounded(number) * cost_of.get(language, 1) for language, number in reached.items())
        price = f"${max(0.01, units * each):,.2f}"
        return _("about %(price)s", price=price)


def _on_clock(value: str) -> bool:
    try:
        on_clock(datetime.fromisoformat(value), settings().tz)
    except ValueError:
        return False
    return True


def view(draft_id: int, caller: Caller, tab: str, find: str = "", kind: str = "") -> ComposeView:
    """Read a draft, and compute all that its page shows. Opens transactions of its own.

    Raises NotFound, NotAllowed, or NotFound for an event that is no longer in the catalogue.
    """
    by, now = caller.acting, datetime.now(UTC)
    with transaction() as s:
        draft = working_drafts.find(s, draft_id, by)
        event = in_catalogue(draft)
        reading = working_drafts.read(s, draft, settings())
    looked = compose_area.look(draft, reading, event, caller)
    with transaction() as s:
        preview = previewing.preview(s, reading, looked.wanted, now, settings())
        failing = sender_status.failing(s, tasks.redis_client())
        plans = previewing.plans(s, preview, looked.audience, now, failing) if looked.audience else ()
        kept = city_zones.all_zones(s)
        names = names_of(s)
        conflicts = compose_conflicts.read(s, draft, event, names, {one.zone.id: one.zone.name for one in kept})
        before = working_drafts.goes_on_from(s, draft)
        asked = precaution.asked_in(s, draft)
        policies = channel_policies.standing(s, event.topic)
    known = {one.zone.id for one in kept}
    return ComposeView(
        draft=draft,
        event=event,
        languages=compose.catalogue().written(settings().languages),
        zones=ZoneChoice.of(kept, draft.fields, event.topic, find, kind),
        gone=[name for name, there in draft.fields.items() if there["value"] and zone_of(name) not in {0, *known}],
        looked=looked,
        preview=preview,
        plans=plans,
        conflicts=conflicts,
        names=names,
        goes_on=before,
        before=_coarse(to_wkb(before.shape)) if before and before.alert.area else "",
        asked=asked,
        policies=policies,
        now=now,
        drawing=_drawing(looked, kept),
        tab=tab,
    )


def in_catalogue(draft: WorkingDraft) -> Event:
    """The event of a draft. Raises NotFound with what to do when its template has been removed."""
    try:
        event = compose.catalogue().event(draft.event)
        event.defaults(draft.phase)
    except NotFound:
        raise NotFound(
            _(
                "The template %(event)s %(phase)s is no longer in the catalogue, so this draft cannot be used.",
                event=word(draft.event),
                phase=draft.phase,
            ),
            hint=_("Start a new draft from another template."),
        ) from None
    return event


def _coarse(area: bytes) -> str:
    return json.dumps(to_geojson(shapely.simplify(from_wkb(area), 0.0001)))


def _drawing(looked: Looked, kept: Sequence[KeptZone]) -> Outline | None:
    if looked.shape is None:
        return None
    behind = [one for one in kept if one.zone.kind == BEHIND] or list(kept)
    return outline(to_wkb(looked.shape), behind)
