"""What is said, kept and compared, of any collections."""

from datetime import date, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notify.service311.reminders import changes, due
from notify.service311.reminders.due import AtPlace
from notify.service311.rules import REGULAR, Collection, SetOut, State

FIRST = date(2026, 11, 16)
days = st.integers(0, 6).map(lambda n: FIRST + timedelta(days=n))


@st.composite
def collections(draw: st.DrawFn) -> list[Collection]:
    """Each stream and nominal date once, on their days, moved or called off."""
    keys = draw(st.lists(st.tuples(st.sampled_from(["trash", "recycling"]), days), unique=True, max_size=6))
    found = []
    for stream, nominal in keys:
        effective = draw(st.none() | days)
        state = State.ON_SCHEDULE if effective else draw(st.sampled_from([State.SUSPENDED, State.TO_BE_ANNOUNCED]))
        out = SetOut(effective - timedelta(days=draw(st.integers(0, 1))), time(18)) if effective else None
        found.append(Collection("1", stream, nominal, effective, state, out, REGULAR))
    return found


@given(collections(), days)
def test_what_was_said_is_kept_as_it_was(known: list[Collection], day: date) -> None:
    said = (AtPlace(7, due.on(day, known)),)
    assert due.read(due.kept(said)) == said
    assert all(day in (one.nominal, one.effective) for one in said[0].facts)


@given(collections(), collections(), days)
def test_a_change_is_what_differs_near_these_days(old: list[Collection], new: list[Collection], day: date) -> None:
    near = [day, day + timedelta(days=1)]
    was, now = changes.statuses(old), changes.statuses(new)
    assert changes.between(was, was, near) == ()
    found = changes.between(was, now, near)
    for one in found:
        assert set(near) & {each for each in one.days if each}
        assert one.new == now.get((one.stream, one.nominal), changes.OFF)
    there, back = found, changes.between(now, was, near)
    assert [(one.stream, one.nominal) for one in there] == [(one.stream, one.nominal) for one in back]


@given(collections(), days)
def test_what_was_read_of_an_edition_that_still_holds_is_no_change(known: list[Collection], day: date) -> None:
    read = changes.told(due.on(day, known))
    assert changes.between(changes.statuses(known) | read, changes.statuses(known), [day]) == ()
