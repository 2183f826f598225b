"""The alarm of a text that may be a cry for help."""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.channels import registry
from notify.channels.contract import Inbound
from notify.core import alarms
from notify.core.settings import settings

# Our database does not hold the words, and an alarm holds no phone number: both are where the text is read.
CRY = (
    "A text to us may be a cry for help. It was answered with 911; nobody has read it. Whoever is at the 311 desk: find"
    " it now by its id in the message log of {provider}, and call its number back or send help. Its id: {reference}."
)
CRY_SIMULATED = (
    "A text to us may be a cry for help. It was answered with 911; nobody has read it. The phone is simulated: read it"
    " at {phones}. If it were real, whoever is at the 311 desk would call it back or send help. Its id: {reference}."
)


def sound(s: Session, provider: str, inbound: Inbound, index: bytes, now: datetime) -> None:
    """Ring the desk's alarm, by the number's keyed index."""
    alarms.sound(s, alarms.CRY_FOR_HELP, _what_to_do(provider, inbound, now), now, about=f"phone {index.hex()}")


def _what_to_do(provider: str, inbound: Inbound, now: datetime) -> str:
    """Return what the desk does now about a call for help."""
    reference = inbound.reference or f"none, received {now:%Y-%m-%d %H:%M} UTC"
    if registry.is_simulator(settings(), provider):
        return CRY_SIMULATED.format(phones=f"{settings().simulator_url}/", reference=reference)
    return CRY.format(provider=provider.capitalize(), reference=reference)
