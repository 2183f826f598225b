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


def looks_like(words: str) -> Literal["phone", "email", ""]:
    """Return what words that name nothing were perhaps meant to be."""
    if "@" in words:
        return "email"
    digits = sum(map(str.isdecimal, words))
    return "phone" if digits >= FEWEST_DIGITS and not any(map(str.isalpha, words)) else ""


def read(given: str) -> Sought:
    """Return what was typed. Whatever is no phone, email or code is words."""
    typed = " ".join(visible(given[:LONGEST]).split())
    if not typed:
        return Sought("nothing")
    if meant := looks_like(typed):
        channel = EMAIL if meant == "email" else SMS
        try:
            return Sought("contact", typed, channel.name, channel.address.kept(typed))
        except ValueError:
            pass  # 12 digits may be a code, and an @ may stand in other words
    if (code := verifying.code_of(typed)) is not None:
        return Sought("alert", typed, alert=code)
    return Sought("words", typed)
