"""Law 14: an exercise cannot reach a real provider.

An alert whose CAP status is not Actual (Exercise, Test) may be carried by the simulators of the stack and by nothing
else. This is checked when such an alert is launched, and again by the worker for each sender that it would post with,
since the settings may change in between.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels import registry
from notify.core.errors import Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Operator

REASON = "exercise"  # of a delivery that ended because only a real provider could have carried it
HINT = "Rehearse on a separate stack with `tocsin up --demo`, where all providers are simulators."


def may_carry(settings: Settings, provider: str, status: str) -> bool:
    """Return whether messages of an alert with this CAP status may be posted to the provider."""
    return status == "Actual" or registry.is_simulator(settings, provider)


def require_simulators(s: Session, channels: Sequence[str], status: str, settings: Settings) -> None:
    """Raise Refused if an open sender of these channels may not carry an alert with this status."""
    providers = s.scalars(
        text("""SELECT DISTINCT provider FROM senders
                 WHERE channel = ANY(:channels) AND status = 'open' ORDER BY provider"""),
        {"channels": list(channels)},
    )
    real = [provider for provider in providers if not may_carry(settings, provider, status)]
    if real:
        raise Refused(
            _(
                "An alert with status %(status)s cannot be sent here: %(channels)s would write to real people.",
                status=status,
                channels=", ".join(real),
            ),
            hint=HINT,
        )


def require_mode(alert_id: int, status: str, by: Operator | None) -> None:
    """Raise Refused when an operator in exercise mode is about to approve or launch a real alert."""
    if status == "Actual" and by is not None and by.exercising:
        raise Refused(
            _("Alert %(alert)s is real, and you are in exercise mode.", alert=alert_id),
            hint=_("Leave exercise mode with the button at the top of the page, then do it."),
        )


def require_word(status: str, typed: str) -> None:
    """Raise Refused unless the word that confirms the launch of an exercise or test was typed: its status."""
    if typed.strip().casefold() != status.casefold():
        raise Refused(
            _(
                "Nothing was sent: this alert is %(status)s, and the word typed was %(typed)s.",
                status=status.upper(),
                typed=repr(typed.strip()[:40]),
            ),
            hint=_("Type %(status)s to launch it.", status=status.upper()),
        )
