"""The rules, as SQL, that leave a contact out of an alert or hold a message to it back; used to resolve an audience,
count it and claim deliveries.

A contact `c` is checked against its resident's preference for the topic, `p`, and the first reason among its
suppressions, `x.reason`: `facts` joins both. Routine messages are held by the resident's choices, `own`: `choices`
joins them.
"""

from datetime import datetime
from typing import Any

from notify.core import quiet_time
from notify.core.settings import settings

SUPPRESSIONS = ("complaint", "hard-bounce", "invalid", "opt-out")  # in the order of `min`, which picks one of several
OF_CONTACTS = {"erased": "c.address_sealed IS NULL", "unverified": "c.verified_at IS NULL"}
OF_WISHES = {"not-subscribed": "p.topic IS NULL", "muted": "p.muted_until > {now}"}

# The first that applies is the reason: they are in the order that is most useful to a resident who calls.
REASONS = (*SUPPRESSIONS, *OF_CONTACTS, *OF_WISHES)


def facts(topic: str) -> str:
    """Return the joins for the FROM of a statement with contacts `c`. `topic`: the alert's, as SQL."""
    return f"""
      LEFT JOIN preferences p ON p.subscriber_id = c.subscriber_id AND p.topic = {topic}
      LEFT JOIN LATERAL (
           SELECT min(s.reason) AS reason FROM suppressions s
            WHERE s.channel = c.channel AND s.address_index = c.address_index
              AND (s.topic IS NULL OR s.topic = {topic})) x ON true"""


def reason(now: str, **more: str) -> str:
    """Return SQL for the reason to leave a contact out, or NULL. `now`: the time, as SQL; `more`: rules by reason.

    The city's own timelines have no resident and no preferences.
    """
    wishes = {each: rule.format(now=now) for each, rule in OF_WISHES.items()} | more
    return f"""
           CASE WHEN x.reason IS NOT NULL THEN x.reason
                {_when(OF_CONTACTS)}
                WHEN c.timeline_of IS NOT NULL THEN NULL
                {_when(wishes)}
           END"""


def choices() -> str:
    """Return the join that `held_until` needs."""
    return "LEFT JOIN choices own ON own.subscriber_id = c.subscriber_id"


def held_until(given: str) -> str:
    """Return SQL for the time until which a routine message to a contact is held, or NULL.

    `given`: how the statement names a parameter, such as `:{}`; `city_quiet` returns their values.
    """
    now, until, begin, end, zone = map(given.format, ("now", "city_quiet", "city_begin", "city_end", "city_zone"))
    return f"""
           CASE WHEN c.timeline_of IS NOT NULL THEN NULL
                WHEN own.subscriber_id IS NULL THEN CAST({until} AS timestamptz)
                ELSE quiet_until({now}, coalesce(own.quiet_from, CAST({begin} AS time)),
                                 coalesce(own.quiet_to, CAST({end} AS time)),
                                 coalesce(own.timezone, CAST({zone} AS text)))
           END"""


def city_quiet(now: datetime) -> dict[str, Any]:
    """Return the parameters of `held_until` about the city: its quiet time is worked out once for everybody."""
    ours = settings()
    hours = ours.quiet
    return {
        "city_quiet": quiet_time.until(now, hours, ours.tz),
        "city_begin": hours.begin,
        "city_end": hours.end,
        "city_zone": ours.timezone,
    }


def _when(rules: dict[str, str]) -> str:
    return " ".join(f"WHEN {rule} THEN '{each.replace('_', '-')}'" for each, rule in rules.items())
