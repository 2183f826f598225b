"""What an agent has typed into the one box of the desk: a phone, an email, the code of an alert, or other words.

Pure: it asks no database.
"""

from dataclasses import dataclass
from typing import Literal

from notify.alerts.public import verifying
from notify.channels.channel import EMAIL, SMS
from notify.core.characters import visible

Kind = Literal["contact", "alert", "words", "nothing"]
LONGEST = 320  # characters
FEWEST_DIGITS = 7  # of a phone: a shorter number is the code of an alert


@dataclass(frozen=True, slots=True)
class Sought:
    """`contact`: a phone or an email, in canonical form, on `channel`. `alert`: its code. `words`: the name of a zone
    or an address."""

    kind: Kind
    words: str = ""
    channel: str = ""
    contact: str = ""
    alert: int = 0


def read(given: str) -> Sought:
    """Return what was typed. Whatever is no phone, email or code is words."""
    typed = " ".join(visible(given[:LONGEST]).split())
    if not typed:
        return Sought("nothing")
    channel = EMAIL if "@" in typed else SMS
    digits = sum(map(str.isdecimal, typed))
    if channel is EMAIL or (digits >= FEWEST_DIGITS and not any(map(str.isalpha, typed))):
        try:
            return Sought("contact", typed, channel.name, channel.address.kept(typed))
        except ValueError:
            pass  # 12 digits may be a code, and an @ may stand in other words
    if (code := verifying.code_of(typed)) is not None:
        return Sought("alert", typed, alert=code)
    return Sought("words", typed)
