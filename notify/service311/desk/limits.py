"""How many residents an agent looks up: enough for a busy day, too few to read a city's list of numbers.

Whoever tries one number after the other finds few of them: misses are counted apart, and allowed less often. At the
limit an alarm names the agent, so that somebody asks.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.core import alarms
from notify.models import Operator

LOOK, MISS, UNMASK, STOP = "desk-look", "desk-miss", "desk-unmask", "desk-stop"


def count(s: Session, kind: str, by: Operator, now: datetime) -> None:
    """Count a look of an agent. Raises TooManyTries; the caller then rings `alarm`, in a transaction of its own."""
    tries.count(s, tries.of_agent(kind, by.id), now)


def watch_stops(s: Session, by: Operator, now: datetime) -> None:
    """Count a stop. None is refused, but whoever stops one resident after the other rings the alarm."""
    try:
        with s.begin_nested():
            count(s, STOP, by, now)
    except tries.TooManyTries:
        alarm(s, by, now)


def alarm(s: Session, by: Operator, now: datetime) -> None:
    message = f"{by.email} looks up or stops more residents than a desk is called by."
    alarms.sound(s, alarms.MANY_LOOKS, f"{message} The audit lists them: ask what for.", now, about=by.email)
