"""Passkeys without a browser: what is no answer to our challenge opens nothing."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.accounts import passkeys
from notify.accounts.signing_in import NotProven
from notify.core.db import transaction
from notify.core.settings import settings
from tests.api import asked
from tests.api.people import Person, joined, sign_in


@pytest.fixture
def maria(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """Signed in, at an address that can have passkeys."""
    maria = joined()
    sign_in(door, maria.form())
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", door.headers["Origin"].replace("127.0.0.1", "localhost"))
    settings.cache_clear()
    return maria


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(challenge: str, **other: str) -> str:
    client = {"type": "webauthn.get", "challenge": challenge, "origin": settings().public_url}
    response = {
        "clientDataJSON": coded(json.dumps(client).encode()),
        "authenticatorData": coded(bytes(37)),
        "signature": coded(b"x"),
    }
    return json.dumps(
        {"id": coded(b"unknown"), "rawId": coded(b"unknown"), "type": "public-key", "response": response | other}
    )


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", "x" * 20_000, '{"id": "\\u0000"}', "{" * 5_000])
def test_nonsense_is_refused_in_words(door: httpx.Client, maria: Person, answer: str) -> None:
    refused = door.post("/console/passkey", data={"passkey": answer})
    assert refused.status_code == 401
    assert "This passkey is not known here." in refused.text
    kept = door.post("/console/you/passkeys", data={"passkey": answer})
    assert kept.status_code == 422
    assert "could not be kept" in kept.text
    assert asked.number("SELECT count(*) FROM passkeys") == 0


def test_every_challenge_asks_for_verification_and_is_good_once(door: httpx.Client, maria: Person) -> None:
    options = door.post("/console/passkey/options").json()
    assert options["userVerification"] == "required"
    assert options["rpId"] == "localhost"
    assert options["allowCredentials"] == []
    assert asked.number("SELECT count(*) FROM passkey_challenges") == 1
    assert door.post("/console/passkey", data={"passkey": forged(options["challenge"])}).status_code == 401
    new = door.post("/console/you/passkeys/options").json()
    assert new["authenticatorSelection"]["userVerification"] == "required"
    assert new["authenticatorSelection"]["residentKey"] == "required"
    assert new["user"]["name"] == maria.email


def test_a_challenge_is_taken_once_in_five_minutes_and_for_its_session_alone(database: str) -> None:
    now = datetime.now(UTC)

    def taken(made: bytes, session: int, later: timedelta = timedelta()) -> bool:
        try:
            with transaction() as s:
                passkeys._taken(s, made, session, now + later)
        except NotProven:
            return False
        return True

    def made(name: bytes) -> bytes:
        with transaction() as s:
            passkeys._keep(s, name, 7, now)
        return name

    first = made(b"first")
    assert not taken(first, 8)
    assert not taken(first, passkeys.SIGN_IN)
    assert taken(first, 7)
    assert not taken(first, 7)
    assert not taken(made(b"late"), 7, timedelta(minutes=5))
    assert not taken(b"never made", 7)


@pytest.mark.parametrize("path", ["/console/passkey/options", "/console/passkey", "/console/you/passkeys/options"])
def test_an_address_without_a_name_has_none(door: httpx.Client, path: str) -> None:
    sign_in(door, joined().form())
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    answer = door.post(path)
    assert answer.status_code == 409
    assert "There are no passkeys at this address." in answer.text
    assert "data-passkey" not in door.get("/console/sign-in").text


def test_a_name_over_plain_http_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sites = {"http://alerts.example.gov": False, "https://alerts.example.gov": True, "https://10.0.0.1": False}
    for url, has in sites.items():
        monkeypatch.setenv("TOCSIN_PUBLIC_URL", url)
        settings.cache_clear()
        assert (passkeys.site() is not None) is has


def test_somebody_elses_passkey_is_not_removed(door: httpx.Client, maria: Person) -> None:
    ann = joined("ann@example.gov")
    asked.do(
        """INSERT INTO passkeys (operator_id, credential_id, public_key, sign_count, backed_up, name, made_at)
           VALUES (:ann, 'x', 'y', 0, false, 'Key', now()), (:maria, 'z', 'y', 0, false, 'Key', now())""",
        ann=ann.id,
        maria=maria.id,
    )
    for of, status in ((ann, 404), (maria, 303)):
        number = asked.number("SELECT id FROM passkeys WHERE operator_id = :id", id=of.id)
        assert door.post(f"/console/you/passkeys/{number}/remove").status_code == status
