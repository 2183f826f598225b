"""What a city has written into its environment."""

import pytest

from notify.channels import registry
from notify.settings import Settings

CREDENTIALS = (
    "twilio_account_sid", "twilio_auth_token", "sendgrid_api_key", "sendgrid_webhook_public_key",
    "mastodon_access_token", "geocoder_key",
)  # fmt: skip


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_that_ends_in_a_line_break_is_the_credential(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file of a secret does. In a header it was an error with every message, and with every webhook."""
    monkeypatch.setenv(f"TOCSIN_{name.upper()}", " secret\n")
    value = getattr(Settings(), name)
    assert (value if isinstance(value, str) else value.get_secret_value()) == "secret"


def test_an_address_is_taken_without_white_space_and_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://alerts.example.org/\n")
    assert Settings().public_url == "https://alerts.example.org"


def test_webhooks_are_read_with_a_key_that_ends_in_a_line_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SENDGRID_API_KEY", "SG.secret\n")
    assert registry.build(Settings(), "sendgrid").channel == "email"


def test_the_secret_key_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data was written with it."""
    monkeypatch.setenv("TOCSIN_SECRET_KEY", "a" * 32 + "\n")
    assert Settings().require_secret_key() == b"a" * 32 + b"\n"
