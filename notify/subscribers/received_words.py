"""What became of a message, and why: sentences for the resident, or for an agent of 311 who speaks with them."""

from collections.abc import Mapping
from typing import Literal

from notify.core import reasons
from notify.core.settings import settings
from notify.core.translation import gettext, gettext_noop

Reader = Literal["resident", "agent"]
Cause = Literal["joined later", "place later", "other ways", "follow-up", "unresolved", "unknown"]


def became(state: str, reason: str | None, reader: Reader) -> str:
    """Return what became of a delivery in a state."""
    if state == "cancelled" and reason == "days-changed":  # the alert goes on elsewhere
        return gettext("It was stopped before it was sent.")
    return gettext((_TOLD_AGENTS if reader == "agent" else {}).get(state, _BECAME[state]))


def why(reason: str, reader: Reader) -> tuple[str, str]:
    """Return why a message was not sent, and the part of the resident's page that changes it; "" if they cannot."""
    if reason in _WHY:
        words, change = _WHY[reason]
        return gettext((_WHY_FOR_AGENTS if reader == "agent" else {}).get(reason, words)), change
    said = reasons.sentence(reason)
    return f"{said[:1].upper()}{said[1:]}.", ""


def why_none(cause: Cause, reader: Reader) -> str:
    """Return why a resident has no delivery of an alert."""
    words = (_NONE_FOR_AGENTS if reader == "agent" else {}).get(cause, _NONE[cause])
    return gettext(words, help=settings().help_contact) if cause == "unknown" else gettext(words)


_BECAME: Mapping[str, str] = {
    "queued": gettext_noop("It waits to be sent."),
    "held": gettext_noop("It is held back for now."),
    "sending": gettext_noop("It is being sent."),
    "unknown": gettext_noop("We do not know yet whether it arrived."),
    "accepted": gettext_noop("Your phone company or mail provider has it, and did not say more."),
    "delivered": gettext_noop("It arrived."),
    "undelivered": gettext_noop("It did not arrive."),
    "failed": gettext_noop("It was refused, and did not arrive."),
    "skipped": gettext_noop("It was not sent to you."),
    "cancelled": gettext_noop("The city took the alert back before it was sent to you."),
    "expired": gettext_noop("The alert was over before it could be sent to you."),
}
_TOLD_AGENTS: Mapping[str, str] = {
    "accepted": gettext_noop("Their phone company or mail provider has it, and did not say more."),
    "skipped": gettext_noop("It was not sent to them."),
    "cancelled": gettext_noop("The city took the alert back before it was sent to them."),
    "expired": gettext_noop("The alert was over before it could be sent to them."),
}
_WHY: Mapping[str, tuple[str, str]] = {
    "opt-out": (gettext_noop("You had stopped these messages."), "how"),
    "unverified": (gettext_noop("This phone or email was not confirmed."), "how"),
    "hard-bounce": (gettext_noop("Earlier messages to it came back."), "how"),
    "invalid": (gettext_noop("There was no such phone or email."), "how"),
    "complaint": (gettext_noop("An earlier message to it was marked as spam."), "how"),
    "carrier-block": (
        gettext_noop("Your phone company blocks our number since your STOP. Text START to that number."), "how",
    ),
    "not-subscribed": (gettext_noop("You had not chosen this topic."), "what"),
    "muted": (gettext_noop("You had muted this topic."), "when"),
    "emergencies-only": (gettext_noop("You want only emergencies there."), "when"),
    "below-severity": (gettext_noop("You want only more severe alerts there."), "when"),
    "quiet-hours": (gettext_noop("These are your quiet hours: it goes out when they end."), "when"),
    "digest": (gettext_noop("You want such alerts together: it comes with the next ones."), "when"),
    "merged": (gettext_noop("It came together with others, in one message."), "when"),
    "most-a-day": (gettext_noop("You got as many as you want in a day: it goes out the next day."), "when"),
}  # fmt: skip
_WHY_FOR_AGENTS: Mapping[str, str] = {
    "opt-out": gettext_noop("They had stopped these messages."),
    "carrier-block": gettext_noop(
        "Their phone company blocks our number since their STOP. They must text START to that number."
    ),
    "not-subscribed": gettext_noop("They had not chosen this topic."),
    "muted": gettext_noop("They had muted this topic."),
    "emergencies-only": gettext_noop("They want only emergencies there."),
    "below-severity": gettext_noop("They want only more severe alerts there."),
    "quiet-hours": gettext_noop("These are their quiet hours: it goes out when they end."),
    "digest": gettext_noop("They want such alerts together: it comes with the next ones."),
    "most-a-day": gettext_noop("They got as many as they want in a day: it goes out the next day."),
}
_NONE: Mapping[Cause, str] = {
    "joined later": gettext_noop("You signed up after it was sent."),
    "place later": gettext_noop("You added the place after it was sent."),
    "other ways": gettext_noop("The city sent it by other ways than your phones and emails here."),
    "follow-up": gettext_noop("It went only to those whom the alert before it did not reach."),
    "unresolved": gettext_noop("The city is still sending it."),
    "unknown": gettext_noop("We do not know why. Please tell %(help)s."),
}
_NONE_FOR_AGENTS: Mapping[Cause, str] = {
    "joined later": gettext_noop("They signed up after it was sent."),
    "place later": gettext_noop("They added the place after it was sent."),
    "other ways": gettext_noop("The city sent it by other ways than their phones and emails here."),
    "unknown": gettext_noop("We do not know why: please report it to whoever runs this service."),
}
