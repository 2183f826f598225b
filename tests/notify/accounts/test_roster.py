"""The duty roster: duty is never left without a successor and a deputy."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from notify.accounts import operators, roster
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from tests.database import sql
from tests.factories import NOW, operator

pytestmark = pytest.mark.usefixtures("database")
HOUR = timedelta(hours=1)
ANN, BEN, CAT = "ann@example.org", "ben@example.org", "cat@example.org"


@pytest.fixture(autouse=True)
def _staff(database: str) -> None:
    with transaction() as s:
        for email in (ANN, BEN, CAT):
            operator(s, "approver", email)
        operator(s, "author")
        operator(s, "admin")


def on_duty(now: datetime = NOW) -> tuple[str, str] | None:
    with transaction() as s:
        present = roster.at(s, now).now
        return (present.operator.email, present.deputy.email) if present else None


def plan(who: str = ANN, deputy: str = BEN, start: timedelta = -HOUR, end: timedelta = 8 * HOUR, by: str = CAT) -> int:
    with transaction() as s:
        return roster.plan(s, who, deputy, NOW + start, NOW + end, operators.find(s, by), NOW).id


def take(email: str, now: datetime = NOW, **more: str) -> None:
    with transaction() as s:
        roster.take_over(s, operators.find(s, email), now, **more)


def hand(to: str, by: str = ANN, note: str = "All quiet.", seen: int | None = None, **more: str) -> None:
    with transaction() as s:
        roster.hand_over(s, to, operators.find(s, by), NOW, note, seen=seen, **more)


def test_who_is_on_duty_and_who_is_next() -> None:
    assert on_duty() is None
    plan()
    plan(CAT, ANN, 8 * HOUR, 16 * HOUR)
    with transaction() as s:
        present, following = roster.at(s, NOW)
    assert present is not None
    assert following is not None
    assert (present.operator.email, present.deputy.email, following.operator.email) == (ANN, BEN, CAT)
    assert on_duty(NOW + 8 * HOUR) == (CAT, ANN)
    assert on_duty(NOW + 16 * HOUR) is None


def test_people_are_asked_in_the_order_of_the_roster() -> None:
    with transaction() as s:
        everybody = [[one.email for one in group] for group in roster.order(s, NOW)]
    assert everybody == [["admin@tocsin.example.org", ANN, BEN, CAT]]
    plan(CAT, ANN)
    with transaction() as s:
        operators.disable(s, ANN, NOW)
        order = [[one.email for one in group] for group in roster.order(s, NOW)]
    assert order == [[CAT], ["admin@tocsin.example.org", BEN]], "who has left is not asked"


def test_taking_over_is_one_act_and_is_audited() -> None:
    plan()
    take(CAT, note="Ann is ill.")
    assert on_duty() == (CAT, ANN), "whoever is relieved deputises"
    assert on_duty(NOW + 8 * HOUR) is None, "for the rest of the shift"
    assert on_duty(NOW - HOUR) == (ANN, BEN), "who was on duty before stays on record"
    take(CAT, NOW + HOUR)
    (row,) = sql("SELECT detail FROM audit WHERE subject = 'duty' AND action = 'take over'")
    assert row.detail["operator"] == sql("SELECT id FROM operators WHERE email = :email", email=CAT)[0].id


def test_who_takes_over_from_nobody_serves_until_the_next_shift() -> None:
    plan(ANN, BEN, 3 * HOUR, 9 * HOUR)
    take(CAT)
    assert on_duty(NOW + 2 * HOUR) == (CAT, ANN)
    assert on_duty(NOW + 3 * HOUR) == (ANN, BEN)


def test_two_who_take_over_at_once_leave_one_on_duty() -> None:
    plan()
    with ThreadPoolExecutor(2) as both:
        list(both.map(take, (BEN, CAT)))
    present = on_duty()
    assert present in {(BEN, CAT), (CAT, BEN)}


def test_a_hand_over_needs_a_note_and_a_successor() -> None:
    plan()
    with pytest.raises(Invalid, match="no note"):
        hand(CAT, note=" \u200b ")
    with pytest.raises(NotFound):
        hand("nobody@example.org")
    with pytest.raises(Invalid, match="has the role author and cannot approve"):
        hand("author@tocsin.example.org")
    with pytest.raises(Refused, match=r"ann@example\.org is on duty, not you"):
        hand(CAT, by=BEN)
    assert on_duty() == (ANN, BEN)
    hand(CAT, note="The river is at 4 m.")
    assert on_duty() == (CAT, ANN)
    assert sql("SELECT note FROM duties ORDER BY id DESC LIMIT 1")[0].note == "The river is at 4 m."


def test_a_hand_over_from_an_old_page_is_refused_and_a_second_click_changes_nothing() -> None:
    first = plan()
    hand(CAT, seen=first)
    hand(CAT, seen=first)
    assert sql("SELECT count(*) AS n FROM audit WHERE action = 'hand over'")[0].n == 1
    with pytest.raises(Refused, match=r"cat@example\.org has taken over meanwhile"):
        hand(BEN, seen=first)


def test_duty_without_a_deputy_cannot_exist() -> None:
    with pytest.raises(Invalid, match="cannot deputise for themselves"):
        plan(ANN, ANN)
    with transaction() as s:
        for email in (BEN, CAT, "admin@tocsin.example.org"):
            operators.change_role(s, "admin@tocsin.example.org", "admin", NOW)
            if email != "admin@tocsin.example.org":
                operators.disable(s, email, NOW)
        operators.add(s, "other@example.org", "admin", NOW)
        operators.disable(s, "admin@tocsin.example.org", NOW)
        operators.add(s, "last@example.org", "admin", NOW)
        operators.disable(s, "other@example.org", NOW)
        operators.change_role(s, ANN, "author", NOW)
    with pytest.raises(Refused, match="Nobody could deputise"):
        take("last@example.org")


def test_over_a_shift_that_has_begun_another_advice_is_given_than_over_a_planned_one() -> None:
    plan()
    plan(BEN, CAT, 8 * HOUR, 12 * HOUR)
    with pytest.raises(Refused) as begun:
        plan(CAT, BEN, HOUR, 2 * HOUR)
    assert "hand the present one over" in (begun.value.hint or "")
    assert "off the roster" not in (begun.value.hint or "")
    with pytest.raises(Refused) as planned:
        plan(CAT, ANN, 9 * HOUR, 10 * HOUR)
    assert "take that shift off the roster first" in (planned.value.hint or "")


def test_shifts_never_overlap_whatever_the_code_does() -> None:
    plan()
    with pytest.raises(Refused, match=r"ann@example\.org is on duty at that time already"):
        plan(CAT, BEN, 7 * HOUR, 9 * HOUR)
    copy = "INSERT INTO duties (operator_id, deputy_id, starts_at, ends_at, made_at)"
    with pytest.raises(IntegrityError, match="one_at_a_time"), transaction() as s:
        s.execute(text(f"{copy} SELECT operator_id, deputy_id, starts_at, ends_at, made_at FROM duties"))


@pytest.mark.parametrize(
    ("start", "end", "match"),
    [(2 * HOUR, HOUR, "ends before"), (-3 * HOUR, -HOUR, "over already"), (HOUR, 1000 * HOUR, "longer than 31 days")],
)
def test_a_shift_has_a_sensible_length(start: timedelta, end: timedelta, match: str) -> None:
    with pytest.raises(Invalid, match=match):
        plan(start=start, end=end)


def test_a_planned_shift_can_be_taken_off_and_one_that_has_begun_cannot() -> None:
    present, later = plan(), plan(CAT, ANN, 8 * HOUR, 16 * HOUR)
    with transaction() as s:
        by = operators.find(s, BEN)
        roster.take_off(s, later, by, NOW)
        with pytest.raises(Refused, match="not on the roster any more"):
            roster.take_off(s, later, by, NOW)
        with pytest.raises(Refused, match="hand it over instead"):
            roster.take_off(s, present, by, NOW)
    assert on_duty(NOW + 9 * HOUR) is None
    plan(BEN, ANN, 8 * HOUR, 16 * HOUR)


def test_authors_only_read_the_roster() -> None:
    with transaction() as s:
        author = operators.find(s, "author@tocsin.example.org")
        for act in (
            lambda: roster.take_over(s, author, NOW),
            lambda: roster.hand_over(s, ANN, author, NOW, "note"),
            lambda: roster.plan(s, ANN, BEN, NOW, NOW + HOUR, author, NOW),
            lambda: roster.take_off(s, 1, author, NOW),
        ):
            with pytest.raises(NotAllowed, match="may not change the roster"):
                act()
