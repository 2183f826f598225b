"""A link to join: a password, an app and recovery codes, once."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pyotp
import pytest

from notify.accounts import inviting, links, operators
from notify.core.db import transaction
from notify.core.errors import NotAllowed, Refused
from tests import factories
from tests.api import asked
from tests.api.people import PASSWORD, joined, sign_in

EMAIL = "new.chief@example.gov"


@pytest.fixture
def path(door: httpx.Client) -> str:
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    now = datetime.now(UTC)
    with transaction() as s:
        return links.make(s, operators.add(s, EMAIL, "admin", now), "join", now)


def secret_on(page: str) -> str:
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)
    assert found
    return found[1].replace(" ", "")


def join(door: httpx.Client, path: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
    code = code or pyotp.TOTP(secret_on(door.get(path).text)).now()
    return door.post("/console/join", data={"link": path.partition("=")[2], "password": password, "code": code})


def test_the_first_administrator_joins_by_link_and_is_signed_in(door: httpx.Client, path: str) -> None:
    page = door.get(path)
    assert EMAIL in page.text
    assert "<svg" in page.text
    assert 'autocomplete="one-time-code"' in page.text
    assert 'autocomplete="new-password"' in page.text
    assert secret_on(door.get(path).text) == secret_on(page.text), "a reload shows the same"
    secret = secret_on(page.text)
    done = join(door, path)
    assert done.status_code == 200
    codes = re.findall(r"<code>((?:[A-Z2-7]{4}-){5}[A-Z2-7]{4})</code>", done.text)
    assert len(set(codes)) == 10
    assert door.get("/console").status_code == 200
    door.cookies.clear()
    again = {"email": EMAIL.upper(), "password": PASSWORD, "code": codes[3]}
    assert sign_in(door, again).status_code == 303
    assert pyotp.TOTP(secret).now()
    assert [row.action for row in asked.rows("SELECT action FROM audit WHERE action = 'join'")] == ["join"]


def test_a_link_works_once(door: httpx.Client, path: str) -> None:
    code = pyotp.TOTP(secret_on(door.get(path).text)).now()
    assert join(door, path, code=code).status_code == 200
    assert join(door, path, "quite another password", code).status_code == 422
    page = door.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 422
    assert "has already been used" in page.text
    assert "tocsin operators invite" in page.text


def test_a_link_ends_after_three_days_with_a_newer_one_and_with_its_operator(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        operator = operators.add(s, EMAIL, "author", now)
        old = links.make(s, operator, "join", now - timedelta(days=3, minutes=1))
    assert "is too old" in door.get(old).text
    with transaction() as s:
        first, second = (links.make(s, operator, "join", now) for _ in range(2))
    assert door.get(first).status_code == 422
    assert door.get(second).status_code == 200
    with transaction() as s:
        operators.add(s, "chief@example.gov", "admin", now)
        operators.disable(s, EMAIL, now)
    assert door.get(second).status_code == 422
    assert door.get("/console/join?link=forged").status_code == 422
    assert door.get("/console/join").status_code == 422


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "has 5 characters; it needs at least 8"),
        ("new.chief@example.gov!", "contains &#39;new.chief@example.gov&#39;"),
        ("my new.chief word", "contains &#39;new.chief&#39;"),
        ("City of Tocsin 2027 x", "contains &#39;city of tocsin&#39;"),
        ("password123", "is easily guessed"),
        ("aaaaaaaaaaaaaaa", "is easily guessed"),
        ("qwertyuiop", "is easily guessed"),
        ("x" * 300, "has 300 characters; the most is 256"),
    ],
)
def test_a_password_that_is_refused_leaves_the_link_good(
    door: httpx.Client, path: str, password: str, says: str
) -> None:
    refused = join(door, path, password)
    assert refused.status_code == 422
    assert says in refused.text
    assert password not in refused.text or "@" in password, "it is not repeated"
    assert secret_on(refused.text) == secret_on(door.get(path).text)
    assert asked.number("SELECT count(*) FROM credentials") == 0
    assert join(door, path).status_code == 200


@pytest.mark.parametrize(
    "password", ["żółw gęś jaźń łódź", "correct horse battery staple" * 6, "Tr0ub4dor&3xyz", "九月の雨と古い傘の話"]
)
def test_any_characters_make_a_password(door: httpx.Client, path: str, password: str) -> None:
    assert join(door, path, password).status_code == 200


def test_a_letter_may_be_written_in_two_ways(door: httpx.Client, path: str) -> None:
    done = join(door, path, "caf\u00e9 granite lantern")
    code = re.findall(r"<code>((?:[A-Z2-7]{4}-){5}[A-Z2-7]{4})</code>", done.text)[0]
    form = {"email": EMAIL, "password": "cafe\u0301 granite lantern", "code": code}
    assert sign_in(door, form).status_code == 303


def test_a_wrong_code_leaves_the_link_good(door: httpx.Client, path: str) -> None:
    refused = join(door, path, code="000000")
    assert refused.status_code == 422
    assert "The code does not fit." in refused.text
    assert join(door, path).status_code == 200


def test_a_reset_voids_everything_and_gives_a_link(door: httpx.Client) -> None:
    maria, now = joined(), datetime.now(UTC)
    sign_in(door, maria.form())
    assert door.get("/console").status_code == 200
    with transaction() as s:
        chief = operators.add(s, "chief@example.gov", "admin", now)
        operator, link = inviting.reset(s, maria.email, now, chief)
    assert operator.id == maria.id
    assert door.get("/console").status_code == 303
    form = {"email": maria.email, "password": PASSWORD, "code": pyotp.TOTP(maria.secret).now()}
    assert sign_in(door, form).status_code == 401
    assert sign_in(door, form | {"code": maria.recovery[0]}).status_code == 401
    assert asked.number("SELECT count(*) FROM known_devices") == 0
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    assert join(door, link, "another granite lantern").status_code == 200
    assert sign_in(door, form | {"code": maria.recovery[0]}).status_code == 401


def test_only_admins_invite_and_reset_and_an_invitation_is_no_reset(door: httpx.Client) -> None:
    maria, now = joined(), datetime.now(UTC)
    with transaction() as s:
        author = factories.operator(s, "author", now=now)
        for act in (inviting.invite, inviting.reset):
            with pytest.raises(NotAllowed):
                act(s, maria.email, now, author)
        with pytest.raises(Refused, match="has joined already"):
            inviting.invite(s, maria.email, now, factories.operator(s, "admin", now=now))
        _, link = inviting.invite(s, author.email, now, factories.operator(s, "admin", now=now))
    assert door.get(link).status_code == 200
