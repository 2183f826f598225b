"""What is secret in a message to one person: codes, links and a resident's street.

It is made when the message is claimed, and never stored: until then a place in the words stands for it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from notify.accounts import contacts, inviting, letters
from notify.core.settings import Settings
from notify.delivery import join_codes, questions, reminder_places, sealed_words

Secrets = Mapping[str, str]  # by their places in the words
Maker = Callable[[Session, int, str, datetime], Secrets | None]

STREET_LETTERS = 30  # of a usual address
JOIN_CODE = "join-code"  # the kind of which many are sent at once


def made(s: Session, claimed: Sequence[Any], now: datetime) -> Mapping[int, Secrets]:
    """Return what is secret in claimed messages, rows with id, kind, person and channel, by their ids. What is not
    needed any more is left out."""
    codes = join_codes.new_ones(s, [row.person for row in claimed if row.kind == JOIN_CODE], now)
    reminded = reminder_places.addresses(s, [row.id for row in claimed if row.kind == reminder_places.KIND])
    found: dict[int, Secrets] = {}
    for row in claimed:
        if row.kind == JOIN_CODE:
            hidden = codes.get(row.person)
        elif row.kind == reminder_places.KIND:
            hidden = reminded.get(row.id)
        elif row.kind in sealed_words.KINDS:
            words = sealed_words.words(s, row.id)
            hidden = None if words is None else {sealed_words.WORDS: words}
        else:
            hidden = SECRETS[row.kind](s, row.person, row.channel, now) if row.kind in SECRETS else {}
        if hidden is not None:
            found[row.id] = hidden
    return found


def has_some(kind: str) -> bool:
    """Return whether messages of a kind have something secret in them."""
    return kind in SECRETS or kind in sealed_words.KINDS or kind == reminder_places.KIND


def stand_ins(settings: Settings) -> Secrets:
    """Return words as long as those that are put in when a message is claimed, whose cost must be known before."""
    link = f"{settings.public_url}/j/{'x' * join_codes.LINK_LETTERS}"
    streets = dict.fromkeys((questions.PLACE, *reminder_places.PLACES), "x" * STREET_LETTERS)
    return {join_codes.CODE: "000000", join_codes.LINK: link, **streets}


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
    JOIN_CODE: join_codes.new_secrets,
    "question": _one(questions.PLACE, questions.place),
}
