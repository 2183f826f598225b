"""REMIND, REMIND 8PM, REMIND OFF: reminders of collections, asked for and ended by text message."""

from datetime import time

from notify.core.errors import Refused
from notify.core.translation import speaking
from notify.inbound import own_alerts
from notify.inbound.heard import BY_TEXT, Heard, Outcome
from notify.inbound.reminder_words import NO_HOUR
from notify.inbound.replies import worded
from notify.models import Topic
from notify.service311.outputs.words import clock
from notify.service311.reminders import asking, wishes
from notify.subscribers import consent


def remind(heard: Heard) -> Outcome:
    """Remind them from now on, at the hour that they say, at that of before, or at the usual one."""
    if heard.resident is None:
        return Outcome("bin_stranger", heard.talk)
    if "opt-out" in consent.reasons_against(heard.s, heard.channel, heard.index):
        return Outcome("on_stopped", heard.talk)
    if Topic.COLLECTION in consent.topics_left(heard.s, heard.channel, heard.index):
        return Outcome("remind_left", heard.talk)
    if not heard.may.reach:
        return Outcome("start_blocked", heard.talk)
    assert heard.command is not None  # noqa: S101  what calls this
    before = wishes.of(heard.s, heard.resident)
    hour = heard.command.hour
    if hour == NO_HOUR:
        hour = before.hour if before else asking.USUAL
    if hour not in wishes.HOURS:
        return Outcome("remind_hour", heard.talk)
    if not own_alerts.collection_days(heard):
        return Outcome("remind_nothing", heard.talk)
    with speaking(heard.language):
        told = {"time": clock(time(hour))}
    key = "remind"
    if until := heard.muted_until():
        key, told = "remind_muted", {**told, "date": until}
    agreed = worded(heard.language, key, **told)
    try:
        wishes.wish(heard.s, heard.resident, hour, heard.channel, heard.now, how=BY_TEXT, agreed=agreed)
    except Refused:  # a bounce, or a phone that was never confirmed
        return Outcome("start_barred", heard.talk)
    return Outcome(key, heard.talk, told)


def no_more(heard: Heard) -> Outcome | None:
    """End the reminders. None for words that may read as a STOP, of somebody who has none: they mean all our texts."""
    whose = _whose(heard)
    had_some = whose is not None and wishes.stop(heard.s, whose, heard.now)
    if not had_some and heard.meaning in ("stop", "doubt"):
        return None
    return Outcome("remind_off", heard.talk)


def _whose(heard: Heard) -> int | None:
    """Return whose reminders a text ends: those of the resident and, of a number that is not surely theirs, those that
    come to it."""
    if heard.resident is not None or heard.contact is None or heard.contact.subscriber_id is None:
        return heard.resident
    wish = wishes.current(heard.s, heard.contact.subscriber_id, heard.now)
    return heard.contact.subscriber_id if wish is not None and wish.channel == heard.channel else None
