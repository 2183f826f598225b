"""Slow down guessing and floods: how many sign-ins an account, a network address or a device may try, and how many
codes residents who join may ask for.

Every try fills a bucket, which drains with time; nobody is ever locked out for good. A stranger's tries count for the
account *as seen from that network*, for the account from all networks, and for the network. The tries of a browser
that signed in before count for that browser alone, so that a stranger who fills an account's buckets does not keep
its owner out. A passkey and a link are no guesses, and are not counted here.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import ceil

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import SMS
from notify.core import crypto, db, phones
from notify.core.errors import TocsinError
from notify.core.settings import settings
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
    "join-dear": Bucket(20, 600),  # all numbers abroad and premium numbers together
    "join-city": Bucket(8_000, 2),  # a campaign on television: 100 a second for a minute
    # Of an agent of 311: a minute a call, in a row after an outage; few numbers that nobody has; addresses in clear.
    "desk-look": Bucket(120, 20),
    "desk-stop": Bucket(60, 60),
    "desk-miss": Bucket(30, 60),
    "desk-unmask": Bucket(40, 60),
    "calendar-network": Bucket(30, 120),  # secret calendar addresses: a building behind one address subscribes
    "calendar-mail": Bucket(3, 8 * 3600),  # calendars by email to one resident
    "join-test": Bucket(3, 1200),  # tests that a resident sends to a phone or email of theirs
    # The budget of a day is a bucket of its own each day, which does not drain; TOCSIN_JOIN_CODES_PER_DAY is its size.
    "join-day": Bucket(0, 10**9),
}
Key = tuple[str, bytes]  # the kind of a bucket and whose it is
# Large buckets that everybody shares are kept in several rows, one of them drawn for each try: a single row would let
# only one transaction be committed at a time.
SHARED = ("join-city", "join-day")
MOST_ROWS, ROW_HOLDS = 16, 500


class TooManyTries(TocsinError):
    """So many sign-ins were tried that the next must wait. `wait_s`: seconds."""

    code = "too-many"

    def __init__(self, wait_s: int, hint: str) -> None:
        super().__init__(_("There were too many tries."), hint=hint)
        self.wait_s = wait_s


def of_stranger(email: str, network: str) -> Sequence[Key]:
    return (_key("account-network", f"{email} {network}"), _key("account", email), _key("network", network))


def of_calendar(network: str) -> Sequence[Key]:
    return (_key("calendar-network", network),)


def of_calendar_mail(subscriber_id: int) -> Sequence[Key]:
    """Return the bucket of the calendars by email that a resident asks for."""
    return (_key("calendar-mail", str(subscriber_id)),)


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
    }
    if channel == SMS.name and phones.costs_more(address):
        whose["join-dear"] = ""
    return [(kind, crypto.keyed(kind, who)) for kind, who in whose.items()]


def of_city(channel: str, now: datetime) -> Sequence[Key]:
    """Return the buckets of the city as a whole, of a channel: a flood of emails closes no door to phones. Only what
    costs has a budget of the day."""
    keys = [("join-city", crypto.keyed("join-city", channel))]
    return [*keys, ("join-day", crypto.keyed("join-day", _day(now)))] if channel == SMS.name else keys


def of_test(contact_id: int) -> Sequence[Key]:
    """Return the bucket of a resident's tests to one contact."""
    return (_key("join-test", str(contact_id)),)


def of_agent(kind: str, operator_id: int) -> Sequence[Key]:
    """Return the bucket of what an agent looks at (`service311.desk.limits`)."""
    return (_key(kind, str(operator_id)),)


def count(s: Session, keys: Sequence[Key], now: datetime) -> None:
    """Count a try before it is checked, so that parallel ones count too. Raises TooManyTries, which counts nothing.

    A shared bucket may be overrun by the tries of the very same moment. The caller commits before it checks the
    password.
    """
    rows_of = {kind: _rows(kind) for kind, _ in keys}
    drawn = [(kind, _row(who, secrets.randbelow(rows_of[kind]))) for kind, who in keys]
    values = {
        "now": now,
        "kinds": [kind for kind, _ in keys],
        "whos": [who for _, who in drawn],
        "drains": [BUCKETS[kind].drains_s * rows_of[kind] for kind, _ in keys],
        "others": [one for kind, who in keys if kind in SHARED for one in _all_rows(who)],
    }
    levels: dict[str, float] = dict(db.raw(s).execute(_COUNT, values).fetchall())
    waits = {kind: (level - _most(kind)) * BUCKETS[kind].drains_s for kind, level in levels.items()}
    if "join-day" in waits:
        waits["join-day"] = _wait_for_tomorrow(levels["join-day"], now)
    if (wait_s := ceil(max(waits.values()))) > 0:
        raise TooManyTries(wait_s, _hint(max(waits, key=lambda kind: waits[kind]), wait_s))


# What is in the other rows of a shared bucket is read without a lock.
_COUNT = """
    INSERT INTO sign_in_tries AS t (kind, who, level, at)
    SELECT kind, who, 1, %(now)s::timestamptz
      FROM unnest(%(kinds)s::text[], %(whos)s::bytea[]) AS x (kind, who) ORDER BY kind, who
        ON CONFLICT (kind, who) DO UPDATE
       SET at = excluded.at, level = 1 + greatest(0, t.level - extract(epoch FROM excluded.at - t.at)
           / (SELECT drains FROM unnest(%(kinds)s::text[], %(drains)s::float8[]) AS d (kind, drains)
               WHERE d.kind = t.kind))
    RETURNING t.kind, t.level + coalesce((
              SELECT sum(greatest(0, o.level - extract(epoch FROM %(now)s::timestamptz - o.at) / d.drains))
                FROM unnest(%(kinds)s::text[], %(drains)s::float8[]) AS d (kind, drains)
                JOIN sign_in_tries o ON o.kind = d.kind AND o.who = ANY(%(others)s::bytea[])
               WHERE d.kind = t.kind AND o.who <> t.who), 0)
"""


def is_budget_spent(s: Session, now: datetime) -> bool:
    """Return whether as many codes were asked for on this day as the city pays for: nobody else can join today."""
    level = s.scalar(
        text("SELECT sum(level) FROM sign_in_tries WHERE kind = 'join-day' AND who = ANY(:rows)"),
        {"rows": _all_rows(crypto.keyed("join-day", _day(now)))},
    )
    return level is not None and _wait_for_tomorrow(level + 1, now) > 0


def _most(kind: str) -> int:
    return settings().join_codes_per_day if kind == "join-day" else BUCKETS[kind].most


def _rows(kind: str) -> int:
    """Return over how many rows a bucket is spread. A small one is exact, and one row."""
    return min(MOST_ROWS, 1 + _most(kind) // ROW_HOLDS) if kind in SHARED else 1


def _row(who: bytes, number: int) -> bytes:
    """Return the key of one of the rows of a bucket; the first has the bucket's own."""
    return bytes([who[0] ^ number]) + who[1:]


def _all_rows(who: bytes) -> list[bytes]:
    """Return the keys of all rows that a bucket may have had, whatever its size was then."""
    return [_row(who, number) for number in range(MOST_ROWS)]


def _wait_for_tomorrow(level: float, now: datetime) -> float:
    """Return the seconds until the next day of the city if this try is one too many for today, else 0."""
    # What has drained of the bucket in a day is far less than a half.
    if level < settings().join_codes_per_day + 0.5:
        return 0.0
    today = now.astimezone(settings().tz).date()
    tomorrow = datetime.combine(today + timedelta(days=1), time(), settings().tz)
    return (tomorrow - now).total_seconds()


def _day(now: datetime) -> str:
    return now.astimezone(settings().tz).date().isoformat()


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
    if kind == "join-day":
        return _("Try again tomorrow, or call %(help)s to be signed up.", help=settings().help_contact)
    if kind == "calendar-mail":
        return _("Three of these emails a day are enough. Ask again tomorrow.")
    if kind.startswith(("join-", "desk-")):
        return _("Wait %(minutes)s minutes, then try again.", minutes=ceil(wait_s / 60))
    return _("Wait %(wait_s)s s, or sign in with a passkey or in a browser that you have used before.", wait_s=wait_s)


def _key(kind: str, who: str) -> Key:
    return kind, crypto.hash_key(who)
