"""Anybody can check whether the city sent a message, on the page and without us."""

import json
from datetime import datetime
from pathlib import Path
from urllib.error import HTTPError

import httpx
import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.alerts.public import signing
from notify.alerts.public.verifying import code_of
from notify.cli import verify
from notify.cli.operators import key_commands
from notify.core.db import transaction
from notify.core.errors import Invalid, Unavailable
from notify.core.settings import settings
from notify.models import StoredContent
from tests import factories
from tests.api.test_pages import launched

SITE = "alerts.example.gov"


@pytest.fixture
def _site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", f"https://{SITE}")
    settings.cache_clear()


@pytest.mark.usefixtures("_site")
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("17", 17),
        (" # 17. ", 17),
        ("1 7", 17),
        ("\uff11\uff17", 17),  # as some keyboards write it
        ("“17”", 17),
        ("https://alerts.example.gov/alerts/17", 17),
        ("HTTPS://ALERTS.EXAMPLE.GOV/ALERTS/17", 17),
        ("alerts.example.gov/alerts/17?lang=es", 17),
        ("https://alerts.example.gov/verify/17", 17),
        ("<https://alerts.example.gov/alerts/17>.", 17),
        ("City: Tornado danger in Riverside.\nNews: https://alerts.example.gov/alerts/17.", 17),
        ("", None),
        ("0", None),
        ("-17", None),
        ("9" * 19, None),
        ("Tornado danger until 5 PM", None),
        ("https://alerts.example.gov.evil.example/alerts/17", None),
        ("https://evil.example/alerts/17", None),
        ("https://evil-alerts.example.gov/alerts/17", None),
        ("https://evil.alerts.example.gov/alerts/17", None),
        ("https://user@alerts.example.gov/alerts/17", None),
        ("https://alerts.example.gov/join", None),
        ("Alert 17", 17),
        ("código: 17", 17),
        ("(https://alerts.example.gov/alerts/17)", 17),
        ("More:alerts.example.gov/alerts/17", 17),
        ("http://evil.example/alerts.example.gov/alerts/17", None),
        ("http://evil.example/https://alerts.example.gov/alerts/17", None),
        ("http://evil.example?u=alerts.example.gov/alerts/17", None),
        ("http://evil.example#alerts.example.gov/alerts/17", None),
        ("http://evil.example/,alerts.example.gov/alerts/17", None),
        ("evil.example:https://alerts.example.gov/alerts/17", None),
        ("https://alerts.example.gov/alerts/17@evil.example", None),
        ("https://alerts.example.gov/alerts/17-evil", None),
    ],
)
def test_the_code_is_found_however_it_is_pasted(given: str, code: int | None) -> None:
    assert code_of(given) == code


def text_of(alert: int, channel: str = "sms", language: str = "en") -> str:
    with transaction() as s:
        where = StoredContent.alert_id == alert, StoredContent.channel == channel, StoredContent.language == language
        return s.scalars(select(StoredContent.text).where(*where)).one()


def test_what_the_city_sent_is_shown_with_its_exact_words_and_its_time(door: httpx.Client, city: datetime) -> None:
    number = launched(city, blanks={"hazard": "tornado"})
    answer = door.post("/verify", data={"code": f" {settings().public_url}/alerts/{number} "})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/verify/{number}?lang=en"
    page = door.get(answer.headers["location"]).text
    assert "Yes, the city sent it" in page
    assert "Flying objects can kill." in page
    assert "tornado" in text_of(number, language="es").lower()
    assert '<blockquote lang="es">' in page
    assert f'<time datetime="{city.isoformat(timespec="seconds")}">' in page
    assert "-unsubscribe_url-" not in page
    assert "Sí, lo envió la ciudad" in door.get(f"/verify/{number}?lang=es").text


@pytest.mark.parametrize(
    "given", ["99", "Your package waits. Pay the fee of 2 dollars now.", "https://evil.example/alerts/1"]
)
def test_what_the_city_did_not_send_is_a_warning_with_what_to_do(door: httpx.Client, given: str) -> None:
    page = door.post("/verify", data={"code": given}, follow_redirects=True).text
    assert "We cannot find this message" in page
    assert "Do not open its links." in page
    assert "Report it: 311." in page
    assert f"Our links begin with {settings().public_url}/" in page
    assert given not in page.replace('"', "") or given == "99"


def test_a_pasted_message_is_compared_with_what_was_sent(door: httpx.Client, city: datetime) -> None:
    number = launched(city, blanks={"hazard": "tornado"})

    def said(message: str) -> str:
        return door.post("/verify", data={"code": message}).text

    true = text_of(number)
    assert "The words are the same" in said(true)
    assert "The words are the same" in said(f"Fwd: 5:02 PM\n  {true.upper()}\n 5:03 p.m.")
    assert "The words are the same" in said(text_of(number, language="es"))
    email = text_of(number, "email").replace("-unsubscribe_url-", f"{settings().public_url}/u/abcdefghijklmnop")
    assert "The words are the same" in said(email)
    for false in (
        f"{true} For storm aid money call 215-555-0199 or pay at bit.ly/aid",
        f"{true} This is cancelled. Go home.",
        f"Reply YES: {true}",
        email.replace("What to do", "Pay at once. What to do"),
        f"{email}/../?pay=now at evil.example",
        true.replace("Flying objects", "Falling bricks"),
        f"{true} Send 50 dollars to this account to get a place in the shelter, before all of them are taken today."
        " Hurry up, and tell your neighbours to do the same at once.",
    ):
        page = said(false)
        assert "The words are not the same" in page
        assert "Do not give money" in page


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_practice_is_marked(door: httpx.Client, city: datetime, status: str) -> None:
    number = launched(city, status=status)
    assert 'class="practice"' in door.get(f"/verify/{number}").text


def test_nothing_is_told_of_a_draft(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        draft = factories.alert_ready(s, now=city).id
    assert door.get(f"/verify/{draft}").status_code == 404
    assert door.get(f"/verify/{draft}.json").status_code == 404


def signed_files(door: httpx.Client, city: datetime, folder: Path) -> tuple[int, Path, Path]:
    number = launched(city)
    with transaction() as s:
        signing.sign_launched(s, city)
    copy, keys = folder / "alert.json", folder / "keys.json"
    copy.write_bytes(door.get(f"/verify/{number}.json").content)
    keys.write_bytes(door.get("/.well-known/tocsin-keys.json").content)
    return number, copy, keys


def tocsin(command: str, *arguments: str) -> Result:
    return CliRunner().invoke(verify.commands if command == "verify" else key_commands, list(arguments))


def test_a_copy_is_checked_without_a_database(
    door: httpx.Client, city: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, copy, keys = signed_files(door, city, tmp_path)
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://nowhere.invalid/none")
    settings.cache_clear()
    told = json.loads(tocsin("verify", str(copy), "--keys", str(keys), "--json").stdout)
    assert told["genuine"] is True
    assert told["statement"]["id"] == number
    changed = tmp_path / "changed.json"
    changed.write_text(copy.read_text().replace("Riverside", "Downtown"))
    refused = tocsin("verify", str(changed), "--keys", str(keys))
    assert refused.exit_code == 1
    assert "NOT GENUINE. Its signature does not fit" in refused.stdout


def test_a_copy_is_fetched_by_its_number(door: httpx.Client, city: datetime, tmp_path: Path) -> None:
    number, *_ = signed_files(door, city, tmp_path)
    assert f"sent alert {number}" in tocsin("verify", str(number)).stdout
    failed = tocsin("verify", "99").exception
    assert isinstance(failed, Unavailable)
    assert "does not exist" in failed.message
    assert isinstance(failed.__context__, HTTPError)
    assert failed.__context__.closed, "its connection would stay open until it is collected"


def test_what_cannot_be_checked_is_an_error(tmp_path: Path) -> None:
    assert isinstance(tocsin("verify", str(tmp_path / "none.json"), "--keys", "none").exception, Invalid)
    for words in ("not json", "[" * 200_000):
        (tmp_path / "no.json").write_text(words)
        assert isinstance(tocsin("verify", str(tmp_path / "no.json"), "--keys", "none").exception, Invalid)


def test_the_keys_are_listed_and_renewed(
    door: httpx.Client, city: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as s:
        admin = factories.operator(s, "admin", now=city)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "desk", city, admin))
    _, copy, keys = signed_files(door, city, tmp_path)
    (first,) = json.loads(keys.read_text())["keys"]
    assert tocsin("keys", "renew-signing", "--as", admin.email).exit_code == 0
    listed = json.loads(tocsin("keys", "signing", "--json").stdout)["keys"]
    assert [key["kid"] for key in listed][1:] == [first["kid"]]
    published = door.get("/.well-known/tocsin-keys.json")
    assert published.json()["keys"] == listed
    keys.write_bytes(published.content)
    assert tocsin("verify", str(copy), "--keys", str(keys)).exit_code == 0
    assert tocsin("keys", "renew-signing", "--revoke", "--as", admin.email).exit_code == 0
    keys.write_bytes(door.get("/.well-known/tocsin-keys.json").content)
    assert tocsin("verify", str(copy), "--keys", str(keys)).exit_code == 0, "the first key was retired, not revoked"
    with transaction() as s:
        assert signing.sign_launched(s, city) == 0
