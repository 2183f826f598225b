"""The owner of an account replaces the authenticator app, after a new proof."""

import re
from datetime import UTC, datetime

import httpx
import pyotp
import pytest

from notify.accounts import codes, operators
from notify.core.db import transaction
from tests.api import asked
from tests.api.people import Person, joined, sign_in
from tests.api.test_proof import STALE, proven
from tests.owner import as_owner

HERE = "/console/you/app"


@pytest.fixture
def maria(door: httpx.Client) -> Person:
    maria = joined()
    sign_in(door, maria.form())
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    return maria


def offered(page: str) -> str:
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)
    assert found
    return found[1].replace(" ", "")


def test_the_new_app_signs_in_and_the_old_one_does_not(door: httpx.Client, maria: Person) -> None:
    page = door.get(HERE).text
    secret = offered(page)
    assert 'class="qr"' in page
    assert offered(door.get(HERE).text) == secret, "a page that is loaded again offers the same"
    refused = door.post(HERE, data={"code": "000000"})
    assert (refused.status_code, "The code does not fit." in refused.text) == (422, True)
    assert offered(refused.text) == secret
    before = maria.form()["code"]
    new = pyotp.TOTP(secret)
    assert door.post(HERE, data={"code": new.now()}).status_code == 303
    assert offered(door.get(HERE).text) != secret, "the next one is another"
    assert sign_in(door, maria.form() | {"code": before}).status_code == 401
    as_owner("UPDATE credentials SET last_step = 0")
    assert sign_in(door, maria.form() | {"code": new.now()}).status_code == 303
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'app'") == 1


def test_it_asks_for_a_new_proof_which_a_recovery_code_gives(door: httpx.Client, maria: Person) -> None:
    secret = offered(door.get(HERE).text)
    with transaction() as s:
        who = operators.find(s, maria.email)
        recovery = codes.new_recovery_codes(s, who, datetime.now(UTC))[0]
    as_owner(STALE)
    form = {"code": pyotp.TOTP(secret).now()}
    asks = door.post(HERE, data=form)
    assert asks.status_code == 403
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'app'") == 0
    assert proven(door, asks.text, maria, **{"proof-code": recovery}).status_code == 303
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'app'") == 1


def test_it_signs_out_everywhere_else(door: httpx.Client, maria: Person) -> None:
    with httpx.Client(base_url=door.base_url, timeout=60) as other:
        as_owner("UPDATE credentials SET last_step = 0")
        sign_in(other, maria.form())
        assert other.get("/console/you").status_code == 200
        assert door.post(HERE, data={"code": pyotp.TOTP(offered(door.get(HERE).text)).now()}).status_code == 303
        assert other.get("/console/you").status_code == 303
    assert door.get("/console/you").status_code == 200
