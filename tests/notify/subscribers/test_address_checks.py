"""Once a year: do you still live there? And who cannot be reached at all."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.contract import Inbound
from notify.core import crypto
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.inbound.messages import receive
from notify.subscribers import address_checks, addresses, import_csv, questions, reassigned, unreachable
from tests import texting
from tests.database import sql
from tests.factories import NOW, Resident, operator, resident

YEAR = address_checks.ASKED_EVERY


@pytest.fixture(autouse=True)
def _town(database: str) -> None:
    texting.town(NOW)


def somebody(*, days_ago: int = 400, address: str = "120 Main St", email: str | None = None, **more: str) -> Resident:
    with transaction() as s:
        tom = resident(s, now=NOW - timedelta(days=days_ago), email=email, **more)
        sealed = crypto.seal(address, "address")
        s.execute(text("UPDATE places SET address_sealed = :a WHERE subscriber_id = :id"), {"a": sealed, "id": tom.id})
        # Heard of last week, so that the number is still theirs.
        s.execute(text("UPDATE contacts SET verified_at = :at WHERE subscriber_id = :id"), {"id": tom.id, "at": NOW})
    return tom


def ask(most: int = 100, days: int = 0) -> int:
    with transaction() as s:
        return address_checks.ask_due(s, NOW + timedelta(days=days), most)


def place_asked_about(s: Session, tom: Resident) -> str:
    about = questions.waiting(s, "sms", addresses.index("sms", tom.phone), NOW)
    return str((about or {}).get("place"))


def answer(tom: Resident, words: str) -> str:
    with transaction() as s:
        return receive(s, "twilio", Inbound(tom.phone, "+15555550100", words, f"SM{words}", ""), NOW).text or ""


def answers() -> list[tuple[str | None]]:
    return [tuple(row) for row in sql("SELECT answer FROM address_checks ORDER BY id")]


def test_who_has_been_here_for_a_year_is_asked_once_a_year() -> None:
    tom = somebody()
    somebody(days_ago=300)
    assert [ask(), ask(days=1), ask(days=300)] == [1, 0, 1], "the second is due once a year has gone"
    with transaction() as s:
        assert place_asked_about(s, tom) == "120 Main St"
    assert sql("SELECT DISTINCT text FROM direct_messages") == [
        ("Tocsin city alerts: still at {place}? Reply YES, or your new address with number and street. STOP to end.",)
    ], "no address lies open"
    answer(tom, "YES")
    assert ask(days=YEAR.days) == 1


def test_a_number_that_may_have_changed_hands_does_not_read_the_house() -> None:
    tom = somebody()
    sql("UPDATE contacts SET verified_at = :at WHERE id = :id", at=NOW - timedelta(days=60), id=tom.sms)
    ask()
    with transaction() as s:
        assert place_asked_about(s, tom) == "Main St"


def test_who_is_in_the_middle_of_something_else_is_asked_another_day() -> None:
    tom = somebody()
    answer(tom, "JOIN")
    assert ask() == 0
    answer(tom, "no")
    assert ask() == 1


def test_no_more_than_the_day_s_share_is_asked() -> None:
    for _ in range(3):
        somebody()
    assert [ask(2), ask(2), ask(2)] == [2, 1, 0]


def test_yes_and_a_new_address_are_noted() -> None:
    tom, ann = somebody(), somebody()
    ask()
    assert "Nothing changes" in answer(tom, "yes")
    assert "you get alerts for" in answer(ann, "7 Elm St")
    assert answers() == [("same",), ("moved",)]


def test_who_left_or_may_not_be_written_to_is_not_asked() -> None:
    tom = somebody()
    answer(tom, "please stop texting me")
    somebody(verified=False)  # type: ignore[arg-type]
    sql("UPDATE contacts SET verified_at = NULL WHERE subscriber_id <> :id", id=tom.id)
    assert ask() == 0


def test_who_is_silent_is_asked_by_email_whose_link_says_yes() -> None:
    tom = somebody(email="")
    ask()
    assert [ask(days=13), ask(days=15), ask(days=16)] == [0, 1, 0]
    token = crypto.sign_token(address_checks.PURPOSE, "2")
    later = NOW + timedelta(days=16)
    with transaction() as s:
        assert address_checks.describe(s, token, later).address == "120 Main St"
    with transaction() as s:
        about = questions.waiting(s, "email", addresses.index("email", tom.email), later)
        assert f"/still/{token}" in str((about or {}).get("place"))
        address_checks.confirm(s, token, later)
    assert answers() == [(None,), ("same",)]
    with transaction() as s, pytest.raises(NotFound):
        address_checks.confirm(s, token, later)


def test_a_reassigned_number_gets_nothing_and_an_old_list_does_not_bring_it_back(tmp_path: Path) -> None:
    tom, ann = somebody(), somebody()
    with transaction() as s:
        by = operator(s, "admin")
        done = reassigned.drop(s, ["phone,date\n", f"{tom.phone},2027-01-01\n", "12\n", "+12155550000\n"], NOW, by)
    assert (done.lines, done.known, done.bad) == (3, 1, [3])
    assert sql("SELECT id FROM contacts WHERE verified_at IS NOT NULL") == [(ann.sms,)]
    noted = sql("SELECT act, reason, how FROM address_ledger WHERE contact_id = :id", id=tom.sms)
    assert noted == [("suppressed", "reassigned", reassigned.HOW)]
    for day, verified in (("2026-12-01", 1), ("2027-01-13", 2)):
        list_of = tmp_path / f"{day}.csv"
        head = "phone,topics,lon,lat,consent_at,consent_how"
        list_of.write_text(f"{head}\n{tom.phone},storm,0.5,0.5,{day},web form\n", encoding="utf-8")
        assert import_csv(list_of, NOW + timedelta(days=3)).kept == 1
        assert sql("SELECT count(*) FROM contacts WHERE verified_at IS NOT NULL") == [(verified,)], day


def test_who_has_a_reassigned_number_now_sees_nothing_of_who_had_it() -> None:
    tom = somebody()
    with transaction() as s:
        reassigned.drop(s, [tom.phone], NOW, operator(s, "admin"))
    assert "not that it is yours" in answer(tom, "AM I ON")


def listed() -> list[str]:
    with transaction() as s:
        return list(unreachable.list_csv(s, NOW + timedelta(days=60)))[1:]


def test_the_list_of_the_unreachable_has_who_failed_was_reassigned_or_stayed_silent() -> None:
    bounced, silent, left, fine = (somebody(address=f"{n} Main St") for n in range(1, 5))
    dropped = somebody(address="5 Main St")
    ask()
    answer(left, "please stop texting me")
    answer(fine, "yes")
    with transaction() as s:
        s.execute(
            text("INSERT INTO suppressions (channel, address_index, reason, at) VALUES ('sms', :i, 'invalid', :now)"),
            {"i": addresses.index("sms", bounced.phone), "now": NOW},
        )
        reassigned.drop(s, [dropped.phone], NOW, operator(s, "admin"))
    assert listed() == [
        f"{bounced.id},1 Main St,home,en,invalid,2027-01-11\n",
        f"{silent.id},2 Main St,home,en,silent,2027-01-11\n",
        f"{dropped.id},5 Main St,home,en,reassigned,2027-01-11\n",
    ]
