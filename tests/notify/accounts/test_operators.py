"""What each role and key may do, who is left to administer, and how long a key or a sign-in link is good."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from notify.accounts import operator_limits, operators
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.models import Operator
from tests.database import sql
from tests.factories import NOW, operator
from tests.waiting import until

Leave = Callable[[Session, str, datetime], object]
COLLECTIONS = {"draft collection", "publish collection"}
STAFF = COLLECTIONS | {"approve alone", "note", "draft", "launch", "stop", "count", "resolve"}


def last_audit(action: str) -> tuple[str, dict[str, object]]:
    """Of which kind of thing the last one of this action was, and its details."""
    (row,) = sql("SELECT subject, detail FROM audit WHERE action = :action ORDER BY id DESC LIMIT 1", action=action)
    return row.subject, row.detail


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("author", STAFF),
        ("approver", STAFF | {"approve", "roster", "break-glass", "audit", "words", "collections"}),
        ("agent", COLLECTIONS | {"collections", "note", "serve"}),
        ("admin", STAFF | {"approve", "roster", "break-glass", "audit", "words", "serve", "administer", "collections"}),
    ],
)
def test_a_role_may_do_this_and_no_more(role: str, acts: set[str]) -> None:
    somebody = Operator(email="tom@example.org", role=role)
    assert {act for act in operators.MAY if operators.may(somebody, act)} == acts


def test_a_refusal_says_who_may() -> None:
    with pytest.raises(NotAllowed, match=r"tom@example\.org has the role author and may not approve") as refused:
        operators.require(Operator(email="tom@example.org", role="author"), "approve")
    assert refused.value.hint == "Ask somebody with one of these roles: admin, approver."


def test_a_key_may_do_what_its_scopes_and_its_operators_role_both_allow() -> None:
    author = Operator(email="tom@example.org", role="author")
    author.key_scopes = frozenset({"draft", "approve"})
    assert {act for act in operators.MAY if operators.may(author, act)} == {
        "draft",
        "draft collection",
        "approve alone",
    }
    with pytest.raises(NotAllowed, match=r"This key may not launch alerts: its scopes are approve, draft\.") as refused:
        operators.require(author, "launch")
    assert "--scope launch" in refused.value.hint


def test_a_role_that_is_not_known_is_given_to_nobody(s: Session) -> None:
    tom = operators.add(s, "tom@example.org", "author", NOW)
    for give in (operators.add, operators.change_role):
        with pytest.raises(Invalid, match="There is no role 'king'") as refused:
            give(s, "tom@example.org", "king", NOW)
        assert refused.value.hint == f"Roles are: {', '.join(operators.ROLES)}."
    assert tom.role == "author"


def test_only_keys_of_somebody_who_leaves_are_revoked_and_none_twice(s: Session) -> None:
    operator(s)
    tom, ann = (operators.add(s, f"{name}@example.org", "author", NOW) for name in ("tom", "ann"))
    for name, acts_for in (("old", tom), ("laptop", tom), ("script", tom), ("other", ann), ("dashboard", None)):
        operators.add_key(s, name, NOW, acts_for)
    operators.revoke_key(s, "old", NOW - timedelta(days=1))
    left, revoked, _ = operators.disable(s, "tom@example.org", NOW)
    assert (left, revoked, tom.disabled_at) == (tom, 2, NOW)
    assert {key.name: key.revoked_at for key in operators.all_keys(s)} == {
        "old": NOW - timedelta(days=1), "laptop": NOW, "script": NOW, "other": None, "dashboard": None
    }  # fmt: skip


@pytest.mark.parametrize("email", ["nobody@example.org", "not an email"])
def test_an_operator_who_is_not_known_is_not_found(s: Session, email: str) -> None:
    for do in (operators.find, lambda *of: operators.disable(*of, NOW), lambda *of: operators.enable(*of, NOW)):
        with pytest.raises(NotFound, match=email):
            do(s, email)


def test_somebody_who_has_come_back_has_the_role_of_before(s: Session) -> None:
    operator(s)
    operators.add(s, "tom@example.org", "approver", NOW)
    with pytest.raises(Invalid, match="is not disabled"):
        operators.enable(s, "tom@example.org", NOW)
    operators.disable(s, "tom@example.org", NOW)
    assert operators.enable(s, "tom@example.org", NOW).role == "approver"
    assert operators.find(s, "tom@example.org").disabled_at is None


@pytest.mark.parametrize("leave", [operators.disable, lambda s, who, now: operators.change_role(s, who, "author", now)])
def test_two_admins_who_leave_at_once_do_not_leave_the_city_without_one(database: str, leave: Leave) -> None:
    emails = ["one@example.org", "two@example.org"]
    with transaction() as s:
        for email in emails:
            operators.add(s, email, "admin", NOW)

    def leaves(email: str) -> None:
        with transaction() as s:
            leave(s, email, NOW)

    with ThreadPoolExecutor(1) as other:
        with transaction() as s:
            leave(s, emails[0], NOW)
            second = other.submit(leaves, emails[1])
            until(lambda: second.done() or waits_for_a_lock(), 60, "the second waits for the first")
        with pytest.raises(Refused, match="is the last admin"):
            second.result(60)


def waits_for_a_lock() -> bool:
    return bool(sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))


def test_a_key_is_kept_as_its_hash_and_found_by_its_secret(s: Session) -> None:
    tom = operators.add(s, "tom@example.org", "author", NOW)
    secret = operators.add_key(s, "lap\u200btop", NOW, tom, ["read", "draft", "read"])
    key = operators.find_key(s, secret)
    assert key is not None
    assert (key.name, key.scopes, operators.of_key(s, key)) == ("laptop", ["draft", "read"], tom)
    assert secret.encode() not in key.key_hash
    assert operators.find_key(s, secret + "x") is None
    assert operators.find_key(s, key.key_hash.hex()) is None
    operators.revoke_key(s, "laptop", NOW)
    assert operators.find_key(s, secret) is None


@pytest.mark.parametrize(
    ("name", "acts", "scopes", "says"),
    [
        ("k", True, ["read", "draft collection"], "There is no scope 'draft collection'"),
        ("k", False, ["read", "draft"], "acts for nobody may only read"),
        ("\u200b ", True, [], "needs a name"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(s: Session, name: str, acts: bool, scopes: list[str], says: str) -> None:
    tom = operators.add(s, "tom@example.org", "author", NOW)
    with pytest.raises(Invalid, match=says):
        operators.add_key(s, name, NOW, tom if acts else None, scopes)
    assert operators.all_keys(s) == []


def test_a_key_that_acts_for_nobody_may_read(s: Session) -> None:
    for name, scopes in (("dashboard", []), ("wall", ["read"])):
        key = operators.find_key(s, operators.add_key(s, name, NOW, None, scopes))
        assert key is not None
        assert operators.of_key(s, key) is None


def test_an_admin_can_prove_to_be_one_as_long_as_a_key_of_theirs_lives(s: Session) -> None:
    chief, boss = (operators.add(s, f"{name}@example.org", "admin", NOW) for name in ("chief", "boss"))
    operators.add_key(s, "laptop", NOW, operators.add(s, "tom@example.org", "author", NOW))
    assert not operators.an_admin_has_a_key(s), "an author's is none"
    operators.add_key(s, "chief", NOW, chief)
    assert operators.an_admin_has_a_key(s)
    operators.revoke_key(s, "chief", NOW)
    assert not operators.an_admin_has_a_key(s)
    operators.add_key(s, "boss", NOW, boss)
    operators.change_role(s, boss.email, "approver", NOW)
    assert not operators.an_admin_has_a_key(s)


def test_every_change_of_staff_and_keys_is_in_the_audit(database: str) -> None:
    with transaction() as s:
        chief = operators.add(s, "chief@example.org", "admin", NOW)
    assert last_audit("add") == ("operator", {"role": "admin"})
    with transaction() as s:
        operators.add(s, "tom@example.org", "author", NOW, chief)
        operators.change_role(s, "tom@example.org", "agent", NOW, chief)
        operator_limits.change(s, operators.find(s, "tom@example.org"), NOW, chief, contacts=5)
        operators.add_key(s, "laptop", NOW, operators.find(s, "tom@example.org"), by=chief)
        operators.disable(s, "tom@example.org", NOW, chief)
        operators.enable(s, "tom@example.org", NOW, chief)
        tom = operators.find(s, "tom@example.org").id
    told = {
        row.action: row.detail for row in sql("SELECT * FROM audit WHERE operator_id = :by ORDER BY id", by=chief.id)
    }
    assert told == {
        "add": {"name": "laptop", "acts_for": tom},
        "role": {"before": "author", "role": "agent"},
        "limit": {"contacts": 5, "topics": None, "zones": None, "hours": None},
        "revoke": {"name": "laptop"},
        "disable": {},
        "enable": {"role": "agent"},
    }


def test_every_refusal_has_its_words() -> None:
    assert operators.MAY_NOT.keys() == operators.MAY.keys()
