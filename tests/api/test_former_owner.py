"""What was about the former owner of a phone or email stays with them, whichever way it came to somebody else, and
what staff entered or a page left open does no harm later."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.alerts import arrivals
from notify.alerts.reporting import message_ledger
from notify.alerts.reporting.message_load import Ledger
from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.inbound import messages
from notify.models import Topic
from notify.subscribers import addresses, entering, questions, reassigned, received, serving, wishes
from tests import factories
from tests.api import asked, joins
from tests.api.joins import MAIL, PHONE, form, join, sent_code
from tests.api.test_pass_on import imported
from tests.owner import as_owner

SENDER = "+15555550100"


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def add(door: httpx.Client, contact: str) -> None:
    """Add a further phone or email on the page of the resident who is signed in."""
    page = form(door, "/me/contacts", contact=contact).headers["location"].split("?")[0]
    assert form(door, f"{page}?lang=en", code=sent_code()).status_code == 303


def entered(at: datetime) -> None:
    """Staff have entered the phone, perhaps misread, with a place that is not its owner's."""
    wrong = wishes.Wish(0.4, 0.4, "Home", "7 Wrong St")
    entry = entering.Entry(PHONE, wrong, [Topic.STORM], "en", "event")
    with transaction() as s:
        entering.enter(s, entry, at, factories.operator(s, "agent"))


def answered(words: str, at: datetime) -> None:
    with transaction() as s:
        messages.receive(s, "twilio", Inbound(PHONE, SENDER, words, f"SM{words}"), at)


def test_a_further_phone_brings_nothing_of_who_had_it(door: httpx.Client) -> None:
    join(door, MAIL)
    as_owner("UPDATE subscribers SET created_at = now() - interval '2 years'")
    now = datetime.now(UTC)
    imported(PHONE, proved=now - timedelta(days=60))
    factories.alert_resolved(now=now)
    factories.alert_resolved(now=now, severity="Minor", urgency="Future")
    sent = "SELECT count(*) FROM deliveries d JOIN contacts c ON c.id = d.contact_id WHERE c.channel = 'sms'"
    assert asked.number(sent) == 2, "the former owner got it"
    with transaction() as s:
        questions.ask(
            s, "sms", addresses.index("sms", PHONE), questions.STILL_THERE, text="?", now=now, place="7 Former Ave",
            place_id=1, address="7 Former Ave",
        )  # fmt: skip
    add(door, PHONE)
    mine = door.get("/me/data.json")
    assert "7 Former Ave" not in mine.text
    assert mine.json()["deliveries"] == []
    assert [one["kept"] for one in mine.json()["conversations"] if one.get("kept")] == []
    with transaction() as s:
        found = serving.find(s, PHONE, now, factories.operator(s, "agent"))
        assert found.resident is not None
        assert found.resident.alerts == []
        assert received.read(s, found.resident.id, now).received == []
        month = message_ledger.of_resident(s, found.resident.id, now, factories.operator(s, "agent"))
        assert (month.each, month.routine) == ([], Ledger(0, 0, 0))


def test_who_joins_during_an_alert_reads_on_their_page_that_it_was_for_them(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    alert = factories.alert_resolved(now=now - timedelta(minutes=10))
    join(door)
    with transaction() as s:
        arrivals.tell(s, datetime.now(UTC))
    assert len(door.get("/me/data.json").json()["deliveries"]) == 1
    assert f"/alerts/{alert}" in door.get("/me/why").text
    with transaction() as s:
        agent = factories.operator(s, "agent")
        found = serving.find(s, PHONE, datetime.now(UTC), agent)
        assert found.resident is not None
        assert [one.alert_id for one in found.resident.alerts] == [alert]
        assert len(message_ledger.of_resident(s, found.resident.id, datetime.now(UTC), agent).each) == 1


def test_who_has_a_phone_now_gets_an_emergency_that_its_former_owner_got(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    imported(PHONE, proved=now - timedelta(days=60))
    factories.alert_resolved(now=now - timedelta(minutes=10))
    as_owner("UPDATE deliveries SET state = 'delivered', claimed_at = now(), settled_at = now()")
    join(door)
    with transaction() as s:
        arrivals.tell(s, datetime.now(UTC))
    assert asked.rows("SELECT state::text FROM deliveries ORDER BY id") == [("delivered",), ("queued",)]
    assert len(door.get("/me/data.json").json()["deliveries"]) == 1


def test_who_adds_a_shared_email_does_not_see_who_joined_with_it(door: httpx.Client) -> None:
    join(door, MAIL, place="0.4 0.4 7 Former Ave")
    door.cookies.clear()
    join(door)
    add(door, MAIL)
    assert "7 Former Ave" not in door.get("/me/data.json").text


def test_a_late_yes_locks_nobody_out_who_joined_meanwhile(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    entered(now)
    join(door)
    answered("YES", datetime.now(UTC))
    door.cookies.clear()
    page = form(door, "/me/sign-in?lang=en", contact=PHONE).headers["location"].split("?")[0]
    assert form(door, f"{page}?lang=en", code=sent_code()).status_code == 303


def test_whom_staff_entered_with_a_phone_of_somebody_else_is_erased_when_its_owner_joins(door: httpx.Client) -> None:
    entered(datetime.now(UTC))
    join(door)
    rows = asked.rows("SELECT erased_at IS NULL, (SELECT count(*) FROM places p WHERE p.subscriber_id = r.id)"
                      " FROM subscribers r ORDER BY id")  # fmt: skip
    assert rows == [(False, 0), (True, 1), (False, 0)], "the last one has the phone as it was given up"


def test_a_reassigned_number_erases_nobody_who_had_confirmed(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    entered(now - timedelta(days=400))
    answered("YES", now - timedelta(days=399))
    assert asked.number("SELECT count(*) FROM contacts WHERE verified_at IS NOT NULL") == 1
    with transaction() as s:
        reassigned.drop(s, [PHONE], now, factories.operator(s, "admin"))
        entering.forget_old(s, now)
    assert asked.rows("SELECT erased_at FROM subscribers") == [(None,)]


def test_a_page_left_open_changes_nothing_of_who_is_erased(door: httpx.Client) -> None:
    join(door)
    who, contact = asked.rows("SELECT subscriber_id, id FROM contacts")[0]
    form(door, f"/me/contacts/{contact}/stop")
    with transaction() as s:
        serving.erase_own(s, who, datetime.now(UTC), None, how="their own page")
    for path in ("/me/choices", f"/me/contacts/{contact}/stop", "/me/start"):
        form(door, path, quiet="never", most_a_day="2", lowest=f"{contact}:3")
    assert asked.number("SELECT count(*) FROM choices") == 0
    assert asked.number("SELECT count(*) FROM contacts WHERE lowest_severity IS NOT NULL") == 0
    assert asked.number("SELECT count(*) FROM suppressions WHERE reason = 'opt-out'") == 1, "an erasure keeps it"
