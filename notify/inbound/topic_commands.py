"""SNOW, STOP SNOW, START SNOW, START ALL, MUTE 7, UNMUTE: what a resident gets, changed by text message."""

from collections.abc import Sequence
from datetime import time, timedelta

from sqlalchemy import select

from notify.core import quiet_time, topic_words
from notify.core.characters import without_marks
from notify.core.translation import speaking
from notify.inbound.heard import BY_TEXT, Heard, Outcome
from notify.models import Preference, Topic
from notify.subscribers import choices, consent, record

MUTED_DAYS = 7


def add(heard: Heard, topics: Sequence[Topic], *, starts: bool) -> Outcome:
    """Subscribe to topics. `starts`: the text says START, which after a STOP brings back these topics alone."""
    if heard.resident is None:
        return _unknown(heard)
    stopped = _is_stopped(heard)
    if stopped and not starts:
        return Outcome("topic_stopped", heard.talk)
    if not heard.may.reach:
        return Outcome("start_blocked", heard.talk)
    choices.add_topics(heard.s, heard.resident, topics)
    if stopped:
        for other in _chosen(heard):
            if other not in topics:
                consent.opt_out(heard.s, heard.channel, heard.address, how=BY_TEXT, now=heard.now, topic=other)
        consent.opt_back_in(heard.s, heard.channel, heard.address, how=BY_TEXT, now=heard.now)
    for topic in topics:
        consent.opt_back_in(heard.s, heard.channel, heard.address, how=BY_TEXT, now=heard.now, topic=topic)
    if until := heard.muted_until():
        return Outcome("topic_muted", heard.talk, {"topics": _named(heard, topics), "date": until})
    return Outcome("topic_only" if stopped else "topic_added", heard.talk, {"topics": _named(heard, topics)})


def leave(heard: Heard, topics: Sequence[Topic]) -> Outcome:
    """Stop topics for this number; anybody may, from the number itself."""
    for topic in topics:
        consent.opt_out(heard.s, heard.channel, heard.address, how=BY_TEXT, now=heard.now, topic=topic)
    heard.s.flush()
    if _is_stopped(heard):
        return Outcome("topic_stopped", heard.talk)
    told = {"topics": _named(heard, topics)}
    if until := heard.muted_until():
        return Outcome("topic_left_muted", heard.talk, {**told, "date": until})
    if record.gap(heard.s, heard.channel, heard.index, heard.now) == "all-left":
        return Outcome("topic_left_last", heard.talk, told)
    return Outcome("topic_left", heard.talk, told)


def all_topics(heard: Heard) -> Outcome:
    """Bring back everything that was left by STOP or topic by topic."""
    if heard.resident is None:
        return _unknown(heard)
    if not heard.may.reach:
        return Outcome("start_blocked", heard.talk)
    left = consent.topics_left(heard.s, heard.channel, heard.index)
    for topic in (None, *sorted(left)):
        consent.opt_back_in(heard.s, heard.channel, heard.address, how=BY_TEXT, now=heard.now, topic=topic)
    if until := heard.muted_until():
        return Outcome("start_muted", heard.talk, {"date": until})
    return Outcome("all_topics", heard.talk)


def mute(heard: Heard, days: int, weekday: int | None = None) -> Outcome:
    """Mute all topics for some days, at most LONGEST_MUTE, or until the next such weekday begins where the resident
    lives. Emergencies pass (`audience.rules`)."""
    if heard.resident is None:
        return _unknown(heard)
    if _is_stopped(heard):
        return Outcome("on_stopped", heard.talk)
    lasting = min(days or MUTED_DAYS, choices.LONGEST_MUTE.days)
    until = heard.now + timedelta(days=lasting)
    if weekday is not None:
        zone = choices.read(heard.s, heard.resident, heard.now).zone
        today = heard.now.astimezone(zone).date()
        lasting = (weekday - today.weekday() - 1) % 7 + 1
        until = quiet_time.moment(today + timedelta(days=lasting), time(0), zone)
    choices.pause(heard.s, heard.resident, until)
    return Outcome("muted", heard.talk, {"days": lasting, "date": heard.muted_until()})


def unmute(heard: Heard) -> Outcome:
    if heard.resident is None:
        return _unknown(heard)
    if _is_stopped(heard):
        return Outcome("on_stopped", heard.talk)
    choices.pause(heard.s, heard.resident, None)
    left = consent.topics_left(heard.s, heard.channel, heard.index)
    return Outcome("unmuted_some" if left else "unmuted", heard.talk)


def _is_stopped(heard: Heard) -> bool:
    return "opt-out" in consent.reasons_against(heard.s, heard.channel, heard.index)


def _chosen(heard: Heard) -> Sequence[Topic]:
    return list(heard.s.scalars(select(Preference.topic).where(Preference.subscriber_id == heard.resident)))


def _unknown(heard: Heard) -> Outcome:
    return Outcome("not_signed_up", heard.talk)


def _named(heard: Heard, topics: Sequence[Topic]) -> str:
    with speaking(heard.language):
        return ", ".join(without_marks(topic_words.subject(topic)) for topic in topics)  # as GSM-7 has them
