"""What a city has written into its environment."""

import pytest
from pydantic import ValidationError

from notify.channels import registry
from notify.core import connection
from notify.core.errors import Unavailable
from notify.core.settings import Settings

CREDENTIALS = (
    "twilio_account_sid", "twilio_auth_token", "sendgrid_api_key", "sendgrid_webhook_public_key",
    "mastodon_access_token", "bluesky_handle", "bluesky_app_password", "geocoder_key",
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


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgresql://u:p@h:5433/d", ("u", "p", "h", "5433", "d")),
        ("postgres://u@h/d", ("u", None, "h", None, "d")),
        ("postgresql+psycopg://u:p@h/d", ("u", "p", "h", None, "d")),
        ("postgresql://u:a%2Fb%40c@h/d", ("u", "a/b@c", "h", None, "d")),
        ("postgresql://u:a/b:c%+#?@h/d", ("u", "a/b:c%+#?", "h", None, "d")),  # not as %XX, and clear all the same
        ("postgresql://u@/d?host=/run/postgresql", ("u", None, "/run/postgresql", None, "d")),
        ("postgresql://u@one,two:5433/d?target_session_attrs=read-write", ("u", None, "one,two", ",5433", "d")),
    ],
)
def test_the_address_of_the_database_is_read_by_libpq(
    written: str, read: tuple[str | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", written)
    given = connection.parameters(Settings().require_database())
    assert tuple(given.get(name) for name in ("user", "password", "host", "port", "dbname")) == read
    assert given["connect_timeout"] == 5


@pytest.mark.parametrize(
    "written",
    ["db.example.org", "mysql://u@h/d", "postgresql://u@h:x/d", "postgresql://u@h:99999/d", "postgresql://h/d?x=1"],
)
def test_what_is_no_address_of_a_database_is_refused_without_its_password(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", written.replace("u@", "u:secret@"))
    with pytest.raises(Unavailable, match="TOCSIN_DATABASE_URL is not the address") as refused:
        Settings().require_database()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("query", ["host=one&host=two", "host=one:5432&sslmode=require&host=two:5433"])
def test_hosts_as_sqlalchemy_took_them_are_not_halved_in_silence(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", f"postgresql://u:p@/d?{query}")
    with pytest.raises(Unavailable, match="the same parameter twice"):
        Settings().require_database()


def test_feeds_of_other_agencies_are_named_pairs() -> None:
    weather = "https://api.weather.gov/alerts/active?zone=PAZ071,PAC101"
    given = f" Weather Service = {weather}; Brook County=https://brook.example.gov/cap.atom; "
    assert Settings(outside_feeds=given).feeds == [
        ("Weather Service", weather), ("Brook County", "https://brook.example.gov/cap.atom")
    ]  # fmt: skip
    assert Settings().feeds == []


@pytest.mark.parametrize(
    "given",
    [
        "https://brook.example.gov/cap.atom",
        "Brook=http://brook.example.gov/cap.atom",
        "Brook=http://127.0.0.1:8025/cap.atom",  # this machine only below the address of the simulators
        "Brook=http://127.0.0.1:80251/cap.atom",
        "Brook=https://user:password@brook.example.gov/cap.atom",
        "Brook=https://",
        "Brook=https://brook.example.gov:port/",
        "Brook=file:///etc/passwd",
        "One=https://brook.example.gov/a; Two=https://brook.example.gov/a",
        f"Brook=https://brook.example.gov/{'a' * 1500}",
    ],
)
def test_what_is_no_feed_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="outside_feeds"):
        Settings(outside_feeds=given)


def test_a_feed_on_this_machine_is_a_simulators() -> None:
    simulator = "http://127.0.0.1:8025"
    feed = Settings(simulator_url=simulator, outside_feeds=f"Brook={simulator}/cap").feeds[0]
    assert feed == ("Brook", f"{simulator}/cap")
    with pytest.raises(ValidationError, match="outside_feeds"):
        Settings(simulator_url=simulator, outside_feeds=f"Brook={simulator}1/cap")
