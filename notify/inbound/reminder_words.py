"""Read REMIND, REMIND 8PM, REMIND OFF and their kin (`commands.toml`, [remind])."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

NOON = 12
NO_HOUR, NOT_AN_HOUR = 0, -1
_TIME = re.compile(r"(?P<hour>\d{1,2})(?: ?(?P<minute>\d\d))? ?(?P<half>am|pm|a m|p m)?")


class Asked(NamedTuple):
    """`hour`: 0 to 23, NO_HOUR when none is said, NOT_AN_HOUR for one of the morning or that is no full hour."""

    hour: int
    off: bool
    is_spanish: bool


class ReminderWords:
    """`rules`: lists of words by name. `about`: words for collections, which may be said beside."""

    def __init__(self, rules: Mapping[str, Collection[str]], about: Collection[str]) -> None:
        self._rules = rules
        self._beside = {*rules["fillers"], *about}

    def read(self, words: str) -> Asked | None:
        """Return what is asked for, if the words say nothing else."""
        first, *rest = words.split() or [""]
        is_spanish = first in self._rules["verbs_es"]
        if not is_spanish and first not in self._rules["verbs"]:
            return None
        said = [word for word in rest if word not in self._beside]
        if not said:
            return Asked(NO_HOUR, off=False, is_spanish=is_spanish)
        if all(word in self._rules["off"] for word in said):
            return Asked(NO_HOUR, off=True, is_spanish=is_spanish)
        hour = self._hour(said)
        return None if hour is None else Asked(hour, off=False, is_spanish=is_spanish)

    def _hour(self, said: list[str]) -> int | None:
        """Return the hour. One without "am" or "pm" is of the afternoon or evening, in which all reminders come."""
        parts = {*self._rules["am"], *self._rules["pm"]}  # of the day, in words
        early = any(word in self._rules["am"] for word in said)
        said = [word for word in said if word not in parts]
        if said and all(word in self._rules["noon"] for word in said):
            return NOON
        at = _TIME.fullmatch(" ".join(said))
        if at is None:
            return None
        hour, early = int(at["hour"]), early or (at["half"] or "").startswith("a")
        if early or (at["minute"] or "00") != "00" or hour > 23 or hour == 0:
            return NOT_AN_HOUR
        return hour if hour >= NOON else hour + 12
