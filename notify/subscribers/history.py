"""What an export tells of a resident beyond the columns that other systems know: two cells of JSON.

`choices`, in the first row of a resident:

    {"since": "2026-05-31T14:30:00+00:00", "quiet": ["22:00:00", "06:00:00"], "timezone": "America/Chicago",
     "most_a_day": 3, "digest": "weekly", "topics": {"snow": null, "storm": "2026-12-24T05:00:00+00:00"},
     "muted_until": null}

`topics` are all that the resident chose, with the end of a pause; `muted_until` is the pause of a resident without one.
`history`, in the first row of a phone or an email:

    {"phone": {"verified_at": "..", "dead_at": null, "asked_at": null, "entered_at": null,
               "lowest_severity": 3,
               "consents": [["opt-out", "snow", "..", "text message", ""]],
               "suppressions": [["snow", "opt-out", ".."]],
               "ledger": [["..", "suppressed", "snow", "opt-out", "text message", "twilio SM1"]],
               "blocks": [["twilio", "+12025550107", "..", null, false]],
               "still_there": [["..", "same", ".."]]}}

A topic of null is everything. `blocks`: senders that the carrier blocks for it; `still_there`: when its owner was asked
whether they still live there, what they answered and when. All times have a time zone. An older export may lack both.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, get_args
from zoneinfo import available_timezones

from notify.models import Topic
from notify.models.conversation import AddressAnswer
from notify.models.subscriber import SuppressionReason
from notify.subscribers.choices import MOST_A_DAY, SEVERITY_RANKS, Digest
from notify.subscribers.csv_records import CHANNELS_OF

LONGEST = 4_000  # characters of a text in it
_KINDS = frozenset({"opt-in", "opt-out"})
_ACTS = frozenset({"suppressed", "lifted", "erased"})
_REASONS = frozenset(get_args(SuppressionReason))
_ANSWERS = frozenset(get_args(AddressAnswer))
_TIMES = ("verified_at", "dead_at", "asked_at", "entered_at")


@dataclass(frozen=True, slots=True)
class Choices:
    """`since`: when the resident was stored first. `topics`: all of them, with the end of a pause. `muted_until`: the
    pause of a resident who has none."""

    since: datetime
    quiet: tuple[time, time] | None
    timezone: str | None
    most_a_day: int | None
    digest: str | None
    topics: Mapping[str, datetime | None]
    muted_until: datetime | None


@dataclass(frozen=True, slots=True)
class OfContact:
    """`consents`: kind, topic, at, how, words. `suppressions`: topic, reason, at. `ledger`: at, act, topic, reason,
    how, evidence. `times`: verified_at, dead_at, asked_at, entered_at. `blocks`: provider, our sender, at, lifted_at,
    doubtful. `still_there`: asked_at, answer, answered_at."""

    times: tuple[datetime | None, ...]
    lowest_severity: int | None
    consents: Sequence[tuple[str, str | None, datetime, str, str]]
    suppressions: Sequence[tuple[str | None, str, datetime]]
    ledger: Sequence[tuple[datetime, str, str | None, str, str, str]]
    blocks: Sequence[tuple[str, str, datetime, datetime | None, bool]]
    still_there: Sequence[tuple[datetime, str | None, datetime | None]]

    @property
    def agreed_at(self) -> datetime | None:
        """When its owner last agreed."""
        return max((at for kind, _topic, at, _how, _words in self.consents if kind == "opt-in"), default=None)


@dataclass(frozen=True, slots=True)
class History:
    """What the cells of a row hold. `contacts`: by column, phone or email."""

    choices: Choices | None = None
    contacts: Mapping[str, OfContact] = field(default_factory=dict)

    @property
    def agreed_at(self) -> datetime | None:
        return max((at for one in self.contacts.values() if (at := one.agreed_at)), default=None)


def written(told: Mapping[str, Any]) -> str:
    """Return a cell: in ASCII, on one line, and no formula."""
    return json.dumps(told, ensure_ascii=True, separators=(",", ":"))


def read(choices: str, history: str, now: datetime) -> History:
    """Read the two cells. Raises ValueError, without their words, for what no export writes."""
    try:
        chosen = _choices(json.loads(choices), now) if choices.strip() else None
        given = json.loads(history) if history.strip() else {}
        if not isinstance(given, dict) or not given.keys() <= CHANNELS_OF.keys():
            raise ValueError
        return History(chosen, {column: _contact(one, now) for column, one in given.items()})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise ValueError("this is not what an export writes") from None


def _choices(given: Mapping[str, Any], now: datetime) -> Choices:
    quiet, zone, most = given["quiet"], given["timezone"], given["most_a_day"]
    _require(zone is None or zone in available_timezones())
    digest = given.get("digest")  # an older export has none
    _require(digest is None or digest in get_args(Digest))
    _require(most is None or (type(most) is int and 1 <= most <= MOST_A_DAY))
    begin, end = map(time.fromisoformat, quiet) if quiet is not None else (None, None)
    topics = {_topic(topic): _moment(until) for topic, until in given["topics"].items()}
    _require(None not in topics)
    return Choices(
        _past(given["since"], now),
        (begin, end) if begin is not None and end is not None else None,
        zone,
        most,
        digest,
        {str(topic): until for topic, until in topics.items()},
        _moment(given.get("muted_until")),
    )


def _contact(given: Mapping[str, Any], now: datetime) -> OfContact:
    severity = given["lowest_severity"]
    _require(severity is None or severity in SEVERITY_RANKS)
    return OfContact(
        tuple(_maybe_past(given[name], now) for name in _TIMES),
        severity,
        [
            (_one_of(_KINDS, kind), _topic(topic), _past(at, now), _text(how), _text(words))
            for kind, topic, at, how, words in given["consents"]
        ],
        [(_topic(topic), _one_of(_REASONS, why), _past(at, now)) for topic, why, at in given["suppressions"]],
        [
            (_past(at, now), _one_of(_ACTS, act), _topic(topic), _text(why), _text(how), _text(evidence))
            for at, act, topic, why, how, evidence in given["ledger"]
        ],
        [
            (_text(provider), _text(sender), _past(at, now), _maybe_past(lifted, now), _bool(doubtful))
            for provider, sender, at, lifted, doubtful in given.get("blocks", ())
        ],
        [
            (_past(asked, now), None if answer is None else _one_of(_ANSWERS, answer), _maybe_past(answered, now))
            for asked, answer, answered in given.get("still_there", ())
        ],
    )


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    at = datetime.fromisoformat(given)
    _require(at.tzinfo is not None)
    return at


def _past(given: str, now: datetime) -> datetime:
    at = _moment(given)
    if at is None or at > now:
        raise ValueError
    return at


def _maybe_past(given: str | None, now: datetime) -> datetime | None:
    return None if given is None else _past(given, now)


def _bool(given: bool) -> bool:
    _require(isinstance(given, bool))
    return given


def _topic(given: str | None) -> str | None:
    return None if given is None else Topic(given).value


def _one_of(known: frozenset[str], given: str) -> str:
    _require(given in known)
    return given


def _text(given: str) -> str:
    _require(isinstance(given, str) and len(given) <= LONGEST and "\0" not in given)
    return given


def _require(is_right: bool) -> None:
    if not is_right:
        raise ValueError
