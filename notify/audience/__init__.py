"""Resolve the audience of an alert: which contacts it reaches, and the reason for each one left out. Reads only.

`resolve` finds and counts them at a launch; `live_count` counts them while an author is still writing, from memory
(`cache`). `places` reads where residents live; `rules` has the reasons for which a contact is left out.
"""

from notify.audience.places import Places, places_inside, places_of
from notify.audience.resolve import (
    REACHED,
    REACHED_IN_TIME,
    TIMELINES,
    WARNED,
    Audience,
    count,
    emergencies,
    fallback_of,
    membership,
    parameters,
    placeless_in,
    preview,
    residents_inside,
    residents_of,
    written,
)
from notify.audience.wordings import Readers, Wordings, readers_among, readers_inside
from notify.audience.wordings import read as read_wordings
from notify.audience.wordings import read_all as read_all_wordings

__all__ = [
    "REACHED",
    "REACHED_IN_TIME",
    "TIMELINES",
    "WARNED",
    "Audience",
    "Places",
    "Readers",
    "Wordings",
    "count",
    "emergencies",
    "fallback_of",
    "membership",
    "parameters",
    "placeless_in",
    "places_inside",
    "places_of",
    "preview",
    "read_all_wordings",
    "read_wordings",
    "readers_among",
    "readers_inside",
    "residents_inside",
    "residents_of",
    "written",
]
