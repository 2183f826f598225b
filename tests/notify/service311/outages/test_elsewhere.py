"""Alerts of an outage that were not written at the desk: the public list and the desk go by them, once they are out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from shapely import Point

from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.alerts.writing.drafting import Draft
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alert
from notify.service311.outages import kept, said
from notify.service311.outages.acting import Done, Where
from notify.service311.outages.said import Said
from notify.service311.outages.steps import Act, State
from tests import factories
from tests.notify.service311.outages.test_acting import HERE, NOW, THERE, act, at, grow, report, sent, town

BOTH = ("custom:Riverside", "custom:Harbor")


__all__ = ["town"]  # a fixture


def local(at: datetime) -> str:
    return at.astimezone(settings().tz).strftime("%Y-%m-%dT%H:%M")


def console(
    done: Done, phase: str = "update", hours: float = 1, zones: Sequence[str] = BOTH[:1], *, corrects: bool = False,
    lasts: float = 6, **blanks: str,
) -> Alert:  # fmt: skip
    """An alert of the incident that is written in a form of the console."""
    with transaction() as s:
        wanted = Draft(
            "outage", phase, zones=zones, blanks={"utility": "power", **blanks}, incident=done.outage.incident_id,
            expires_at=at(hours + lasts), corrects=corrects,
        )  # fmt: skip
        return drafting.draft(s, wanted, factories.operator(s, now=NOW), at(hours), settings())


def public(hours: float = 1) -> Said:
    with transaction() as s:
        (one,) = said.in_public(s, at(hours))
    return one.said


@pytest.mark.parametrize("corrects", [False, True])
def test_an_update_of_the_console_changes_what_is_public_once_it_is_out(corrects: bool) -> None:
    done = report(back_at=at(3))
    sent(done.alert)
    update = console(done, restore_by=local(at(8)), corrects=corrects)
    assert public().back_at == at(3), "it waits"
    sent(update, 1)
    now = public()
    assert (now.back_at, now.alert_id, now.apart) == (at(8), update.id, False)
    with transaction() as s:
        known = kept.shown(s, done.outage.id).known
    assert (known.state, known.back_at, known.told_back_at) == (State.OUT, at(8), at(8))


def test_the_desk_measures_its_next_estimate_by_what_the_console_said() -> None:
    done = report(back_at=at(3))
    sent(done.alert)
    sent(console(done, restore_by=local(at(8))), 1)
    assert act(done, Act.ESTIMATE, 1.5, back_at=at(8.25)).alert is None, "near to what residents were told"
    with transaction() as s:
        known = kept.shown(s, done.outage.id).known
        assert (known.back_at, known.told_back_at) == (at(8.25), at(8)), "the desk knows better since"
    assert public(2).back_at == at(8), "nobody was told"
    assert act(done, Act.ESTIMATE, 2, back_at=at(3.25)).alert is not None, "near to what was told before"


def test_an_update_without_a_time_takes_the_time_away() -> None:
    done = report(back_at=at(3))
    sent(done.alert)
    sent(console(done), 1)
    assert (public().state, public().back_at) == (State.OUT, None)


def test_planned_work_is_moved_and_postponed_by_the_console() -> None:
    done = report(begins_at=at(46), back_at=at(50))
    sent(done.alert)
    sent(console(done, starts=local(at(70)), restore_by=local(at(75)), news="moved", lasts=80), 1)
    assert (public().state, public().begins_at, public().back_at) == (State.NOTICED, at(70), at(75))
    sent(console(done, hours=2, news="postponed"), 2)
    assert (public(2).state, public(2).begins_at) == (State.POSTPONED, None)
    with transaction() as s:
        assert kept.shown(s, done.outage.id).known.state is State.POSTPONED
    act(done, Act.NOTICE, 3, begins_at=at(90))


def test_an_update_that_was_stopped_says_nothing() -> None:
    done = report(back_at=at(3))
    sent(done.alert)
    update = console(done, restore_by=local(at(8)))
    sent(update, 1)
    with transaction() as s:
        lifecycle.cancel(s, update.id, factories.operator(s, now=NOW), at(1.1))
    assert public(1.2).back_at == at(3)


@pytest.mark.parametrize(
    ("phase", "blanks"), [("update", {"restore_by": local(at(8))}), ("all-clear", {})], ids=["update", "all-clear"]
)
def test_what_holds_for_a_part_is_not_said_of_all_of_it(phase: str, blanks: dict[str, Any]) -> None:
    done = report(Where(BOTH), back_at=at(3))
    sent(done.alert)
    sent(console(done, phase, zones=BOTH[1:], **blanks), 1)
    now = public()
    assert (now.state, now.back_at, now.apart) == (State.OUT, at(3), True)
    with transaction() as s:
        one = kept.shown(s, done.outage.id)
        assert (one.known.state, one.known.back_at) == (State.OUT, at(3))
        assert one.name == "Riverside and Harbor"
        here, there = (said.said_at(one.told, Point(where).within, at(1)) for where in (HERE, THERE))
    assert here is not None
    assert here.back_at == at(3)
    assert there is not None
    assert (there.state, there.back_at) == ((State.OUT, at(8)) if phase == "update" else (State.RESTORED, None))
    assert not public(9).apart, "it is over, and holds nowhere"
    sent(act(done, Act.ESTIMATE, 2, back_at=at(6)).alert, 2)
    assert (public(2).back_at, public(2).apart) == (at(6), False), "all were told"


def test_an_estimate_that_only_the_added_part_was_told_is_not_said_of_all_of_it() -> None:
    done = report(back_at=at(3))
    sent(done.alert)
    act(done, Act.ESTIMATE, 0.1, back_at=at(3.25))
    assert (public().back_at, public().apart) == (at(3), False)
    sent(grow(done).alert, 0.5)
    assert (public().back_at, public().apart) == (at(3), True)
