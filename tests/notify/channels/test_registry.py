"""The registry names each provider once and builds it from settings."""

import pytest

from notify.channels.registry import PROVIDERS, account_check, build, missing
from notify.core.errors import NotFound, Unavailable
from notify.core.settings import Settings


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a city that has set nothing."""
    for name in PROVIDERS:
        for part in PROVIDERS[name].needs + PROVIDERS[name].takes:
            monkeypatch.delenv(f"TOCSIN_{name}_{part}".upper(), raising=False)
    return Settings()


@pytest.mark.parametrize(
    ("provider", "unset"),
    [
        ("twilio", ["TOCSIN_TWILIO_ACCOUNT_SID", "TOCSIN_TWILIO_AUTH_TOKEN"]),
        ("sendgrid", ["TOCSIN_SENDGRID_API_KEY"]),
        ("mastodon", ["TOCSIN_MASTODON_ACCESS_TOKEN", "TOCSIN_MASTODON_BASE_URL"]),
        ("bluesky", ["TOCSIN_BLUESKY_HANDLE", "TOCSIN_BLUESKY_APP_PASSWORD"]),
    ],
)
def test_what_is_not_set_is_named(bare: Settings, provider: str, unset: list[str]) -> None:
    assert missing(bare, provider) == unset
    with pytest.raises(Unavailable, match=unset[0]):
        build(bare, provider)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_whose_settings_stand_is_built(
    bare: Settings, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    for variable in missing(bare, provider):
        monkeypatch.setenv(variable, "http://127.0.0.1:9" if variable.endswith("URL") else "secret")
    configured = Settings()
    assert missing(configured, provider) == []
    assert build(configured, provider).channel == PROVIDERS[provider].channel


def test_an_unknown_provider_is_named(bare: Settings) -> None:
    with pytest.raises(NotFound, match="pigeon"):
        missing(bare, "pigeon")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_provider_has_an_account_that_can_be_checked(provider: str) -> None:
    assert account_check(provider).__module__ == f"notify.channels.{provider}.account"
