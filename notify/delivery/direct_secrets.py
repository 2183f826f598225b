"""What is secret in a message to one person: codes, links and a resident's street.

It is made when the message is claimed, and never stored: until then a place in the words stands for it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from notify.accounts import contacts, inviting, letters
from notify.core.settings import Settings
from notify.delivery import join_codes, questions

Secrets = Mapping[str, str]  # by their places in the words
Maker = Callable[[Session, int, str, datetime], Secrets | None]

STREET_LETTERS = 30  # of a usual address


def made(s: Session, claimed: Any, now: datetime) -> Secrets | None:
    """Return what is secret in a claimed message, a row with kind, person and channel; None if it is not needed any
    more."""
    return SECRETS[claimed.kind](s, claimed.person, claimed.channel, now) if claimed.kind in SECRETS else {}


def stand_ins(settings: Settings) -> Secrets:
    """Return words as long as those that are put in when a message is claimed, whose cost must be known before."""
    link = f"{settings.public_url}/j/{'x' * join_codes.LINK_LETTERS}"
    return {join_codes.CODE: "000000", join_codes.LINK: link, questions.PLACE: "x" * STREET_LETTERS}


def put_in(secrets: Secrets, words: str) -> str:
    for place, secret in secrets.items():
        words = words.replace(place, secret)
    return words


def _one(place: str, make: Callable[[Session, int, str, datetime], str | None]) -> Maker:
    def secret(s: Session, person: int, channel: str, now: datetime) -> Secrets | None:
        made = make(s, person, channel, now)
        return None if made is None else {place: made}

    return secret


# By the kind of a message, what makes its secrets for a person and a channel. None: it is not needed any more.
SECRETS: Mapping[str, Maker] = {
    "code": _one(letters.CODE, contacts.new_code),
    "invitation": _one(letters.LINK, inviting.mailed_link),
    "join-code": join_codes.new_secrets,
    "question": _one(questions.PLACE, questions.place),
}
