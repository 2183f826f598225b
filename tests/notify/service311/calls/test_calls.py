"""Calls: reasons by two keys, what is stored of a call, counts, spikes as proposals, and open data."""

import csv
import io
import json
from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.core.translation import speaking
from notify.models import CallSpike, WorkingDraft
from notify.service311.calls import counts, log, open_data, proposals, reasons
from notify.service311.calls.reasons import Group, Reason
from tests.factories import NOW, operator, square, zone

pytestmark = pytest.mark.usefixtures("database")


def test_the_built_in_reasons_take_two_keys_and_are_in_both_languages() -> None:
    with transaction() as s:
        found = reasons.groups(s)
    keys = [one.keys for group in found for one in group.reasons]
    assert len(keys) == len(set(keys)) > 20
    assert all(len(one.keys) == 2 and one.keys[0] == group.keys for group in found for one in group.reasons)
    assert all(set(one.words) == {"en", "es"} for group in found for one in (group, *group.reasons))
    assert all(len(word) <= reasons.LONGEST for group in found for one in group.reasons for word in one.words.values())


def test_a_city_changes_its_reasons_and_their_counts_stay() -> None:
    words = {"en": "Raccoons", "es": "Mapaches"}
    with transaction() as s:
        admin, agent = operator(s), operator(s, "agent")
        reasons.save(s, Reason("raccoons", "h4", words), NOW, admin)
        call = log.add(s, "H4", uuid4(), NOW, agent)
        reasons.save(s, Reason("raccoons", "c9", words | {"en": "Raccoons, foxes"}, "storm"), NOW, admin)
        with pytest.raises(Invalid, match="not a reason"):
            log.add(s, "h4", uuid4(), NOW, agent)
        assert reasons.by_keys(s, "c9")[1].label == "Raccoons, foxes"
        assert counts.today(s, NOW).top[0].reason == "raccoons"
        with speaking("es"):
            assert reasons.labels(s)["raccoons"] == "Mapaches"
        reasons.retire(s, "raccoons", NOW, admin)
        assert "raccoons" not in reasons.every(s)
        assert reasons.labels(s)["raccoons"] == "Raccoons, foxes"
        assert log.last_of(s, agent)[0] == (log.last_of(s, agent)[0].call, "Raccoons, foxes", "")
        assert log.last_of(s, agent)[0].call.id == call


def test_a_group_moves_its_reasons_to_its_new_letter() -> None:
    with transaction() as s:
        admin = operator(s)
        waste = next(one for one in reasons.groups(s) if one.key == "waste")
        reasons.save_group(s, Group("waste", "t", waste.words, "collection"), NOW, admin)
        assert reasons.by_keys(s, "t1")[1].key == "missed-pickup"
        reasons.save_group(s, Group("pool", "w", {"en": "Pools", "es": "Piscinas"}, "custom"), NOW, admin)
        reasons.save(s, Reason("pool-closed", "w1", {"en": "Closed", "es": "Cerrada"}), NOW, admin)
        assert reasons.by_keys(s, "w1")[1].key == "pool-closed"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (Reason("new", "w1", {"en": "A", "es": "B"}), "already means"),
        (Reason("new", "q1", {"en": "A", "es": "B"}), "no group"),
        (Reason("new", "w", {"en": "A", "es": "B"}), "not keys"),
        (Reason("new", "w!", {"en": "A", "es": "B"}), "not keys"),
        (Reason("new", "xs", {"en": "A", "es": "B"}), "not keys"),
        (Reason("new", "w9", {"en": "A"}), "language es"),
        (Reason("new", "w9", {"en": "A", "es": "B"}, "earthquake"), "no event"),
        (Reason("New One", "w9", {"en": "A", "es": "B"}), "not a name"),
    ],
)
def test_reasons_that_cannot_be(reason: Reason, message: str) -> None:
    with transaction() as s, pytest.raises(Invalid, match=message):
        reasons.save(s, reason, NOW, operator(s))


def test_only_who_may_logs_and_edits() -> None:
    with transaction() as s:
        author, agent = operator(s, "author"), operator(s, "agent")
        with pytest.raises(NotAllowed):
            log.add(s, "w1", uuid4(), NOW, author)
        with pytest.raises(NotAllowed):
            reasons.save(s, Reason("new", "w9", {"en": "A", "es": "B"}), NOW, agent)


def test_a_form_that_is_sent_twice_is_one_call_and_a_mistake_is_taken_back() -> None:
    form = uuid4()
    with transaction() as s:
        agent = operator(s, "agent")
        first, second = log.add(s, "w1", form, NOW, agent), log.add(s, "w1", form, NOW, agent)
        assert first == second
        assert counts.today(s, NOW).calls == 1
        with pytest.raises(NotFound):
            log.take_back(s, first, operator(s))  # another's
        log.take_back(s, first, agent)
        assert counts.today(s, NOW).calls == 0


def test_the_address_on_the_screen_gives_the_zone_of_the_reasons_kind_and_is_not_stored() -> None:
    with transaction() as s:
        zone(s, "Monday collection", square(0, 0), "collection")
        zone(s, "Old Town", square(0, 0), "neighbourhood")
        agent = operator(s, "agent")
        for keys in ("w1", "s3"):
            log.add(s, keys, uuid4(), NOW, agent, at=(0.5, 0.5))
        log.add(s, "s3", uuid4(), NOW, agent, at=(9, 9))
        assert [one.zone for one in log.last_of(s, agent)] == ["", "Old Town", "Monday collection"]
        with pytest.raises(Invalid, match="no zone"):
            log.add(s, "w1", uuid4(), NOW, agent, zone_id=10**9)


def test_places_in_several_zones_give_a_call_none() -> None:
    with transaction() as s:
        north, south = (zone(s, name, square(0, n), "collection").id for n, name in enumerate(("North", "South")))
        assert log.zone_of(s, [[north], [north]], "collection") == north
        assert log.zone_of(s, [[north], [south]], "collection") is None
        assert log.zone_of(s, [[north], []], "collection") is None


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("truck drove past, bins full", "truck drove past, bins full"),
        ("call back 215-555-0143 please", "call back […] please"),
        ("(215) 555 0143", "[…]"),
        ("+12155550143", "[…]"),
        ("write to ann.lee@example.org", "write to […]"),
        ("at 120 Main St, 2nd time", "at […], 2nd time"),
        ("vive en 14 Elm", "vive en […]"),
        ("vive en calle Mayor 14", "vive en […]"),
        ("3 bins missed since 2 weeks", "3 bins missed since 2 weeks"),
        ("account 123456789", "account […]"),
        ("lives at 120 main st; acct 123456; apt 4B", "lives at […]; acct […]; […]"),
        ("12 north elm avenue", "[…]"),
    ],
)
def test_a_note_keeps_no_number_email_or_address(note: str, kept: str) -> None:
    assert log.without_personal(note) == kept


def test_notes_agents_and_calls_are_forgotten_in_their_time() -> None:
    with transaction() as s:
        agent = operator(s, "agent")
        for kept in (log.NOTES_KEPT, log.AGENTS_KEPT, log.CALLS_KEPT):
            log.add(s, "w1", uuid4(), NOW - kept - timedelta(seconds=1), agent, note="a note")
        log.add(s, "w1", uuid4(), NOW - log.NOTES_KEPT + timedelta(seconds=1), agent, note="newer")
        for forget in (log.forget_notes, log.forget_agents, log.forget_old):
            forget(s, NOW)
        left = s.execute(text("SELECT note, logged_by IS NULL FROM calls ORDER BY at DESC")).all()
    assert left == [("newer", False), ("", False), ("", True)]


def test_the_ten_most_frequent_reasons_of_today_by_zone_and_hour() -> None:
    with transaction() as s:
        zone(s, "North", square(0, 0), "collection")
        north = s.scalar(text("SELECT id FROM zones"))
        agent = operator(s, "agent")
        for hours in (1, 1, 2, 13):  # NOW is noon: 13 hours before is yesterday
            log.add(s, "w1", uuid4(), NOW - timedelta(hours=hours), agent, zone_id=north)
        log.add(s, "w1", uuid4(), NOW, agent)
        log.add(s, "s3", uuid4(), NOW, agent)
        found = counts.today(s, NOW)
        one_zone = counts.today(s, NOW, north)
    assert (found.day, found.calls) == (date(2027, 1, 11), 5)
    first = found.top[0]
    assert (first.reason, first.calls, first.by_zone) == ("missed-pickup", 4, ((north, "North", 3), (None, "", 1)))
    assert {hour: n for hour, n in enumerate(first.by_hour) if n} == {10: 1, 11: 2, 12: 1}
    assert sum(found.by_hour) == 5
    assert (one_zone.calls, len(one_zone.top)) == (3, 1)


def past(s: Session, zone_id: int, an_hour: int) -> None:
    """Twelve weeks in which so many missed pickups an hour were usual in a zone, every day from nine to twelve."""
    s.execute(
        text("""INSERT INTO calls (form, reason, zone_id, at)
                SELECT gen_random_uuid(), 'missed-pickup', :zone,
                       CAST(:now AS timestamptz) - make_interval(days => day, hours => hour, mins => n % 50)
                  FROM generate_series(1, 90) day, generate_series(0, 3) hour, generate_series(1, :an_hour) n"""),
        {"zone": zone_id, "now": NOW + timedelta(minutes=55), "an_hour": an_hour},
    )


def today(s: Session, zone_id: int | None, calls: int, at: datetime = NOW + timedelta(minutes=5)) -> None:
    s.execute(
        text("""INSERT INTO calls (form, reason, zone_id, at)
                SELECT gen_random_uuid(), 'missed-pickup', :zone, :now FROM generate_series(1, :calls)"""),
        {"zone": zone_id, "now": at, "calls": calls},
    )


def test_a_spike_is_proposed_once_grows_and_becomes_a_draft_of_its_zone() -> None:
    now = NOW + timedelta(minutes=20)
    with transaction() as s:
        zone(s, "Zone 4", square(0, 0), "collection")
        four = int(s.scalar(text("SELECT id FROM zones")) or 0)
        past(s, four, 9)
        today(s, four, 12)
        assert proposals.scan(s, now) == 0  # as usual
        today(s, four, 100)
        assert proposals.scan(s, now) == 1
        today(s, four, 30)
        assert proposals.scan(s, now) == 0
        (one,) = proposals.waiting(s)
        assert (one.reason, one.zone, one.calls, one.usual, one.event) == (
            "Missed pickup", "Zone 4", 142, 9, "collection",
        )  # fmt: skip
        agent = operator(s, "agent")
        draft = s.get_one(WorkingDraft, proposals.draft(s, one.id, now, agent))
        assert (draft.event, draft.phase) == ("collection", "issue")
        assert draft.fields[f"zone.{four}"]["value"] == "on"
        assert proposals.waiting(s) == []
        with pytest.raises(Refused):
            proposals.draft(s, one.id, now, agent)
        assert proposals.scan(s, now) == 0  # decided a moment ago


def test_a_proposal_is_dismissed_or_over_and_forgotten() -> None:
    now = NOW + timedelta(minutes=20)
    with transaction() as s:
        zone(s, "Zone 4", square(0, 0), "collection")
        four = int(s.scalar(text("SELECT id FROM zones")) or 0)
        past(s, four, 9)
        today(s, four, 142)
        proposals.scan(s, now)
        (one,) = proposals.waiting(s)
        with pytest.raises(NotFound):
            proposals.dismiss(s, one.id + 1, now, operator(s))
        proposals.scan(s, now + timedelta(hours=4))
        assert proposals.waiting(s) == []
        assert s.get_one(CallSpike, one.id, populate_existing=True).outcome == "over"
        later = now + proposals.QUIET + timedelta(hours=5)
        today(s, four, 142, later)
        proposals.scan(s, later)
        (again,) = proposals.waiting(s)
        proposals.dismiss(s, again.id, later, operator(s))
        assert proposals.waiting(s) == []
        proposals.forget_old(s, later + proposals.KEPT + timedelta(seconds=1))
        assert s.scalar(text("SELECT count(*) FROM call_spikes")) == 0


@pytest.mark.parametrize(("elsewhere", "zones"), [(58, ["North"]), (200, ["", "North"])])
def test_the_city_is_proposed_only_where_its_calls_are_not_mostly_of_zones_that_are(
    elsewhere: int, zones: list[str]
) -> None:
    with transaction() as s:
        zone(s, "North", square(0, 0), "collection")
        north = int(s.scalar(text("SELECT id FROM zones")) or 0)
        past(s, north, 9)
        today(s, north, 142)
        today(s, None, elsewhere)
        proposals.scan(s, NOW + timedelta(minutes=20))
        assert sorted(one.zone for one in proposals.waiting(s)) == zones


def test_without_history_nothing_is_proposed() -> None:
    with transaction() as s:
        zone(s, "Zone 4", square(0, 0), "collection")
        four = int(s.scalar(text("SELECT id FROM zones")) or 0)
        today(s, four, 142)
        assert proposals.scan(s, NOW + timedelta(minutes=20)) == 0


def test_open_data_has_whole_days_labels_and_no_small_count() -> None:
    yesterday = NOW - timedelta(days=1)
    with transaction() as s:
        zone(s, "North", square(0, 0), "collection")
        zone(s, "South", square(0, 5), "collection")
        north, south = s.scalars(text("SELECT id FROM zones ORDER BY name"))
        for zone_id, n in ((north, 25), (south, 9), (None, 30)):
            s.execute(
                text("""INSERT INTO calls (form, reason, zone_id, at)
                        SELECT gen_random_uuid(), 'missed-pickup', :zone, :at FROM generate_series(1, :n)"""),
                {"zone": zone_id, "at": yesterday, "n": n},
            )
        today(s, north, 50)
        first, last = open_data.span("", NOW)
        found = list(open_data.rows(s, first, last))
    assert last == date(2027, 1, 10)
    assert {one.day for one in found} == {last}
    assert {(one.reason, one.zone): one.calls for one in found} == {
        ("missed-pickup", "none"): 30,
        ("missed-pickup", "all"): 64,
        ("all", "none"): 30,
        ("all", "all"): 64,
    }, "25 of North would give the 9 of South"
    read = list(csv.DictReader(io.StringIO(open_data.as_csv(found))))
    assert list(read[0].values()) == ["2027-01-10", "missed-pickup", "Missed pickup", "", "none", "30"]
    document = json.loads(open_data.as_json(found, first, last))
    assert (document["fewest"], len(document["counts"])) == (10, 4)


def test_files_are_of_months_or_the_last_ninety_days() -> None:
    assert open_data.span("", NOW) == (date(2026, 10, 13), date(2027, 1, 10))
    assert open_data.span("2026-12", NOW) == (date(2026, 12, 1), date(2026, 12, 31))
    assert open_data.span("2027-01", NOW) == (date(2027, 1, 1), date(2027, 1, 10))


@pytest.mark.parametrize("month", ["2027-02", "2015-01", "0001-01", "2027-13", "01/2027", "2027-1"])
def test_months_that_have_no_file(month: str) -> None:
    with pytest.raises(Invalid, match="not a month"):
        open_data.span(month, NOW)
