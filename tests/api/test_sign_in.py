"""Signing in to the console, and the sessions that it begins."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pyotp
import pytest

from notify.accounts import links, passwords
from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.people import PASSWORD, Person, joined, sign_in
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def maria(door: httpx.Client) -> Person:
    return joined()


def test_the_console_asks_who_is_there_and_leads_back(door: httpx.Client, maria: Person) -> None:
    answer = door.get("/console/alerts/3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole%2Falerts%2F3")
    inside = sign_in(door, maria.form(next="/console/alerts/3"))
    assert (inside.status_code, inside.headers["location"]) == (303, "/console/alerts/3")
    assert maria.email in door.get("/console").text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/consolex", "/alerts/1", "/console/\\x"]
)
def test_sign_in_leads_nowhere_else(door: httpx.Client, maria: Person, elsewhere: str) -> None:
    assert sign_in(door, maria.form(next=elsewhere)).headers["location"] == "/console"


def test_the_cookies_are_for_us_alone(door: httpx.Client, maria: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    session, device = sign_in(door, maria.form()).headers.get_list("set-cookie")
    for cookie, name, seconds in ((session, "tocsin", 86_400), (device, "tocsin-device", 31_536_000)):
        for attribute in (f"{name}=", "HttpOnly", "SameSite=strict", f"Max-Age={seconds}", "Path=/"):
            assert attribute in cookie
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://alerts.example.org")
    settings.cache_clear()
    for cookie in sign_in(door, maria.form()).headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-tocsin")
        assert "Secure" in cookie


def test_what_is_wrong_is_not_said(door: httpx.Client, maria: Person) -> None:
    """Nor by the words, nor by the status, nor by what is set."""
    with transaction() as s:
        factories.operator(s, "author", "invited@example.gov", now=datetime.now(UTC))  # who has not joined yet
    wrong = [
        maria.form(password="granite lantern eighteen"),
        maria.form(code="000000"),
        maria.form(code=maria.code()[:5]),
        maria.form(code=""),
        maria.form(email="nobody@example.gov"),
        maria.form(email="invited@example.gov"),
        maria.form(email="not an email"),
        maria.form(password=""),
        maria.form(password="x" * 5_000),
        {},
    ]
    answers = [sign_in(door, form) for form in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert all("The email, the password or the code is wrong." in answer.text for answer in answers)
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert asked.number("SELECT count(*) FROM sessions") == 0
    assert PASSWORD not in "".join(answer.text for answer in answers)


def test_an_unknown_account_takes_a_hashing_too(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash that stands for nobody is a real one of the same cost."""
    assert not passwords.matches(None, PASSWORD)
    assert not passwords.is_outdated(passwords.NOBODY)
    assert passwords.NOBODY.count("$") == passwords.hashed(PASSWORD).count("$")


def test_a_code_works_once_and_no_earlier_one_after_it(door: httpx.Client, maria: Person) -> None:
    form = maria.form()
    assert sign_in(door, form).status_code == 303
    assert sign_in(door, form).status_code == 401
    earlier = pyotp.TOTP(maria.secret).at(datetime.now(UTC) - timedelta(seconds=30))
    assert sign_in(door, form | {"code": earlier}).status_code == 401


def test_one_code_signs_in_one_of_many_at_once(door: httpx.Client, maria: Person) -> None:
    form, answers = maria.form(), list[int]()

    def enter() -> None:
        with httpx.Client(base_url=door.base_url, timeout=60, trust_env=False) as client:
            answers.append(sign_in(client, form).status_code)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 401, 401, 401]


def test_a_code_may_be_written_as_apps_show_it(door: httpx.Client, maria: Person) -> None:
    code = maria.code()
    assert sign_in(door, maria.form(code=f" {code[:3]} {code[3:]} ")).status_code == 303


def test_a_recovery_code_replaces_the_app_once(door: httpx.Client, maria: Person) -> None:
    first, second, *_ = maria.recovery
    assert len(maria.recovery) == 10
    assert sign_in(door, maria.form(code=first)).status_code == 303
    assert sign_in(door, maria.form(code=first)).status_code == 401
    assert sign_in(door, maria.form(code=second.lower().replace("-", " "))).status_code == 303
    noted = asked.rows("SELECT operator_id, detail FROM audit WHERE action = 'recovery-code' ORDER BY id")
    assert [(row.operator_id, row.detail["left"]) for row in noted] == [(maria.id, 9), (maria.id, 8)]
    other = joined("ann@example.gov")
    assert sign_in(door, other.form(code=maria.recovery[2])).status_code == 401, "somebody else's"


def test_nothing_that_signs_in_can_be_read_in_the_database(door: httpx.Client, maria: Person) -> None:
    sign_in(door, maria.form())
    held = ""
    for table in (
        "sessions",
        "credentials",
        "recovery_codes",
        "known_devices",
        "sign_in_links",
        "sign_in_tries",
        "audit",
    ):
        held += "".join(row[0] for row in asked.rows(f"SELECT row_to_json(t)::text FROM {table} t"))
    secrets = [door.cookies["tocsin"], door.cookies["tocsin-device"], PASSWORD, maria.secret, maria.email]
    for secret in (*secrets, *maria.recovery, maria.recovery[0].replace("-", "")):
        assert secret not in held
    assert crypto.hash_key(door.cookies["tocsin"]).hex() in held


def test_a_hash_with_old_parameters_is_renewed_at_sign_in(door: httpx.Client, maria: Person) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    asked.do("UPDATE credentials SET password_hash = :old", old=old)
    assert sign_in(door, maria.form()).status_code == 303
    (kept,) = asked.rows("SELECT password_hash FROM credentials")
    assert kept[0] != old
    assert not passwords.is_outdated(kept[0])
    assert sign_in(door, maria.form()).status_code == 303


def test_signing_in_again_in_the_same_browser_ends_the_session_before(door: httpx.Client, maria: Person) -> None:
    sign_in(door, maria.form())
    before = door.cookies["tocsin"]
    sign_in(door, maria.form())
    assert door.get("/console").status_code == 200
    door.cookies.clear()
    assert door.get("/console", headers={"Cookie": f"tocsin={before}"}).status_code == 303


def _move(hours: str, *columns: str) -> None:
    for column in columns:
        as_owner(f"UPDATE sessions SET {column} = {column} - interval '{hours} hours'")


def test_a_session_ends_after_12_hours_without_use_and_24_in_all(at_desk: Desk) -> None:
    door = at_desk("author")
    _move("11.9", "began_at", "seen_at", "ends_at")
    assert door.get("/console").status_code == 200, "which is use"
    _move("11.9", "began_at", "seen_at", "ends_at")
    assert door.get("/console").status_code == 200
    _move("0.3", "began_at", "seen_at", "ends_at")
    assert door.get("/console").status_code == 303, "24 hours"
    at_desk("author")
    _move("12.1", "seen_at")
    assert door.get("/console").status_code == 303, "12 hours without use"


def test_a_page_that_refreshes_itself_is_no_use(at_desk: Desk) -> None:
    door = at_desk("author")
    _move("11.9", "seen_at")
    assert door.get("/console/alarms?seen=", headers={"HX-Request": "true"}).status_code in {200, 204}
    _move("0.3", "seen_at")
    assert door.get("/console").status_code == 303


def test_a_session_ends_at_once_when_its_operator_is_disabled(door: httpx.Client, at_desk: Desk) -> None:
    at_desk("author")
    asked.do("UPDATE operators SET disabled_at = now()")
    assert door.get("/console").status_code == 303


def test_a_training_link_signs_in_once_and_asks_before(door: httpx.Client) -> None:
    own = {"Origin": str(door.base_url).rstrip("/")}
    now = datetime.now(UTC)
    with transaction() as s:
        agent = factories.operator(s, "agent", now=now)
        path, stale = (links.make(s, agent, "training", at) for at in (now, now - timedelta(minutes=16)))
    for _ in range(2):
        looked = door.get(path)
        assert (looked.status_code, "set-cookie" in looked.headers) == (200, False), "a preview uses nothing up"
        assert "training city" in looked.text
    link = path.partition("=")[2]
    assert door.post("/console/enter", data={"link": link}).status_code == 403
    assert door.post("/console/enter", data={"link": link}, headers=own).headers["location"] == "/desk"
    assert "you are signed in by link as agent@tocsin.example.org" in door.get("/console").text
    for late, trouble in ((path, "has already been used"), (stale, "is too old")):
        page = door.get(late, headers={"Accept": "text/html"})
        assert page.status_code == 422
        assert trouble in page.text
    assert door.post("/console/enter", data={"link": link}, headers=own).status_code == 422


def test_training_links_and_sessions_are_void_where_real_messages_are_sent(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"Origin": str(door.base_url).rstrip("/")}
    now = datetime.now(UTC)
    with transaction() as s:
        used, fresh = (links.make(s, factories.operator(s, now=now), "training", now) for _ in range(2))
    door.post("/console/enter", data={"link": used.partition("=")[2]}, headers=own)
    assert door.get("/console").status_code == 200
    monkeypatch.delenv("TOCSIN_SIMULATOR_URL")
    settings.cache_clear()
    assert door.get("/console").status_code == 303
    assert door.get(fresh).status_code == 422
    assert door.post("/console/enter", data={"link": fresh.partition("=")[2]}, headers=own).status_code == 422
