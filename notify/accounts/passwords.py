"""Passwords: which ones are accepted, and their hashes.

The rules are those of NIST SP 800-63B-4 section 3.1.1 for a password beside a second factor: at least 8 characters, no
rules about kinds of characters, no regular change, refused when it is easily guessed. Hashes are Argon2id with the
second recommended parameters of RFC 9106 section 4 (64 MiB, 3 passes, 4 lanes).
"""

import threading
import unicodedata

import zxcvbn as guessing
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from notify.accounts.password_advice import advice
from notify.core import translation
from notify.core.errors import Invalid, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _

SHORTEST, LONGEST = 8, 256  # characters; the standard asks for at least 64 to be allowed
SAFE = 3  # of zxcvbn's 0 to 4: more than 10^8 guesses
LOOKED_AT = 72  # characters that zxcvbn judges; its time grows with the square of the length
AT_ONCE = 2  # hashings of one process: each takes 64 MiB and four threads
QUEUE, PATIENCE_S = 8, 10.0  # how many may wait for their turn, and how long

_hasher = PasswordHasher()
_turns = threading.BoundedSemaphore(AT_ONCE)
_places = threading.BoundedSemaphore(AT_ONCE + QUEUE)
_judging = threading.Lock()  # zxcvbn keeps the words of the caller in a global

# The hash of no password, so that an unknown account takes as long as a known one.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo"


def check(password: str, email: str) -> str:
    """Return a new password in the form that is hashed. Raises Invalid with the reason and what to do."""
    normal = normalised(password)
    if len(normal) < SHORTEST:
        raise Invalid(
            _(
                "The password has %(count)s characters; it needs at least %(shortest)s.",
                count=len(normal),
                shortest=SHORTEST,
            ),
            hint=_("Take a few words that have nothing to do with each other."),
        )
    if len(normal) > LONGEST:
        raise Invalid(
            _(
                "The password has %(count)s characters; the most is %(longest)s.",
                count=translation.number(len(normal)),
                longest=LONGEST,
            )
        )
    theirs = _words_of(email)
    held = next((word for word in theirs if word in normal.casefold()), None)
    if held:
        raise Invalid(
            _("The password contains %(held)s, which everybody knows.", held=repr(held)),
            hint=_("Choose one without it."),
        )
    with _judging:
        judged = guessing.zxcvbn(normal[:LOOKED_AT], [*theirs, "tocsin", "alert", "console"], max_length=LOOKED_AT)
    if judged["score"] < SAFE:
        why = judged["feedback"]["warning"] or _("It is among the first that somebody would try.")
        suggested = judged["feedback"]["suggestions"] or [
            _("Take a few words that have nothing to do with each other.")
        ]
        raise Invalid(
            _("This password is easily guessed. %(why)s", why=advice(why)), hint=" ".join(map(advice, suggested))
        )
    return normal


def normalised(password: str) -> str:
    """The password in NFC: keyboards write the same letter in different ways (section 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def hashed(password: str) -> str:
    """The hash of a password that `check` returned. Raises Unavailable when too many are being hashed."""
    with _Turn():
        return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one of this hash; None takes as long. Raises Unavailable."""
    given = normalised(password)[: LONGEST + 1]  # a longer one is never right, and takes no longer
    with _Turn():
        try:
            _hasher.verify(kept or NOBODY, given)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def _words_of(email: str) -> list[str]:
    """What a password must not contain, in lower case: the email, its name and the city's."""
    name = email.partition("@")[0].casefold()
    city = settings().city.casefold()
    words = {email.casefold(), *([name] if len(name) >= 4 else []), city, city.replace(" ", "")}
    return sorted(words | {word for word in city.split() if len(word) >= 5}, key=len, reverse=True)


class _Turn:
    """A turn at hashing. Raises Unavailable rather than let everybody's requests wait behind it."""

    def __enter__(self) -> None:
        if not _places.acquire(blocking=False):
            raise _busy()
        if not _turns.acquire(timeout=PATIENCE_S):
            _places.release()
            raise _busy()

    def __exit__(self, *_: object) -> None:
        _turns.release()
        _places.release()


def _busy() -> Unavailable:
    return Unavailable(_("Too many people are signing in at the moment."), hint=_("Try again in a few seconds."))
