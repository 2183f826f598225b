"""What stands beside the choice of an hour, on a resident's page and at the desk: shown or read aloud, and kept."""

from datetime import time

from notify.channels.channel import CHANNELS
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.service311.outputs.words import clock
from notify.service311.reminders.wishes import HOURS, spoken

USUAL = 19  # o'clock: after most people are home, and before they go to bed


def hours() -> list[tuple[int, str]]:
    """Return the hours that can be chosen, with their words in the reader's language."""
    return [(hour, clock(time(hour))) for hour in HOURS]


def words(channel: str, language: str) -> str:
    """Return what a resident agrees to before the hour is chosen."""
    with speaking(spoken(language)):
        if CHANNELS[channel].letter:
            return _(
                "%(city)s will send you an email the evening before each collection at your places, at the hour that"
                " you choose: one an evening at most, and one more if a day changes. You can stop at any time: press"
                " the link at the end of any of them.",
                city=settings().city,
            )
        return _(
            "%(city)s will text you the evening before each collection at your places, at the hour that you choose: one"
            " text an evening at most, and one more if a day changes. Message and data rates may apply. You can stop at"
            " any time: reply STOP to end, HELP for help.",
            city=settings().city,
        )
