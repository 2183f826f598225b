"""OFF: a resident tells that service is still out. It is counted once, and never stops or starts messages."""

from datetime import timedelta

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.channels import sms_segments
from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.inbound.commands import read_command
from notify.inbound.messages import receive
from notify.service311.outages import reports
from notify.subscribers import holdings
from tests import factories
from tests.database import sql
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")

NORTH, SOUTH = (0.5, 0.5), (1.5, 0.5)
IN_NORTH, IN_SOUTH = box(0.4, 0.4, 0.6, 0.6), box(1.4, 0.4, 1.6, 0.6)
HOUR = timedelta(hours=1)
PLANNED = {"state": "noticed", "kind": "planned"}


def outage(area: object = IN_NORTH, **more: object) -> int:
    with transaction() as s:
        return factories.outage(s, area, **more)  # type: ignore[arg-type]


def resident(*at: tuple[float, float], **more: object) -> factories.Resident:
    with transaction() as s:
        return factories.resident(s, at=list(at), now=NOW - timedelta(days=1), **more)


def hear(who: str, words: str, after: timedelta = HOUR) -> str:
    """Return the answer, which fits into one message."""
    with transaction() as s:
        number = s.execute(text("SELECT count(*) FROM inbound")).scalar_one()
        answer = receive(s, "twilio", Inbound(who, "+15555550100", words, f"SM{number}", ""), NOW + after).text or ""
    cost = sms_segments.count(answer)
    assert (cost.encoding, cost.segments) in {("GSM-7", 1), ("GSM-7", 0)}, answer
    return answer


def counted() -> list[tuple[int, int]]:
    return [tuple(row) for row in sql("SELECT outage_id, subscriber_id FROM outage_reports ORDER BY 1, 2")]


@pytest.mark.parametrize(
    ("more", "language", "words", "answer"),
    [
        ({}, "en", "OFF", "noted: no power at home. No end time is known yet."),
        ({"back_at": NOW + 6 * HOUR}, "en", "Still off!", "noted: no power at home. Expected back by "),
        ({"back_at": NOW}, "en", "off please", "No end time is known yet."),
        ({"utility": "water"}, "en", "still out", "noted: no water at home."),
        ({}, "es", "OFF", "anotado: sin luz en home."),
        ({}, "en", "Sigue sin luz 😡", "noted: no power at home."),
        ({}, "en", "Our power is still out", "noted: no power at home."),  # no cry for help, as we know of the outage
        (
            {"state": "restored", "restored_at": NOW, "report_phone": "+12155550123"},
            "en", "OFF", "still no power at home. The city sees it on its map. If it lasts: 215-555-0123.",
        ),
        ({"state": "restored", "restored_at": NOW - 24 * HOUR}, "en", "OFF", "we know of no outage at your places."),
        ({"state": "noticed", "kind": "planned"}, "en", "OFF", "we know of no outage at your places."),
        # Announced work of which nobody has said that it began.
        ({**PLANNED, "begins_at": NOW, "back_at": NOW + 6 * HOUR}, "en", "OFF", "noted: no power at home. Expected"),
        ({**PLANNED, "begins_at": NOW + 2 * HOUR, "back_at": NOW + 6 * HOUR}, "en", "OFF", "we know of no outage"),
        ({**PLANNED, "begins_at": NOW - 9 * HOUR, "back_at": NOW - HOUR}, "en", "OFF", "we know of no outage"),
        ({"back_at": NOW + 6 * HOUR, "told": False}, "en", "OFF", "No end time is known yet."),  # nobody approved it
        (
            {"state": "restored", "restored_at": NOW, "report_phone": "+12155550123", "told": False},
            "en", "OFF", "noted: no power at home.",
        ),
        ({"back_at": NOW + 6 * HOUR}, "fr", "OFF", "noted: no power at home. Expected back by "),  # no words in it
        ({"utility": "water"}, "en", "no power", "we know of no outage at your places."),
    ],
)  # fmt: skip
def test_it_is_noted_and_answered_with_what_is_known(
    more: dict[str, object], language: str, words: str, answer: str
) -> None:
    number, who = outage(**more), resident(NORTH, language=language)
    assert answer in hear(who.phone, words)
    is_noted = "noted" in answer or "anotado" in answer or "still no" in answer or "No end" in answer
    assert counted() == ([(number, who.id)] if is_noted else [])


@pytest.mark.parametrize("words", ["Text off", "alerts off", "texts off please"])
def test_what_asks_for_no_more_texts_is_a_stop(words: str) -> None:
    outage()
    assert "no more texts" in hear(resident(NORTH).phone, words)
    assert counted() == []


def test_it_is_counted_once_and_opts_nobody_out_or_in() -> None:
    number, who, stopped = outage(), resident(NORTH), resident(NORTH)
    hear(stopped.phone, "STOP")
    for after in range(1, 4):
        hear(who.phone, "its still off", after * HOUR)
        hear(who.phone, "OFF", after * HOUR)
        hear(stopped.phone, "OFF", after * HOUR)
    assert counted() == [(number, who.id), (number, stopped.id)]
    assert sql("SELECT last_at FROM outage_reports WHERE subscriber_id = :id", id=who.id) == [(NOW + 3 * HOUR,)]
    assert sql("SELECT count(*) FROM suppressions") == [(1,)], "the STOP alone, still"
    elsewhere = resident(SOUTH)
    assert all("no outage" in hear(elsewhere.phone, words) for words in ("OFF", "off", "OFF")), (
        "not asked twice: no STOP"
    )
    assert sql("SELECT count(*) FROM suppressions") == [(1,)]
    with transaction() as s:
        assert len(holdings.read(s, who.id, NOW)["outage_reports"]) == 1


@pytest.mark.parametrize(("words", "name"), [("MUTE OFF", "unmute"), ("alerts off", None), ("OFF STOP", None)])
def test_other_words_with_off_are_others(words: str, name: str | None) -> None:
    command = read_command(words)
    assert (command.name if command else None) == name


def test_an_outage_whose_alert_was_cancelled_before_anybody_had_it_is_none() -> None:
    outage(told=False)
    who = resident(NORTH)
    assert "noted: no power" in hear(who.phone, "OFF")
    with transaction() as s:
        (row,) = sql("SELECT id FROM alerts")
        lifecycle.cancel(s, row[0], factories.operator(s, "approver", now=NOW), NOW)
    assert "we know of no outage" in hear(who.phone, "OFF")


def test_where_two_are_out_we_ask_which() -> None:
    power, water = outage(), outage(IN_SOUTH, utility="water")
    outage(area=IN_NORTH.buffer(0.01))  # the newer of the same kind at the same place
    who = resident(NORTH, SOUTH)
    assert "no water at home" in hear(who.phone, "no water"), "its words say which"
    assert counted() == [(water, who.id)]
    assert "1) power, home 2) water, home" in hear(who.phone, "OFF")
    assert "1) power, home 2) water, home" in hear(who.phone, "9")
    assert "no power at home" in hear(who.phone, "the first one")
    assert counted() == [(water, who.id), (power + 2, who.id)]
    assert "nobody reads" in hear(who.phone, "2"), "the question is over"


def test_who_has_not_proved_the_number_is_told_whom_to_call() -> None:
    outage()
    unproved = resident(NORTH, verified=False)
    for phone in ("+12155559999", unproved.phone, resident().phone):
        assert "we do not know your address. To report an outage: 311." in hear(phone, "OFF")
    assert "If you are in danger call 911 now" in hear("+12155559998", "our power is out")
    assert counted() == []


def test_staff_see_counts_by_zone_and_square_and_since_it_was_restored() -> None:
    with transaction() as s:
        factories.zone(s, "Riverside", box(0, 0, 0.501, 1), now=NOW)
    number = outage(state="restored", restored_at=NOW + 2 * HOUR)
    who = [resident(at) for at in ((0.5, 0.5), (0.5001, 0.5001), (0.55, 0.5))]
    for one in who:
        hear(one.phone, "OFF")
    hear(who[2].phone, "OFF", 3 * HOUR)
    with transaction() as s:
        found = reports.of_outage(s, number, NOW + 2 * HOUR)
        assert (found.residents, found.since, found.last_at) == (3, 1, NOW + 3 * HOUR)
        assert [(one.called, one.residents, one.since) for one in found.zones] == [("Riverside", 2, 0), ("", 1, 1)]
        assert [(one.lon, one.lat, one.residents) for one in found.cells] == [
            (pytest.approx(0.50125), pytest.approx(0.50125), 2),
            (pytest.approx(0.55125), pytest.approx(0.50125), 1),
        ]
        assert reports.of_outage(s, 99, None).residents == 0
        reports.forget_old(s, NOW + HOUR + reports.KEPT + timedelta(seconds=1))
    assert counted() == [(number, who[2].id)]
