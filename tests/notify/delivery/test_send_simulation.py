"""How messages would leave: rates, several senders, what goes first, caps and their midnight."""

from datetime import UTC, datetime, timedelta

import pytest

from notify.delivery.send_simulation import SimulatedSender, messages_per_s, simulate
from notify.delivery.throttle import JITTER

NOON = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)  # at the Pacific, where midnight is 08:00 UTC
SLOW = 1 + JITTER


def after_s(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - NOON).total_seconds()


def test_a_rate_fits_so_many_messages_of_so_many_segments() -> None:
    assert messages_per_s(100, {1: 10}) == pytest.approx(100 / SLOW)
    assert messages_per_s(100, {3: 10}) == pytest.approx(33 / SLOW)
    assert messages_per_s(1, {2: 10}) == pytest.approx(0.5 / SLOW)
    assert messages_per_s(100, {}) == messages_per_s(100, {1: 0}) == pytest.approx(100 / SLOW)


def test_messages_of_different_cost_take_turns_until_the_rarest_is_through() -> None:
    """Grants of 25 and of 12 messages. How long they take in truth: `test_limits_arithmetic.py`."""
    mixed_s = (50 * 1 + 24 * 2) * SLOW / 99
    assert messages_per_s(100, {1: 50, 2: 24}) == pytest.approx(74 / mixed_s)
    assert messages_per_s(100, {1: 80, 2: 24}) == pytest.approx(104 / (mixed_s + 30 * SLOW / 100))


def test_where_few_of_the_largest_fit_into_a_second_there_are_gaps_about_it() -> None:
    """Grants of two messages and of one."""
    gaps_s = (1 + 6) * SLOW / 10
    assert messages_per_s(10, {1: 2, 6: 1}) == pytest.approx(3 / (2 * SLOW / 10 + SLOW + gaps_s))


def test_one_sender_takes_the_messages_by_its_rate() -> None:
    curve = simulate([SimulatedSender(1, "+1", 50.0)], 0, 1000, NOON)
    assert after_s(curve.moment(500)) == pytest.approx(10)
    assert after_s(curve.moment(950)) == pytest.approx(19)
    assert after_s(curve.moment(1000)) == pytest.approx(20)
    assert curve.by_sender == {1: pytest.approx(1000)}


def test_senders_share_the_work_by_their_rates_and_wait_for_what_goes_first() -> None:
    curve = simulate([SimulatedSender(1, "+1", 90.0), SimulatedSender(2, "+2", 10.0)], 500, 1000, NOON)
    assert after_s(curve.moment(0.001)) == pytest.approx(5, abs=0.01)
    assert after_s(curve.moment(1000)) == pytest.approx(15)
    assert curve.by_sender == {1: pytest.approx(900), 2: pytest.approx(100)}


def test_a_cap_stops_one_sender_and_the_other_goes_on() -> None:
    curve = simulate(
        [SimulatedSender(1, "+1", 90.0, today=450.0, a_day=1000.0), SimulatedSender(2, "+2", 10.0)], 0, 1000, NOON
    )
    assert after_s(curve.moment(500)) == pytest.approx(5)
    assert after_s(curve.moment(1000)) == pytest.approx(55)


def test_a_cap_begins_anew_at_midnight_pacific() -> None:
    curve = simulate([SimulatedSender(1, "+1", 100.0, today=300.0, a_day=2000.0)], 0, 1000, NOON)
    assert after_s(curve.moment(300)) == pytest.approx(3)
    assert curve.moment(1000) == NOON + timedelta(hours=12, seconds=7)


def test_the_night_of_the_clock_change_has_25_hours_to_its_day() -> None:
    saturday = datetime(2026, 11, 1, 20, 0, tzinfo=UTC)  # 12:00 PST; the clocks were put back at night
    friday = datetime(2026, 10, 31, 20, 0, tzinfo=UTC)  # 13:00 PDT
    for began, hours in ((saturday, 12), (friday, 11)):
        curve = simulate([SimulatedSender(1, "+1", 100.0, today=0.0, a_day=2000.0)], 0, 100, began)
        assert curve.moment(100) == began + timedelta(hours=hours, seconds=1)


def test_without_a_sender_it_is_never() -> None:
    curve = simulate([], 0, 10, NOON)
    assert curve.moment(1) is None
    assert curve.moment(0) == NOON


def test_what_takes_longer_than_a_month_is_never() -> None:
    assert simulate([SimulatedSender(1, "+1", 1.0, today=10.0, a_day=10.0)], 0, 1000, NOON).moment(1000) is None
