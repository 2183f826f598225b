"""What the alerts that went out say of an outage. The public pages and the replies to residents have nothing else: a
name or a time that one operator has typed is shown once the alert that carries it was approved and launched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from notify.alerts.words import wording
from notify.content import compose
from notify.core import translation
from notify.models.states import AlertState
from notify.service311.outages import kept, words
from notify.service311.outages.kept import Shown, Told
from notify.service311.outages.steps import AHEAD, Act, State
from notify.service311.outages.words import EVENT


@dataclass(frozen=True, slots=True)
class Said:
    """`names`: of the area, by language. `alert_id`, `at`: of the last alert, and when it was launched."""

    state: State
    begins_at: datetime | None
    back_at: datetime | None
    names: Mapping[str, str]
    report_phone: str
    alert_id: int
    at: datetime

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return self.names.get(translation.language()) or next(iter(self.names.values()), "")


@dataclass(frozen=True, slots=True)
class Public:
    """An outage as everybody may see it."""

    utility: str
    said: Said


def said_of(told: Iterable[Told]) -> Said | None:
    """Return what was said last; None while nothing was. One that was stopped says nothing: nobody knows who has it."""
    out = [(at, one) for one in told if (at := one.alert.launched_at) and one.alert.state is not AlertState.CANCELLED]
    if not out:
        return None
    out.sort(key=lambda each: (each[0], each[1].alert.id))
    at, last = out[-1]
    return Said(
        state=State(last.step.state),
        begins_at=last.step.begins_at,
        back_at=last.step.back_at,
        names=_names([one for _, one in out if one.step.act != Act.RESTORE]),
        report_phone=str(last.alert.blanks.get("report_phone", "")),
        alert_id=last.alert.id,
        at=at,
    )


def in_public(s: Session, now: datetime) -> list[Public]:
    """Return the outages that residents were told of, the newest first, until an alert says that they are over, or
    staff close what needs none. Announced work is left out once its time is over."""
    return [
        Public(one.row.utility, said)
        for one in kept.recent(s, now)
        if (said := said_of(one.told)) is not None
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
