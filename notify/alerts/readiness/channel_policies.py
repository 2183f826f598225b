"""Channel policies: the city's decisions not to use a channel, each with an owner, a reason and a date of review.

A policy takes its channel out of the choice that new alerts begin with, and is shown wherever an alert is written and
before it is launched. It never blocks: whoever writes or launches the alert sees why the channel is out, and decides.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.channels.channel import CHANNELS
from notify.core import audit
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.delivery import senders
from notify.models import ChannelPolicy, Operator, Topic

LONGEST = {"owner": 100, "reason": 500}  # characters


class Wanted(NamedTuple):
    """A policy as it is asked for. `topic`: "" for every topic."""

    channel: str
    topic: str
    owner: str
    reason: str
    review_on: str


def add(s: Session, wanted: Wanted, by: Operator, now: datetime) -> ChannelPolicy:
    """Make a policy. Raises NotAllowed, Invalid; Refused when one stands for this channel and topic."""
    operators.require(by, "administer")
    if wanted.channel not in CHANNELS:
        raise Invalid(_("Choose a channel."))
    if wanted.topic and wanted.topic not in set(Topic):
        raise Invalid(_("Choose a topic, or all topics."))
    policy = ChannelPolicy(
        channel=wanted.channel,
        topic=wanted.topic or None,
        owner=_words("owner", wanted.owner, _("Give an owner: who has decided it and answers for it.")),
        reason=_words("reason", wanted.reason, _("Give a reason.")),
        review_on=_day(wanted.review_on, now),
        made_by=by.id,
        made_at=now,
    )
    same = select(ChannelPolicy.id).where(
        ChannelPolicy.ended_at.is_(None),
        ChannelPolicy.channel == policy.channel,
        ChannelPolicy.topic.is_not_distinct_from(policy.topic),
    )
    if s.scalar(same) is not None:
        raise Refused(_("There is a policy for this channel and topic already."), hint=_("End it first."))
    s.add(policy)
    s.flush()
    detail = {"channel": policy.channel, "topic": wanted.topic, "owner": policy.owner, "reason": policy.reason}
    audit.note(s, now=now, by=by, action="add", subject="channel_policy", subject_id=policy.id, **detail)
    return policy


def end(s: Session, policy_id: int, by: Operator, now: datetime) -> None:
    """End a policy. Raises NotAllowed; NotFound when it does not stand."""
    operators.require(by, "administer")
    ended = s.scalar(
        update(ChannelPolicy)
        .where(ChannelPolicy.id == policy_id, ChannelPolicy.ended_at.is_(None))
        .values(ended_at=now, ended_by=by.id)
        .returning(ChannelPolicy.id)
    )
    if ended is None:
        raise NotFound(_("There is no such policy any more."))
    audit.note(s, now=now, by=by, action="end", subject="channel_policy", subject_id=policy_id)


def standing(s: Session, topic: str | None = None) -> Sequence[ChannelPolicy]:
    """Return the policies that stand; with a topic, those that concern it."""
    found = select(ChannelPolicy).where(ChannelPolicy.ended_at.is_(None))
    if topic is not None:
        found = found.where(or_(ChannelPolicy.topic.is_(None), ChannelPolicy.topic == topic))
    return s.scalars(found.order_by(ChannelPolicy.channel, ChannelPolicy.topic.nulls_first())).all()


def allowed(s: Session, channels: Sequence[str], topic: str) -> list[str]:
    """Return the channels of which no policy says that they are not used for this topic."""
    out = {one.channel for one in standing(s, topic)}
    return [name for name in channels if name not in out]


def chosen(s: Session, wanted: Collection[str] | None, topic: str) -> list[str]:
    """Return the channels of a new alert: those wanted or, with None, those that have an open sender and are not
    excluded; if all are excluded, all that have one. Raises Invalid."""
    if wanted is None:
        there = senders.open_channels(s)
        wanted = allowed(s, there, topic) or there
    unknown = [channel for channel in wanted if channel not in CHANNELS]
    if unknown or not wanted:
        raise Invalid(
            _("Unknown channel: %(unknown)s.", unknown=", ".join(unknown) or _("none given")),
            hint=_("Channels: %(channels)s.", channels=", ".join(CHANNELS)),
        )
    return [channel for channel in CHANNELS if channel in wanted]


def _words(name: str, given: str, hint: str) -> str:
    words = visible(given)
    if not words:
        raise Invalid(hint)
    if len(words) > LONGEST[name]:
        raise Invalid(
            _("That is too long: %(count)s characters.", count=len(words)),
            hint=_("The most is %(most)s.", most=LONGEST[name]),
        )
    return words


def _day(given: str, now: datetime) -> date:
    hint = _("Give a day to come, such as 2027-06-30.")
    try:
        day = date.fromisoformat(given.strip())
    except ValueError:
        raise Invalid(_("%(given)s is not a day.", given=repr(given)), hint=hint) from None
    if day <= now.date():
        raise Invalid(_("The review would be in the past."), hint=hint)
    return day
