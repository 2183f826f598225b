"""Law 9: addresses are sealed at rest; tokens and indexes prove what they should and nothing else."""

import pytest

from notify.core import crypto
from notify.core.errors import Invalid, Unavailable
from notify.core.settings import settings

PHONE = "+12015550100"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    use_key(monkeypatch, "a key for tests, and for nothing else")


def use_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("TOCSIN_SECRET_KEY", key)
    settings.cache_clear()
    crypto.forget_keys()


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    sealed = crypto.seal(PHONE, "sms")
    assert crypto.unseal(sealed, "sms") == PHONE
    assert PHONE.encode() not in sealed
    assert crypto.seal(PHONE, "sms") != sealed, "the same number twice must not look the same"


def test_what_is_sealed_for_one_purpose_does_not_open_for_another() -> None:
    with pytest.raises(Unavailable):
        crypto.unseal(crypto.seal(PHONE, "sms"), "email")


def test_what_is_sealed_does_not_open_with_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = crypto.seal(PHONE, "sms")
    use_key(monkeypatch, "another key that is long enough, too")
    with pytest.raises(Unavailable, match="TOCSIN_SECRET_KEY"):
        crypto.unseal(sealed, "sms")


def test_an_index_is_the_same_for_the_same_address_and_depends_on_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    index = crypto.address_index("sms", PHONE)
    assert index == crypto.address_index("sms", PHONE)
    assert index != crypto.address_index("email", PHONE)
    use_key(monkeypatch, "another key that is long enough, too")
    assert index != crypto.address_index("sms", PHONE)


def test_a_token_says_what_it_was_made_with() -> None:
    assert crypto.read_token("unsubscribe", crypto.sign_token("unsubscribe", "7.storm")) == "7.storm"


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-2], lambda t: "A" + t[1:], lambda t: "", lambda t: "%%%", lambda t: t * 2]
)
def test_a_token_that_was_touched_is_refused(spoil: object) -> None:
    token = crypto.sign_token("unsubscribe", "7.storm")
    with pytest.raises(Invalid):
        crypto.read_token("unsubscribe", spoil(token))  # type: ignore[operator]


def test_a_token_of_one_purpose_is_refused_for_another() -> None:
    with pytest.raises(Invalid):
        crypto.read_token("session", crypto.sign_token("unsubscribe", "7.storm"))


def test_a_short_key_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    use_key(monkeypatch, "short")
    with pytest.raises(Unavailable, match="openssl rand"):
        crypto.seal(PHONE, "sms")
