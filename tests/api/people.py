"""Operators with a password and an app, and what they give to sign in."""

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pyotp

from notify.accounts import codes, credentials, links, passwords
from notify.core.db import transaction
from tests import factories
from tests.api import asked

PASSWORD = "granite lantern seventeen"
_hash: list[str] = []


@dataclass(frozen=True)
class Person:
    """Somebody who has joined. `form()` is what they fill in to sign in."""

    id: int
    email: str
    secret: str
    recovery: tuple[str, ...]

    def form(self, **other: str) -> dict[str, str]:
        return {"email": self.email, "password": PASSWORD, "code": self.code()} | other

    def code(self) -> str:
        """A code that has not been used; time does not have to pass."""
        asked.do("UPDATE credentials SET last_step = 0 WHERE operator_id = :id", id=self.id)
        return pyotp.TOTP(self.secret).now()


def joined(email: str = "maria.lopez@example.gov", role: str = "admin") -> Person:
    """Somebody who has set up the account; hashing the password once for all tests."""
    now = datetime.now(UTC)
    if not _hash:
        _hash.append(passwords.hashed(PASSWORD))
    with transaction() as s:
        operator = factories.operator(s, role, email, now=now)
        token = links.make(s, operator, "join", now).partition("=")[2]
        secret = codes.secret_for(token)
        _, recovery = credentials.join(s, token, _hash[0], pyotp.TOTP(secret).at(now), secret, now)
    return Person(operator.id, email, secret, tuple(recovery))


def sign_in(door: httpx.Client, form: dict[str, str]) -> httpx.Response:
    return door.post("/console/sign-in", data=form, headers={"Origin": str(door.base_url).rstrip("/")})
