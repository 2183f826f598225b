"""The reasons why a message did not arrive, as sentences for people."""

from collections.abc import Mapping

from notify.core.texts import worded
from templates import LIFTING, REASONS


def sentences() -> Mapping[str, str]:
    """`templates/reasons`: reason -> sentence, in the reader's language. A reason is ours, or a provider's code."""
    return worded(REASONS)


def sentence(reason: str) -> str:
    """The sentence of a reason, such as "30003: the phone is switched off or out of reach".

    A provider's code is put before its sentence; a reason of ours is not. An unknown reason is returned with spaces.
    """
    said = sentences().get(reason)
    if said is None:
        return reason.replace("-", " ").replace("_", " ")
    return f"{reason}: {said}" if reason[:1].isdigit() else said


def restated(text: str) -> str:
    """Return a text of `sentence` that was stored in English in the reader's language; any other one as it is."""
    code, colon, said = text.removesuffix(".").rpartition(": ")
    reason = next((reason for reason, english in worded(REASONS, "en").items() if english == said), None)
    return text if reason is None else f"{code}{colon}{sentences().get(reason, said)}{'.' * text.endswith('.')}"


def lifting() -> Mapping[str, Mapping[str, str]]:
    """`templates/lifting`: channel -> reason of a suppression -> what lifts it, in the reader's language."""
    return worded(LIFTING)
