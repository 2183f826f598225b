"""Whether somebody who asks for a code is sent one: the limits, and who may not be written to."""

from contextlib import nullcontext
from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.channels.channel import CHANNELS
from notify.core import db, keyring
from notify.subscribers import addresses

# Nobody is written a code for whom it would be one message too many: who complained, and whom nothing reaches.
NO_CODE = ("complaint", "hard-bounce")


def may_send(s: Session, channel: str, address: str, network: str, now: datetime, *, signs_in: bool) -> bool:
    """Count a request for a code, and return whether one is sent. Raises TooManyTries.

    A flood that has used up what the city allows keeps no resident from their own page: whoever is signed up gets a
    code to sign in all the same. The answer to others who sign in is the same then; only no code comes.

    All ask the database the same, whoever the address belongs to: the time of the answer tells nothing either. What
    all of the city share is counted last, because it keeps others waiting.
    """
    tries.count(s, tries.of_joiner(channel, address, network), now)
    keyring.hold(s)
    known = db.raw(s).execute(_KNOWN, {"channel": channel, "index": addresses.index(channel, address)}).fetchone()
    assert known is not None  # noqa: S101  it always returns a row
    is_verified, reasons, blocked = known
    allowed = True
    try:
        with s.begin_nested() if signs_in else nullcontext():
            tries.count(s, tries.of_city(channel, now), now)
    except tries.TooManyTries:
        if not signs_in:
            raise
        allowed = is_verified
    barred = {*NO_CODE, "opt-out"} if CHANNELS[channel].leaves_by == "reply" else set(NO_CODE)
    return allowed and not blocked and barred.isdisjoint(reasons)


# Whether somebody is signed up with an address, why nothing may be sent to it, and whether carriers block it for all
# open senders.
_KNOWN = """
    SELECT EXISTS (SELECT FROM contacts WHERE (channel, address_index) = (%(channel)s, %(index)s)
                      AND address_sealed IS NOT NULL AND verified_at IS NOT NULL),
           ARRAY(SELECT reason FROM suppressions
                  WHERE (channel, address_index) = (%(channel)s, %(index)s) AND topic IS NULL),
           coalesce((SELECT bool_and(EXISTS (SELECT FROM carrier_blocks k
                             WHERE (k.sender_id, k.address_index) = (x.id, %(index)s) AND k.lifted_at IS NULL))
                       FROM senders x WHERE x.channel = %(channel)s AND x.status = 'open'), false)
"""
