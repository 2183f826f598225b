"""The senders that a channel may use now, read again twice a second so that a stop or a new rate acts at once."""

import threading
import time
from dataclasses import dataclass

from sqlalchemy import text

from notify.core.db import inner_engine, transaction

FRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class OpenSender:
    id: int
    channel: str
    provider: str
    address: str
    rate_per_s: float
    daily_cap: int | None
    blocks: bool  # whether the carrier blocks any address for it


_lock = threading.Lock()
_read_s = float("-inf")
_senders: tuple[OpenSender, ...] = ()


def open_senders(channel: str, only: int | None = None) -> list[OpenSender]:
    """Return the open senders of a channel, the fastest first; with `only`, that one if it is open."""
    global _read_s, _senders
    with _lock:
        if time.monotonic() - _read_s > FRESH_S:
            with transaction(inner_engine) as s:
                rows = s.execute(
                    text("""SELECT id, channel, provider, address, rate_per_s, daily_cap,
                                   EXISTS (SELECT FROM carrier_blocks k
                                            WHERE k.sender_id = senders.id AND k.lifted_at IS NULL)
                              FROM senders WHERE status = 'open' ORDER BY rate_per_s DESC, id""")
                ).all()
            _senders = tuple(OpenSender(*row) for row in rows)
            _read_s = time.monotonic()
        senders = _senders
    return [x for x in senders if x.channel == channel and only in (None, x.id)]


def read_anew() -> None:
    """Read the senders from the database at the next call."""
    global _read_s
    with _lock:
        _read_s = float("-inf")
