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
from notify.models import Lane

DIGEST = "digest"  # the reason of a message that waits for its resident's digest
SUPPRESSIONS = ("complaint", "hard-bounce", "invalid", "opt-out")  # in the order of `min`, which picks one of several
# The states of a message that was never read. What is `undelivered` or `unknown` may have been.
NEVER_READ = ("skipped", "failed", "cancelled", "expired")
OF_CONTACTS = {"erased": "c.address_sealed IS NULL", "unverified": "c.verified_at IS NULL"}
OF_TOPICS = {"not-subscribed": "p.topic IS NULL"}
# An emergency passes these. A contact without a lowest severity takes all; an alert without a known one passes unless
# only emergencies are wanted there.
EMERGENCIES_ONLY = 5  # kept as a lowest severity, one above the gravest
OF_WISHES = {
    "muted": "p.muted_until > {now}",
    "emergencies-only": f"c.lowest_severity >= {EMERGENCIES_ONLY}",
    "below-severity": "c.lowest_severity > {severity}",
}

# The first that applies is the reason: they are in the order that is most useful to a resident who calls.
REASONS = (*SUPPRESSIONS, *OF_CONTACTS, *OF_TOPICS, *OF_WISHES)

DIGEST_TAKES = "interval '2 hours'"  # what an alert must last after a digest to wait for it: many go out at once

SEVERITIES = ("Minor", "Moderate", "Severe", "Extreme")  # of CAP; their ranks count from 1


def facts(topic: str) -> str:
    """Return the joins for the FROM of a statement with contacts `c`. `topic`: the alert's, as SQL."""
    return f"""
      LEFT JOIN preferences p ON p.subscriber_id = c.subscriber_id AND p.topic = {topic}
      LEFT JOIN LATERAL (
           SELECT min(s.reason) AS reason FROM suppressions s
            WHERE s.channel = c.channel AND s.address_index = c.address_index
              AND (s.topic IS NULL OR s.topic = {topic})) x ON true"""


def reason(
    now: str, lane: Lane = Lane.ROUTINE, severity: str = "NULL::integer", warned: str = "false", **more: str
) -> str:
    """Return SQL for the reason to leave a contact out, or NULL. `now`: the time, as SQL; `severity`: the rank of the
    alert's, as SQL; `warned`: SQL for whether wishes do not count (`warned`); `more`: rules by reason.

    The city's own timelines have no resident and no preferences.
    """
    wishes = OF_TOPICS | (_unless(warned, OF_WISHES) if lane is Lane.ROUTINE else {})
    asked = {each: rule.format(now=now, severity=severity) for each, rule in wishes.items()} | more
    return f"""
           CASE WHEN x.reason IS NOT NULL THEN x.reason
                {_when(OF_CONTACTS)}
                WHEN c.timeline_of IS NOT NULL THEN NULL
                {_when(asked)}
           END"""


def warned(emergencies: str) -> str:
    """Return SQL for whether the resident of a contact was told of one of these emergencies: what ends or corrects it
    passes their wishes, as it did (`told.emergencies`). What is queued may still come.

    `emergencies`: their ids, as an SQL array, or NULL.
    """
    never = ", ".join(f"'{state}'" for state in NEVER_READ)
    return f"""({emergencies} IS NOT NULL AND EXISTS (
                 SELECT FROM contacts told_on JOIN deliveries told ON told.contact_id = told_on.id
                  WHERE told_on.subscriber_id = c.subscriber_id AND told.alert_id = ANY({emergencies})
                    AND told.state NOT IN ({never})))"""


def _unless(warned: str, rules: dict[str, str]) -> dict[str, str]:
    return {each: f"{rule} AND NOT {warned}" for each, rule in rules.items()}


def rank(severity: str) -> int | None:
    """Return the rank of a severity of CAP; None for `Unknown`."""
    return SEVERITIES.index(severity) + 1 if severity in SEVERITIES else None


def rank_of(severity: str) -> str:
    """Return SQL for the rank of a severity that is SQL."""
    named = ", ".join(f"'{one}'" for one in SEVERITIES)
    return f"array_position(ARRAY[{named}], {severity})"


def choices() -> str:
    """Return the join that `held_until` needs."""
    return "LEFT JOIN choices own ON own.subscriber_id = c.subscriber_id"


def held_until(given: str, warned: str = "false") -> str:
    """Return SQL for the end of the quiet time in which a routine message to a contact is, or NULL.

    `given`: how the statement names a parameter, such as `:{}`; `city_quiet` returns their values. `warned`: as for
    `reason`.
    """
    return f"""
           CASE WHEN c.timeline_of IS NOT NULL OR {warned} THEN NULL
                WHEN own.subscriber_id IS NULL THEN CAST({given.format("city_quiet")} AS timestamptz)
                ELSE {_quiet_until(given.format("now"), given)}
           END"""


def digest_until(given: str, expires: str, warned: str = "false") -> str:
    """Return SQL for the time of the digest that a routine message waits for, or NULL if it does not wait for one. It
    is after quiet time, and early enough before the alert expires, at `expires` (SQL): a digest costs no message."""
    at = f"digest_at({given.format('now')}, own.digest, {_zone(given)})"
    return f"""
           CASE WHEN own.digest IS NOT NULL AND c.timeline_of IS NULL AND NOT {warned} THEN (
                SELECT day.out_at FROM (SELECT {_or_after_quiet(at, given)} AS out_at) AS day
                 WHERE day.out_at + {DIGEST_TAKES} <= {expires}) END"""


def next_day(given: str) -> str:
    """Return SQL for the next moment of another day of the resident's that is not in quiet time."""
    return _or_after_quiet(f"(({_today(given)} + 1)::timestamp AT TIME ZONE {_zone(given)})", given)


def _or_after_quiet(moment: str, given: str) -> str:
    return f"coalesce({_quiet_until(moment, given)}, {moment})"


def today(given: str) -> str:
    """Return SQL for the moment at which the resident's day began."""
    return f"({_today(given)}::timestamp AT TIME ZONE {_zone(given)})"


def _quiet_until(now: str, given: str) -> str:
    begin, end = map(given.format, ("city_begin", "city_end"))
    return f"""quiet_until({now}, coalesce(own.quiet_from, CAST({begin} AS time)),
                               coalesce(own.quiet_to, CAST({end} AS time)), {_zone(given)})"""


def _today(given: str) -> str:
    return f"(CAST({given.format('now')} AS timestamptz) AT TIME ZONE {_zone(given)})::date"


def _zone(given: str) -> str:
    return f"coalesce(own.timezone, CAST({given.format('city_zone')} AS text))"


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
