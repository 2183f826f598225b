"""Make the code that proves whose a phone or email is, and the link that may be pressed instead, at the moment in which
they are sent to somebody who joins.

They are not stored, and are made from the secret key, the joining and the moment: when a process has died while it sent
them, the provider can be asked for the very words (`direct_outcomes`).
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import crypto, one_time_codes
from notify.core.settings import settings

CODE, LINK = "{code}", "{link}"  # their places in the words until they are sent
LINK_BYTES, LINK_LETTERS = 12, 16
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_code(s: Session, joining_id: int, channel: str, now: datetime) -> str | None:
    """Return a new code, in place of the one before. None if the joining has ended."""
    made = new_secrets(s, joining_id, channel, now)
    return made[CODE] if made else None


def new_secrets(s: Session, joining_id: int, _channel: str, now: datetime) -> Mapping[str, str] | None:
    """Return a new code and link, by their places in the words; those before end. None if the joining has ended."""
    return new_ones(s, [joining_id], now).get(joining_id)


def new_ones(s: Session, joining_ids: Sequence[int], now: datetime) -> Mapping[int, Mapping[str, str]]:
    """Return new codes and links of joinings, by their ids, without those that have ended."""
    if not joining_ids:
        return {}
    made = {number: secrets_of(number, now) for number in sorted(set(joining_ids))}
    kept = s.execute(
        text("""UPDATE joinings j SET code_hash = x.code, link_hash = x.link, code_ends_at = :ends, code_tries = 0
                  FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS bytea[]), CAST(:links AS bytea[]))
                       AS x (id, code, link)
                 WHERE j.id = x.id AND j.ended_at IS NULL RETURNING j.id"""),
        {
            "ids": list(made),
            "codes": [one_time_codes.hashed(whose(number), one[CODE]) for number, one in made.items()],
            "links": [crypto.hash_key(_token(one[LINK])) for one in made.values()],
            "ends": now + one_time_codes.LIVES,
        },
    ).scalars()
    return {number: made[number] for number in kept}


def secrets_of(joining_id: int, at: datetime) -> Mapping[str, str]:
    """Return the code and the link that a joining was sent at a moment, to the microsecond, by their places."""
    micros = (at - EPOCH) // (at.resolution)
    drawn = crypto.keyed("join-code", f"{joining_id}.{micros}")
    code = int.from_bytes(drawn[:16]) % 10**6  # no digit is likelier than another by more than 1 in 10^32
    link = base64.urlsafe_b64encode(drawn[16 : 16 + LINK_BYTES]).decode()
    return {CODE: f"{code:06}", LINK: f"{settings().public_url}/j/{link}"}


def _token(link: str) -> str:
    return link.rpartition("/")[2]


def whose(joining_id: int) -> str:
    return f"joining.{joining_id}"
