"""Administrators look after accounts in the console."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from notify.accounts import staff
from notify.core.db import transaction
from notify.core.errors import NotAllowed
from tests import factories
from tests.api import asked
from tests.api.people import joined, sign_in

Desk = Callable[[str], httpx.Client]


def link_on(page: str) -> str:
    found = re.search(r'<code class="secret">(\S+/console/join\?link=[\w-]+)</code>', page)
    assert found
    return found[1]


def test_an_invited_operator_joins_by_the_link_that_is_shown_once(at_desk: Desk) -> None:
    door = at_desk("admin")
    added = door.post("/console/operators", data={"email": "Tom@Example.gov", "role": "approver"})
    link = link_on(added.text)
    assert door.get(link).status_code == 200
    number = asked.number("SELECT id FROM operators WHERE email = 'tom@example.gov'")
    shown = door.get(f"/console/operators/{number}").text
    assert "invited" in shown
    assert "/console/join" not in shown
    newer = link_on(door.post(f"/console/operators/{number}/invite").text)
    assert door.get(link).status_code == 422
    assert door.get(newer).status_code == 200
    listed = door.get("/console/operators").text
    assert "tom<wbr>@example.<wbr>gov" in listed, "a long one breaks before its @ and after its dots"


def test_accounts_of_the_training_city_are_called_so(at_desk: Desk) -> None:
    shown = at_desk("admin").get("/console/operators").text
    assert "training account" in shown
    assert "not joined" not in shown
    number = asked.number("SELECT id FROM operators WHERE email = 'admin@tocsin.example.org'")
    page = at_desk("admin").get(f"/console/operators/{number}").text
    assert "needs no invitation" in page
    assert "/invite" not in page


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"email": "admin@tocsin.example.org", "role": "author"}, "is already an operator"),
        ({"email": "not an email", "role": "author"}, "cannot be an operator&#39;s email"),
        ({"email": "tom@example.gov", "role": "king"}, "There is no role &#39;king&#39;"),
        ({}, "There is no role"),
    ],
)
def test_what_cannot_be_added_is_said_on_the_page(at_desk: Desk, form: dict[str, str], says: str) -> None:
    answer = at_desk("admin").post("/console/operators", data=form)
    assert answer.status_code == 422
    assert says in answer.text


def test_a_role_changes_at_once_and_the_last_admin_stays(at_desk: Desk) -> None:
    door = at_desk("admin")
    own = asked.number("SELECT id FROM operators")
    for act, form in (("role", {"role": "author"}), ("disable", {})):
        refused = door.post(f"/console/operators/{own}/{act}", data=form)
        assert refused.status_code == 409
        assert "is the last admin" in refused.text
    with transaction() as s:
        tom = factories.operator(s, "author", "tom@example.gov", now=datetime.now(UTC)).id
    assert door.post(f"/console/operators/{tom}/role", data={"role": "admin"}).status_code == 303
    assert door.post(f"/console/operators/{own}/role", data={"role": "author"}).status_code == 303
    assert door.get("/console/operators").status_code == 403


def test_who_is_disabled_or_reset_is_out_at_once(door: httpx.Client, at_desk: Desk) -> None:
    maria = joined(role="approver")
    with httpx.Client(base_url=door.base_url, timeout=60, trust_env=False) as hers:
        console = at_desk("admin")
        for act in ("end-sessions", "reset", "disable"):
            if act == "disable":
                maria = joined(role="approver")
            assert sign_in(hers, maria.form()).status_code == 303
            assert hers.get("/console").status_code == 200
            assert console.post(f"/console/operators/{maria.id}/{act}").status_code in {200, 303}
            assert hers.get("/console").status_code == 303, act
    assert sign_in(door, maria.form()).status_code == 401
    assert "disabled" in console.get(f"/console/operators/{maria.id}").text
    assert console.post(f"/console/operators/{maria.id}/enable").status_code == 303
    assert console.get("/console/operators/99999").status_code == 404


def test_only_admins_see_and_do_any_of_it(database: str) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        for role in ("author", "approver", "agent"):
            by = factories.operator(s, role, now=now)
            with pytest.raises(NotAllowed):
                staff.members(s, by, now)
            with pytest.raises(NotAllowed):
                staff.end_sessions(s, by.email, now, by)


def test_sessions_are_listed_and_ended_from_elsewhere(door: httpx.Client) -> None:
    maria, agent = (
        joined(),
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19 Safari/604.1",
    )
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    with httpx.Client(base_url=door.base_url, headers={"User-Agent": agent}, timeout=60, trust_env=False) as phone:
        sign_in(phone, maria.form())
        sign_in(door, maria.form())
        page = door.get("/console/you").text
        assert "Safari on iPhone" in page
        other = joined("ann@example.gov")
        with httpx.Client(base_url=door.base_url, headers=door.headers, timeout=60, trust_env=False) as anns:
            sign_in(anns, other.form())
            number = asked.number("SELECT id FROM sessions WHERE device = 'Safari on iPhone'")
            anns.post(f"/console/you/sessions/{number}/end")
            assert phone.get("/console").status_code == 200, "not somebody else's"
        door.post(f"/console/you/sessions/{number}/end")
        assert phone.get("/console").status_code == 303
        sign_in(phone, maria.form())
        door.post("/console/you/sessions/end-others")
        assert phone.get("/console").status_code == 303
    assert door.get("/console").status_code == 200


def test_a_new_password_signs_out_everywhere_else(door: httpx.Client) -> None:
    maria = joined()
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    with httpx.Client(base_url=door.base_url, timeout=60, trust_env=False) as elsewhere:
        sign_in(elsewhere, maria.form())
        sign_in(door, maria.form())
        assert door.post("/console/you/password", data={"password": "password1"}).status_code == 422
        assert elsewhere.get("/console").status_code == 200
        assert door.post("/console/you/password", data={"password": "violet harbour ninety"}).status_code == 303
        assert elsewhere.get("/console").status_code == 303
    assert door.get("/console").status_code == 200
    assert sign_in(door, maria.form()).status_code == 401
    assert sign_in(door, maria.form(password="violet harbour ninety")).status_code == 303


def test_new_recovery_codes_void_the_old_ones(door: httpx.Client) -> None:
    maria = joined()
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    sign_in(door, maria.form())
    page = door.post("/console/you/recovery-codes").text
    codes = re.findall(r"<code>((?:[A-Z2-7]{4}-){5}[A-Z2-7]{4})</code>", page)
    assert len(codes) == 10
    assert sign_in(door, maria.form(code=maria.recovery[0])).status_code == 401
    assert sign_in(door, maria.form(code=codes[0])).status_code == 303
