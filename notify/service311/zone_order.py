"""The order in which people look for zones: by the weekday in their names, then by name, Zone 2 before Zone 10."""

import re

from notify.service311.schedule_rows import WEEKDAYS


def place(name: str) -> tuple[int, list[tuple[int, str]]]:
    """Return what the names of zones are sorted by."""
    named = [day for day, word in enumerate(WEEKDAYS) if word in name.casefold()]
    parts = re.findall(r"\d+|\D+", name.casefold())
    return min(named, default=7), [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
