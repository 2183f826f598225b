"""The scenarios of drills: what happened, and where the alert should go. In `templates/drills/`."""

import tomllib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from notify.core import translation
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.models import Drill
from templates import DRILLS


@dataclass(frozen=True, slots=True)
class Scenario:
    """A task of the training city. `zones`: where its alert should go."""

    name: str
    label: str
    event: str
    minutes: int
    zones: tuple[str, ...]
    task: str

    @property
    def lasts(self) -> timedelta:
        return timedelta(minutes=self.minutes)


def all_scenarios() -> tuple[Scenario, ...]:
    """Return the scenarios with their words in the reader's language."""
    return _scenarios(translation.language())


def scenario(name: str) -> Scenario:
    """The scenario of this name. Raises Invalid."""
    for one in all_scenarios():
        if one.name == name:
            return one
    known = ", ".join(one.name for one in all_scenarios())
    raise Invalid(
        _("There is no scenario %(name)s.", name=repr(name[:40])), hint=_("Choose one of: %(known)s.", known=known)
    )


def label_of(drill: Drill) -> str:
    """Return a drill's label in the reader's language: its scenario's; the stored one if the scenario is gone."""
    return next((one.label for one in all_scenarios() if one.name == drill.scenario), drill.label)


def task_of(drill: Drill) -> str:
    """Return what the author of a drill has to do, in the reader's language; "" if the scenario is gone."""
    return next((one.task for one in all_scenarios() if one.name == drill.scenario), "")


@cache
def _scenarios(language: str) -> tuple[Scenario, ...]:
    return tuple(
        Scenario(path.stem, said["label"], read["event"], read["minutes"], tuple(read["zones"]), said["task"].strip())
        for path in sorted(DRILLS.glob("*.toml"))
        for read in [tomllib.loads(path.read_text(encoding="utf-8"))]
        for said in [read.get(language) or read["en"]]
    )
