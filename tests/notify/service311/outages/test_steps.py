"""What an outage does next, and whether residents are told: each case as a line."""

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from notify.service311.outages import steps
from notify.service311.outages.steps import Act, Missing, NotNow, Outage, State, Step, reminder_at, step

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2027, 1, 12, 15, tzinfo=UTC)


def at(hour: float) -> datetime:
    return NOW + timedelta(hours=hour)


OUT = Outage(State.OUT, None, at(3), at(3))
UNKNOWN = Outage(State.OUT)
NOTICED = Outage(State.NOTICED, at(24), at(28), at(28))
REMINDED = Outage(State.REMINDED, at(24), at(28), at(28))


@pytest.mark.parametrize(
    ("outage", "act", "times", "expected"),
    [
        (Outage(), Act.CONFIRM, {}, Step(UNKNOWN, "issue")),
        (Outage(), Act.CONFIRM, {"back_at": at(3)}, Step(OUT, "issue")),
        (UNKNOWN, Act.ESTIMATE, {"back_at": at(3)}, Step(OUT, "update")),
        (OUT, Act.ESTIMATE, {"back_at": at(3.49)}, Step(Outage(State.OUT, None, at(3.49), at(3)), None)),
        (OUT, Act.ESTIMATE, {"back_at": at(3.5)}, Step(Outage(State.OUT, None, at(3.5), at(3.5)), "update")),
        (OUT, Act.ESTIMATE, {"back_at": at(2.01)}, Step(Outage(State.OUT, None, at(2.01), at(3)), None)),
        (OUT, Act.ESTIMATE, {"back_at": at(2)}, Step(Outage(State.OUT, None, at(2), at(2)), "update")),
        (OUT, Act.RESTORE, {}, Step(Outage(State.RESTORED, None, at(3), at(3)), "all-clear")),
        (Outage(), Act.NOTICE, {"begins_at": at(24), "back_at": at(28)}, Step(NOTICED, "issue")),
        (NOTICED, Act.REMIND, {}, Step(REMINDED, "update")),
        (REMINDED, Act.BEGIN, {}, Step(Outage(State.OUT, at(24), at(28), at(28)), "update")),
        (NOTICED, Act.POSTPONE, {}, Step(Outage(State.POSTPONED), "update")),
        (
            REMINDED, Act.POSTPONE, {"begins_at": at(48), "back_at": at(52)},
            Step(Outage(State.NOTICED, at(48), at(52), at(52)), "update"),
        ),
        (
            Outage(State.POSTPONED), Act.NOTICE, {"begins_at": at(48)},
            Step(Outage(State.NOTICED, at(48)), "update"),
        ),
        (OUT, Act.GROW, {}, Step(OUT, "issue")),
        (REMINDED, Act.GROW, {}, Step(REMINDED, "issue")),
        (Outage(State.POSTPONED), Act.CLOSE, {}, Step(Outage(State.RESTORED), None)),
    ],
)  # fmt: skip
def test_each_act_leads_on(outage: Outage, act: Act, times: dict[str, datetime], expected: Step) -> None:
    assert step(outage, act, NOW, **times) == expected


def test_small_steps_are_told_once_they_add_up() -> None:
    outage: Outage = OUT
    told: list[str | None] = []
    for hour in (3.2, 3.4, 3.6, 3.8):
        found = step(outage, Act.ESTIMATE, NOW, back_at=at(hour))
        outage, told = found.outage, [*told, found.message]
    assert told == [None, None, "update", None]


def test_any_estimate_is_told_once_the_last_one_has_passed() -> None:
    assert step(OUT, Act.ESTIMATE, at(3), back_at=at(3.1)).message == "update"


@pytest.mark.parametrize(
    ("outage", "act", "times", "name"),
    [
        (UNKNOWN, Act.ESTIMATE, {}, "back_at"),
        (UNKNOWN, Act.ESTIMATE, {"back_at": NOW}, "back_at"),
        (Outage(), Act.NOTICE, {}, "begins_at"),
        (Outage(), Act.NOTICE, {"begins_at": NOW}, "begins_at"),
        (Outage(), Act.NOTICE, {"begins_at": at(5), "back_at": at(5)}, "back_at"),
        (Outage(State.NOTICED, at(24)), Act.BEGIN, {}, "back_at"),
    ],
)
def test_a_time_that_is_missing_is_named(outage: Outage, act: Act, times: dict[str, datetime], name: str) -> None:
    with pytest.raises(Missing) as caught:
        step(outage, act, NOW, **times)
    assert caught.value.args == (name,)


@pytest.mark.parametrize(
    ("begins", "now", "expected"),
    [
        ("2027-01-14T08:00", "2027-01-12T10:00", "2027-01-13T18:00"),
        ("2027-01-14T23:30", "2027-01-12T10:00", "2027-01-13T18:00"),  # the evening before, not hours before
        ("2027-03-14T08:00", "2027-03-12T10:00", "2027-03-13T18:00"),  # the clocks change in that night
        ("2027-01-13T08:00", "2027-01-12T11:59", "2027-01-12T18:00"),
        ("2027-01-13T08:00", "2027-01-12T12:01", None),  # the notice is hardly read
        ("2027-01-13T08:00", "2027-01-12T20:00", None),
    ],
)
def test_the_reminder_comes_the_evening_before(begins: str, now: str, expected: str | None) -> None:
    def here(said: str) -> datetime:
        return datetime.fromisoformat(said).replace(tzinfo=ZONE)

    assert reminder_at(here(begins), here(now), ZONE) == (expected and here(expected))


def test_nothing_else_follows() -> None:
    times = {"begins_at": at(48), "back_at": at(52)}
    refused = set()
    for act, state in product(Act, State):
        try:
            step(Outage(state, at(24), at(28), at(28)), act, NOW, **times)
        except NotNow:
            refused.add((act, state))
    assert len(refused) == len(Act) * len(State) - 14
    assert {(act, State.RESTORED) for act in Act} <= refused
    assert steps.matters(None, at(1), NOW)
