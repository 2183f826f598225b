"""What was launched is signed, and a copy of it can be checked with the published keys alone."""

import functools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify.alerts.public import signing
from notify.core import alarms, crypto, statements
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed
from notify.core.statements import NotGenuine
from notify.models import SigningKey
from notify.operations.jobs import sign
from tests import factories
from tests.factories import NOW
from tests.owner import owning

pytestmark = pytest.mark.usefixtures("database")


def signed(**draft: object) -> dict[str, Any]:
    with transaction() as s:
        factories.zone(s)
    alert = factories.alert_launched(now=NOW, channels=("sms", "email"), **draft)
    with transaction() as s:
        assert signing.sign_launched(s, NOW) == 1
        found = signing.document(s, alert)
    assert found is not None
    copy: dict[str, Any] = json.loads(json.dumps(found))
    return copy


def keys() -> Mapping[str, statements.Key]:
    with transaction() as s:
        return statements.read_keys(json.loads(json.dumps(statements.key_set(signing.published(s)))))


def test_a_copy_has_the_exact_words_of_every_channel_and_language() -> None:
    told = statements.check(signed(), keys())
    assert set(told["words"]) == {"sms", "email"}
    assert set(told["words"]["sms"]) == {"en", "es"}
    assert told["words"]["sms"]["en"]["text"].startswith("City of Tocsin:")
    assert told["link"].endswith(f"/alerts/{told['id']}")
    assert told["launched"] == NOW.isoformat(timespec="seconds")
    assert len(told["area_sha256"]) == 64


@pytest.mark.parametrize("changed", ["expires", "link", "status"])
def test_a_changed_copy_is_not_genuine(changed: str) -> None:
    found = signed()
    found["statement"][changed] = "something else"
    with pytest.raises(NotGenuine, match="changed after it was signed"):
        statements.check(found, keys())


def test_a_copy_that_somebody_else_signed_is_not_genuine() -> None:
    found, secret = signed(), statements.make_secret()
    found["signature"] = statements.encoded(statements.sign(secret, statements.canonical(found["statement"])))
    with pytest.raises(NotGenuine, match="changed after it was signed"):
        statements.check(found, keys())
    found["key"] = statements.thumbprint(statements.public_of(secret))
    with pytest.raises(NotGenuine, match="not the city's"):
        statements.check(found, keys())


def test_a_key_under_another_keys_id_is_no_key() -> None:
    published = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "mine", "x": "A" * 43, "made": NOW.isoformat()}]}
    assert statements.read_keys(published) == {}
    with pytest.raises(Invalid):
        statements.read_keys([])
    published["keys"][0]["made"] = "2027-01-12T18:00"  # in which zone?
    with pytest.raises(Invalid):
        statements.read_keys(published)


def test_the_key_id_of_a_forger_commands_no_terminal() -> None:
    found = signed() | {"key": "\x1b[2K\x1b[1GGenuine"}
    with pytest.raises(NotGenuine) as refused:
        statements.check(found, keys())
    assert str(refused.value) == "It is signed with a key that is not the city's (??2K??1GGenuine)."


def deep() -> object:
    return {
        "statement": {"a": functools.reduce(lambda inner, _: [inner], range(5_000), [])},
        "key": "",
        "signature": "",
    }


@pytest.mark.parametrize("found", [None, [], {}, {"statement": 1, "key": "k", "signature": "s"}, "text", deep()])
def test_what_is_no_statement_is_not_genuine(found: object) -> None:
    with pytest.raises(NotGenuine):
        statements.check(found, {})


def test_what_a_retired_key_signed_can_still_be_checked_and_its_secret_is_gone() -> None:
    found = signed()
    with transaction() as s:
        made = signing.renew(s, None, NOW + timedelta(days=1))
    assert statements.check(found, keys())
    newest, retired = keys().values()
    assert newest.kid == made.kid
    assert retired.retired_at == NOW + timedelta(days=1)
    with transaction() as s:
        old = s.query(SigningKey).filter_by(kid=retired.kid).one()
        assert crypto.unseal(old.secret_sealed, signing.PURPOSE) == ""
        assert signing.sign_launched(s, NOW) == 0


def test_what_a_revoked_key_signed_is_signed_anew() -> None:
    found = signed()
    with transaction() as s:
        signing.renew(s, None, NOW, revoke=True)
        assert signing.document(s, found["statement"]["id"]) is None
    with pytest.raises(NotGenuine, match="revoked"):
        statements.check(found, keys())
    with transaction() as s:
        assert signing.sign_launched(s, NOW) == 1
        again = signing.document(s, found["statement"]["id"])
    assert statements.check(again, keys()) == found["statement"]


def test_only_an_administrator_renews_the_key() -> None:
    with transaction() as s, pytest.raises(NotAllowed):
        signing.renew(s, factories.operator(s, "approver"), NOW)


def test_what_was_never_launched_is_not_signed() -> None:
    with transaction() as s:
        factories.zone(s)
        draft = factories.alert_ready(s, now=NOW).id
        assert signing.sign_launched(s, NOW) == 0
        assert signing.document(s, draft) is None


def test_what_a_retired_key_signs_later_is_not_genuine() -> None:
    found = signed()
    with transaction() as s:
        key = s.query(SigningKey).one()
        secret = bytes.fromhex(crypto.unseal(key.secret_sealed, signing.PURPOSE))
        signing.renew(s, None, NOW + timedelta(days=1))
    found["statement"]["launched"] = (NOW + timedelta(days=2)).isoformat()
    found["signature"] = statements.encoded(statements.sign(secret, statements.canonical(found["statement"])))
    with pytest.raises(NotGenuine, match="retired before"):
        statements.check(found, keys())


def test_one_that_cannot_be_read_does_not_stop_the_others() -> None:
    found = signed()["statement"]["id"]
    bad, good = (factories.alert_launched(now=NOW) for _ in range(2))
    with owning() as s:
        s.execute(text("UPDATE alerts SET finished_at = '20000-01-01' WHERE id = :id"), {"id": bad})
    with transaction() as s:
        assert signing.sign_launched(s, NOW) == 1
    with transaction() as s:
        assert signing.sign_launched(s, NOW) == 0
        assert [bool(signing.document(s, one)) for one in (found, bad, good)] == [True, False, True]
        assert [one.alert_id for one in alarms.ringing(s)] == [bad]


def test_the_job_signs_all_at_its_first_run_and_then_what_was_launched_lately() -> None:
    sign._looks.forget()
    with transaction() as s:
        factories.zone(s)
    now = datetime.now(UTC)

    def launched(at: datetime) -> int:
        return factories.alert_launched(now=at, channels=("sms",))

    def is_signed(alert: int) -> bool:
        with transaction() as s:
            return signing.document(s, alert) is not None

    old = launched(now - timedelta(days=3))
    sign.run()
    assert is_signed(old)
    restored, new = launched(now - timedelta(days=2)), launched(now)
    sign.run()
    assert (is_signed(restored), is_signed(new)) == (False, True)
    sign._looks.forget()
    sign.run()
    assert is_signed(restored)


def test_what_a_revoked_key_signed_is_signed_anew_by_the_next_run_however_old_it_is() -> None:
    sign._looks.forget()
    with transaction() as s:
        factories.zone(s)
        admin = factories.operator(s)
    old = factories.alert_launched(now=datetime.now(UTC) - timedelta(days=3), channels=("sms",))
    sign.run()
    with transaction() as s:
        signing.renew(s, admin, datetime.now(UTC), revoke=True)
        assert signing.document(s, old) is None
    sign.run()
    with transaction() as s:
        assert signing.document(s, old) is not None
