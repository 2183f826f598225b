"""Who else is at an alert, an incident or a working draft, and who is writing.

Only Redis knows it, and forgets it soon. Nothing depends on it: while Redis is away, nobody is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import redis

from notify.core.errors import Unavailable

HERE_S = 40  # a page tells that it is open every 15 seconds; one look may get lost
WRITING_S = 20  # after the last change of a field


@dataclass(frozen=True, slots=True)
class Here:
    """An operator who has the page open."""

    operator: int
    writing: bool


def note(r: "redis.Redis", place: str, operator: int, now_s: float, *, writing: bool = False) -> None:
    """Note that an operator is at a place, such as `alert:12`."""
    try:
        with r.pipeline(transaction=False) as p:
            for what in ("here", "writing") if writing else ("here",):
                p.zadd(_key(what, place), {str(operator): now_s})
                p.expire(_key(what, place), HERE_S)
            p.execute()
    except (redis.RedisError, Unavailable):
        return


def others(r: "redis.Redis", place: str, operator: int, now_s: float) -> Sequence[Here]:
    """Return the other operators at a place, those who write first."""
    try:
        with r.pipeline(transaction=False) as p:
            p.zrangebyscore(_key("here", place), now_s - HERE_S, "+inf")
            p.zrangebyscore(_key("writing", place), now_s - WRITING_S, "+inf")
            here, writing = (set(map(int, found)) for found in p.execute())
    except (redis.RedisError, Unavailable):
        return ()
    found = [Here(one, one in writing) for one in (here | writing) - {operator}]
    return sorted(found, key=lambda one: (not one.writing, one.operator))


def _key(what: str, place: str) -> str:
    return f"tocsin:presence:{what}:{place}"
