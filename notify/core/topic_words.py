"""The topics as residents read them: by name, within a sentence, and with an example of each."""

from collections.abc import Mapping

from notify.core.translation import gettext, gettext_noop

NAMES: Mapping[str, str] = {
    "outage": gettext_noop("Power and utility outages"),
    "snow": gettext_noop("Snow"),
    "storm": gettext_noop("Storms"),
    "collection": gettext_noop("Collection days"),
    "flood": gettext_noop("Floods"),
    "heat": gettext_noop("Heat"),
    "water": gettext_noop("Water"),
    "road": gettext_noop("Roads"),
    "health": gettext_noop("Health"),
    "evacuation": gettext_noop("Evacuations"),
    "general": gettext_noop("News of the city"),
}
_SUBJECTS = {
    "outage": gettext_noop("outages"),
    "snow": gettext_noop("snow"),
    "storm": gettext_noop("storms"),
    "collection": gettext_noop("collection changes"),
    "flood": gettext_noop("floods"),
    "heat": gettext_noop("heat"),
    "water": gettext_noop("water"),
    "road": gettext_noop("roads"),
    "health": gettext_noop("health"),
    "evacuation": gettext_noop("evacuations"),
    "general": gettext_noop("general news"),
}
_EXAMPLES = {
    "outage": gettext_noop("“Power is out in Riverside. Crews are on the way; back by 5 PM.”"),
    "snow": gettext_noop("“Snow emergency from 9 PM: no parking on Main St.”"),
    "storm": gettext_noop("“Tornado danger in your area. Go to the lowest floor now.”"),
    "collection": gettext_noop("“Because of the holiday, your Tuesday trash moves to Wednesday.”"),
    "flood": gettext_noop("“Creek Rd is under water. Do not drive through it.”"),
    "heat": gettext_noop("“Very hot until Friday. The library is open to cool down.”"),
    "water": gettext_noop("“Boil tap water before you drink it.”"),
    "road": gettext_noop("“Bridge St is closed until 6 PM.”"),
    "health": gettext_noop("“Smoke in the air: keep windows shut.”"),
    "evacuation": gettext_noop("“Leave now by Hill Rd. Shelter at the high school.”"),
    "general": gettext_noop("“The flu clinic is open on Saturday.”"),
}


def name(topic: str) -> str:
    """Return a topic as a heading: "Collection days"."""
    return gettext(NAMES[topic])


def subject(topic: str) -> str:
    """Return what messages of a topic are about: "collection changes"."""
    return gettext(_SUBJECTS[topic])


def example(topic: str) -> str:
    """Return a message of the topic, in quotation marks."""
    return gettext(_EXAMPLES[topic])
