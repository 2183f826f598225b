"""Choose one of several layers in a file; which one is never guessed."""

from collections.abc import Collection

from zones.errors import ZoneError

SHOWN = 40


def choose(found: Collection[str], wanted: str | None, where: str, what: str = "layers") -> str:
    """Return the layer wanted, or the only one. Raises ZoneError with a list of them; `where` begins its sentence."""
    listed = ", ".join(sorted(found)[:SHOWN]) + (" ..." if len(found) > SHOWN else "")
    if wanted is not None and wanted not in found:
        raise ZoneError(f"{where} holds no layer {wanted[:80]!r}.", hint=f"It holds: {listed}.")
    if wanted is None and len(found) > 1:
        raise ZoneError(f"{where} holds several {what}.", hint=f"Add --layer with one of: {listed}.")
    return next(iter(found)) if wanted is None else wanted
