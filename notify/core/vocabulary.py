"""The values that pages show as words, such as the states of alerts, in the reader's language."""

from notify.core.audit_words import act
from notify.core.translation import gettext, gettext_noop

_ALERTS = {
    "draft": gettext_noop("draft"),
    "approved": gettext_noop("approved"),
    "scheduled": gettext_noop("scheduled"),
    "sending": gettext_noop("sending"),
    "paused": gettext_noop("paused"),
    "sent": gettext_noop("sent"),
    "cancelled": gettext_noop("cancelled"),
    "expired": gettext_noop("expired"),
    "emergency": gettext_noop("emergency"),
    "routine": gettext_noop("routine"),
    "issue": gettext_noop("new"),
    "update": gettext_noop("update"),
    "all-clear": gettext_noop("all-clear"),
}
_CAP = {
    "Actual": gettext_noop("Actual"),
    "Exercise": gettext_noop("Exercise"),
    "Test": gettext_noop("Test"),
    "Extreme": gettext_noop("Extreme"),
    "Severe": gettext_noop("Severe"),
    "Moderate": gettext_noop("Moderate"),
    "Minor": gettext_noop("Minor"),
    "Unknown": gettext_noop("Unknown"),
    "Immediate": gettext_noop("Immediate"),
    "Expected": gettext_noop("Expected"),
    "Future": gettext_noop("Future"),
    "Past": gettext_noop("Past"),
    "Observed": gettext_noop("Observed"),
    "Likely": gettext_noop("Likely"),
    "Possible": gettext_noop("Possible"),
    "Unlikely": gettext_noop("Unlikely"),
}
_TOPICS = {
    "outage": gettext_noop("outage"),
    "snow": gettext_noop("snow"),
    "storm": gettext_noop("storm"),
    "collection": gettext_noop("collection"),
    "flood": gettext_noop("flood"),
    "heat": gettext_noop("heat"),
    "water": gettext_noop("water"),
    "road": gettext_noop("road"),
    "health": gettext_noop("health"),
    "evacuation": gettext_noop("evacuation"),
    "general": gettext_noop("general"),
}
_KINDS = {
    "neighbourhood": gettext_noop("neighborhood"),
    "utility": gettext_noop("utility"),
    "custom": gettext_noop("custom"),
}
_OPERATORS = {
    "author": gettext_noop("author"),
    "approver": gettext_noop("approver"),
    "agent": gettext_noop("agent"),
    "admin": gettext_noop("admin"),
}
_OUTCOMES = {
    "queued": gettext_noop("Waiting"),
    "held": gettext_noop("Held back for now"),
    "sending": gettext_noop("Being sent"),
    "unknown": gettext_noop("Outcome unknown"),
    "accepted": gettext_noop("Accepted by the provider"),
    "delivered": gettext_noop("Delivered"),
    "undelivered": gettext_noop("Not delivered"),
    "failed": gettext_noop("Refused"),
    "skipped": gettext_noop("Left out"),
    "cancelled": gettext_noop("Cancelled"),
    "expired": gettext_noop("Expired"),
}
_STEPS = {
    "draft": gettext_noop("Written"),
    "approve": gettext_noop("Approved"),
    "schedule": gettext_noop("Scheduled"),
    "launch": gettext_noop("Launched"),
    "pause": gettext_noop("Paused"),
    "resume": gettext_noop("Resumed"),
    "follow-up": gettext_noop("Follow-up for the unreached written"),
    "ask": gettext_noop("Approval asked for"),
    "ask-next": gettext_noop("Next people asked"),
    "ask-expiry": gettext_noop("People asked to extend or close it"),
    "break-glass": gettext_noop("Launched alone, without approval"),
    "review": gettext_noop("Reviewed"),
    "cancel": gettext_noop("Cancelled"),
    "withdraw": gettext_noop("Replaced before its approval"),
    "cancel-overtaken": gettext_noop("Cancelled as overtaken by a later alert"),
    "expire": gettext_noop("Expired"),
    "finish": gettext_noop("Finished"),
    "claim": gettext_noop("Zone taken"),
    "release": gettext_noop("Zone released"),
    "sent-again": gettext_noop("Messages with an unknown outcome sent again"),
}
WORDS = _ALERTS | _CAP | _TOPICS | _KINDS | _OPERATORS


def word(value: str) -> str:
    """Return the value as a word; one that we do not know as it is."""
    return gettext(WORDS[value]) if value in WORDS else value


def outcome(state: str) -> str:
    """Return what became of a message, as a heading: "Left out"."""
    return gettext(_OUTCOMES[state])


def step(action: str) -> str:
    """Return what happened to an alert: "Launched alone, without approval"; another act as the audit names it."""
    said = gettext(_STEPS[action]) if action in _STEPS else act(action)
    return said[:1].upper() + said[1:]
