"""What the alerts that went out say of an outage. The public pages and the replies to residents have nothing else: a
name or a time that one operator has typed is shown once the alert that carries it was approved and launched."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify.alerts.words import wording
from notify.content import compose
from notify.core import translation
from notify.models.states import AlertState
from notify.service311.outages import kept, words
from notify.service311.outages.kept import Shown, Told
from notify.service311.outages.steps import AHEAD, Act, State
from notify.service311.outages.words import EVENT
from zones.geometry import readable_areas


@dataclass(frozen=True, slots=True)
class Said:
    """`names`: of the area, by language. `alert_id`, `at`: of the last alert, and when it was launched. `apart`: an
    alert to a part of the area, which is in force, says something else."""

    state: State
    begins_at: datetime | None
    back_at: datetime | None
    names: Mapping[str, str]
    report_phone: str
    alert_id: int
    at: datetime
    apart: bool = False

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return self.names.get(translation.language()) or next(iter(self.names.values()), "")


@dataclass(frozen=True, slots=True)
class Public:
    """An outage as everybody may see it."""

    utility: str
    said: Said


def said_of(told: Iterable[Told], now: datetime) -> Said | None:
    """Return what was said last of all of it; None while nothing was. One that was stopped says nothing: nobody knows
    who has it."""
    out = [(at, one) for one in told if (at := one.alert.launched_at) and one.alert.state is not AlertState.CANCELLED]
    if not out:
        return None
    out.sort(key=lambda each: (each[0], each[1].alert.id))
    to_all = [n for n, (_, one) in enumerate(out) if not (one.part or (n and one.step.act == Act.GROW))]
    last_to_all = to_all[-1] if to_all else 0
    last, newest, later = out[last_to_all][1], out[-1], out[last_to_all + 1 :]
    return Said(
        state=State(last.step.state),
        begins_at=last.step.begins_at,
        back_at=last.step.back_at,
        names=_names([one for _, one in out if one.step.act != Act.RESTORE and not one.part]) or last.alert.area_names,
        report_phone=str(newest[1].alert.blanks.get("report_phone", "")),
        alert_id=newest[1].alert.id,
        at=newest[0],
        apart=any(one.alert.expires_at > now and _facts(one) != _facts(last) for _, one in later),
    )


def said_at(told: Iterable[Told], place: Callable[[BaseGeometry], bool], now: datetime) -> Said | None:
    """Return what was said last where somebody lives. `place`: whether an area has it."""
    areas = readable_areas(one.alert.area for one in told if one.alert.area is not None)
    here = [replace(one, part=False) for one in told if one.alert.area in areas and place(areas[one.alert.area])]
    return said_of(here, now)


def _facts(one: Told) -> tuple[object, ...]:
    """Return what the public list says of a step."""
    ahead = one.step.state in AHEAD
    return ahead or one.step.state, one.step.begins_at if ahead else None, one.step.back_at


def in_public(s: Session, now: datetime) -> list[Public]:
    """Return the outages that residents were told of, the newest first, until an alert says that they are over, or
    staff close what needs none. Announced work is left out once its time is over."""
    return [
        Public(one.row.utility, said)
        for one in kept.recent(s, now)
        if (said := said_of(one.told, now)) is not None
        and said.state is not State.RESTORED
        and not (_is_closed(one) or _is_past(said, now))
    ]


def _is_past(said: Said, now: datetime) -> bool:
    over = words.work_is_over_at(said.begins_at, said.back_at)
    return said.state in AHEAD and over is not None and over <= now


def _is_closed(one: Shown) -> bool:
    clear_waits = any(each.step.act == Act.RESTORE for each in one.waiting)
    return one.known.state is State.RESTORED and not clear_waits


def _names(out: Iterable[Told]) -> Mapping[str, str]:
    """Return the names of the area: that of an alert to a part is added to that of the whole, unless it has it."""
    event, names = compose.catalogue().event(EVENT), dict[str, str]()
    for one in out:
        new = one.alert.area_names
        if not names or one.step.act != Act.GROW or any(name in new.get(code, "") for code, name in names.items()):
            names = dict(new)
        else:
            names = {code: wording.called((names, new), event, code) for code in names}
    return names
