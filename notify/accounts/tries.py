"""Slow down guessing and floods: how many sign-ins an account, a network address or a device may try, and how many
codes residents who join may ask for.

Every try fills a bucket, which drains with time; nobody is ever locked out for good. A stranger's tries count for the
account *as seen from that network*, for the account from all networks, and for the network. The tries of a browser
that signed in before count for that browser alone, so that a stranger who fills an account's buckets does not keep
its owner out. A passkey and a link are no guesses, and are not counted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import crypto
from notify.core.errors import TocsinError
from notify.core.translation import gettext as _

FORGOTTEN_AFTER = timedelta(days=2)  # longer than any bucket takes to drain


@dataclass(frozen=True, slots=True)
class Bucket:
    """`most`: tries in a row; one more becomes free every `drains_s` seconds."""

    most: int
    drains_s: float


BUCKETS = {
    "account-network": Bucket(8, 60),
    # SP 800-63B-4 section 3.2.2 allows 100 failures in a row for an account.
    "account": Bucket(100, 300),
    "network": Bucket(40, 10),  # a city hall behind one address signs in at eight in the morning
    "device": Bucket(10, 30),
    "session": Bucket(6, 60),  # who proves again who they are: guesses of somebody at an unlocked desk
    # Codes to residents who join. Each costs a text: a flood of them is fraud ("SMS pumping") or a nuisance to a phone.
    "join-address": Bucket(4, 900),
    "join-network": Bucket(60, 30),  # a school or a carrier's gateway behind one address
    "join-range": Bucket(60, 60),  # 1,000 numbers in a row
    "join-city": Bucket(3_000, 2),
}
Key = tuple[str, bytes]  # the kind of a bucket and whose it is


class TooManyTries(TocsinError):
    """So many sign-ins were tried that the next must wait. `wait_s`: seconds."""

    code = "too-many"

    def __init__(self, wait_s: int, hint: str) -> None:
        super().__init__(_("There were too many tries."), hint=hint)
        self.wait_s = wait_s


def of_stranger(email: str, network: str) -> Sequence[Key]:
    return (_key("account-network", f"{email} {network}"), _key("account", email), _key("network", network))


def of_device(device_id: int) -> Sequence[Key]:
    return (_key("device", str(device_id)),)


def of_session(session_id: int) -> Sequence[Key]:
    return (_key("session", str(session_id)),)


def of_joiner(channel: str, address: str, network: str) -> Sequence[Key]:
    """Return the buckets of somebody who asks for a code. A plain hash of a phone number could be undone by trying."""
    whose = {
        "join-address": f"{channel} {address}",
        "join-network": network,
        "join-range": f"{channel} {address[:-3]}",  # of an email, nearly itself
        "join-city": "",
    }
    return [(kind, crypto.keyed(kind, who)) for kind, who in whose.items()]


def count(s: Session, keys: Sequence[Key], now: datetime) -> None:
    """Count a try before it is checked, so that parallel ones count too. Raises TooManyTries, which counts nothing.

    The caller commits before it checks the password.
    """
    rows = s.execute(
        text("""INSERT INTO sign_in_tries AS t (kind, who, level, at)
                SELECT kind, who, 1, :now FROM unnest(:kinds ::text[], :whos ::bytea[], :drains ::float8[])
                       AS x (kind, who, drains_s) ORDER BY kind, who
                ON CONFLICT (kind, who) DO UPDATE
                   SET at = excluded.at, level = 1 + greatest(0, t.level - extract(epoch FROM excluded.at - t.at)
                       / (SELECT drains FROM unnest(:kinds ::text[], :drains ::float8[]) AS d (kind, drains)
                           WHERE d.kind = t.kind))
                RETURNING kind, level"""),
        {
            "now": now,
            "kinds": [kind for kind, _ in keys],
            "whos": [who for _, who in keys],
            "drains": [BUCKETS[kind].drains_s for kind, _ in keys],
        },
    ).all()
    waits = [(row.level - BUCKETS[row.kind].most) * BUCKETS[row.kind].drains_s for row in rows]
    if (wait_s := ceil(max(waits))) > 0:
        raise TooManyTries(wait_s, _hint(keys[0][0], wait_s))


def give_back(s: Session, keys: Sequence[Key]) -> None:
    """Take back the try of a sign-in that succeeded: only misses count."""
    for kind, who in sorted(keys):
        s.execute(
            text("UPDATE sign_in_tries SET level = greatest(0, level - 1) WHERE kind = :kind AND who = :who"),
            {"kind": kind, "who": who},
        )


def forget_old(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM sign_in_tries WHERE at < :old"), {"old": now - FORGOTTEN_AFTER})


def _hint(kind: str, wait_s: int) -> str:
    if kind.startswith("join-"):
        return _("Wait %(minutes)s minutes, then try again.", minutes=ceil(wait_s / 60))
    return _("Wait %(wait_s)s s, or sign in with a passkey or in a browser that you have used before.", wait_s=wait_s)


def _key(kind: str, who: str) -> Key:
    return kind, crypto.hash_key(who)
