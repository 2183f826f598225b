"""Why a resident got an alert, and why not, as their own page answers it."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.models import Topic
from notify.models.states import DeliveryState
from notify.subscribers import consent, received, received_words
from tests import factories
from tests.api import asked, joins
from tests.api.joins import MAIL, PHONE, form, join
from tests.owner import as_owner


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def answer() -> received.Answer:
    number = asked.number("SELECT max(id) FROM subscribers WHERE erased_at IS NULL")
    with transaction() as s:
        return received.read(s, number, datetime.now(UTC))


def test_a_message_stands_with_its_exact_words_and_what_became_of_it(door: httpx.Client) -> None:
    join(door)
    number = factories.alert_resolved(now=datetime.now(UTC))
    ((words,),) = asked.rows("SELECT text FROM contents WHERE alert_id = :a AND channel = 'sms' AND language = 'en'",
                             a=number)  # fmt: skip
    (one,) = answer().received
    assert (one.alert_id, one.contact, one.words) == (number, "***42", words)
    assert one.became == "It waits to be sent."
    as_owner("UPDATE deliveries SET state = 'delivered', sent_at = now(), settled_at = now()")
    (one,) = answer().received
    assert one.became == "It arrived."
    shown = door.get("/me/why?lang=en").text
    assert "It arrived." in shown
    assert words.splitlines()[0] in shown
    assert f'href="/alerts/{number}?lang=en"' in shown
    assert PHONE not in shown


@pytest.mark.parametrize(
    ("stopped", "why", "change"),
    [
        ("opt-out", "You had stopped these messages.", "how"),
        ("topic", "You had not chosen this topic.", "what"),
        ("muted", "You had muted this topic.", "when"),
        ("hard-bounce", "Earlier messages to it came back.", "how"),
    ],
)
def test_what_was_left_out_says_why_and_where_to_change_it(
    door: httpx.Client, stopped: str, why: str, change: str
) -> None:
    join(door)
    now = datetime.now(UTC)
    with transaction() as s:
        if stopped == "opt-out":
            consent.opt_out(s, "sms", PHONE, how="a test", now=now, topic=Topic.STORM)
        elif stopped == "topic":
            s.execute(text("DELETE FROM preferences WHERE topic = 'storm'"))
        elif stopped == "muted":
            s.execute(text("UPDATE preferences SET muted_until = now() + interval '1 day'"))
        else:
            s.execute(
                text("""INSERT INTO suppressions (channel, address_index, reason, at)
                              SELECT channel, address_index, 'hard-bounce', now() FROM contacts""")
            )
    event = "snow" if stopped == "muted" else "storm"  # an emergency passes what is muted
    factories.alert_resolved(event=event, now=now + timedelta(seconds=1))
    (one,) = answer().received
    assert (one.became, one.why, one.change) == ("It was not sent to you.", why, change)
    assert f'/me?lang=en#{change}">Change it here' in door.get("/me/why?lang=en").text


def test_the_answer_stays_that_of_the_delivery_when_the_wish_changes(door: httpx.Client) -> None:
    join(door)
    factories.alert_resolved(now=datetime.now(UTC))
    form(door, "/me/choose", topic=["snow"], language="en")
    (one,) = answer().received
    assert (one.became, one.why) == ("It waits to be sent.", "")


def test_an_alert_before_the_place_was_added_is_named_with_that_reason(door: httpx.Client) -> None:
    with transaction() as s:
        factories.zone(s, "Hilltop", factories.square(3, 3))
    factories.alert_resolved(now=datetime.now(UTC) - timedelta(seconds=5))
    number = factories.alert_resolved(zones=["Hilltop"], now=datetime.now(UTC))
    join(door)
    (one,) = answer().missed
    assert one.why == "You signed up after it was sent."
    as_owner("UPDATE subscribers SET created_at = created_at - interval '1 day'")
    (one,) = answer().missed
    assert one.why == "You added the place after it was sent."
    assert number != one.alert_id, "that of another area is not named"


def test_an_alert_by_other_ways_is_named_with_that_reason(door: httpx.Client) -> None:
    join(door, MAIL)
    number = factories.alert_resolved(channels=["sms"], now=datetime.now(UTC) + timedelta(seconds=1))
    (one,) = answer().missed
    assert (one.alert_id, one.place, one.change) == (number, "Home", "how")
    assert one.why.startswith("The city sent it by other ways")
    assert one.why in door.get("/me/why?lang=en").text.replace("&#39;", "'")


def test_an_alert_near_home_is_found_behind_many_elsewhere(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "AT_ONCE", 2)
    join(door, MAIL)
    with transaction() as s:
        factories.zone(s, "Hilltop", factories.square(3, 3))
    now = datetime.now(UTC)
    near = factories.alert_resolved(channels=["sms"], now=now + timedelta(seconds=1))
    for n in range(5):
        factories.alert_resolved(zones=["Hilltop"], channels=["sms"], now=now + timedelta(seconds=2 + n))
    found = answer()
    assert [one.alert_id for one in found.missed] == [near]
    assert not found.more


def test_more_alerts_than_are_shown_are_announced(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "NEAR_MOST", 1)
    join(door, MAIL)
    for n in range(2):
        factories.alert_resolved(channels=["sms"], now=datetime.now(UTC) + timedelta(seconds=1 + n))
    found = answer()
    assert (len(found.missed), found.more) == (1, True)
    assert "There were more." in door.get("/me/why?lang=en").text


def test_the_place_that_an_alert_was_for_is_named(door: httpx.Client) -> None:
    join(door)
    form(door, "/me/places", label="Work", place="5.5 5.5 1 Elm St")
    factories.alert_resolved(now=datetime.now(UTC))
    (one,) = answer().received
    assert one.place == "Home"
    assert "your place “Home” lies in its area" in door.get("/me/why?lang=en").text
    ((home,),) = asked.rows("SELECT id FROM places WHERE label = 'Home'")
    form(door, f"/me/places/{home}/remove")
    (one,) = answer().received
    assert one.place == ""


def test_what_went_to_the_owner_before_is_not_shown(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.resident(s, phone=PHONE, at=[(0.9, 0.9)], now=city - timedelta(days=90))
    factories.alert_resolved(now=datetime.now(UTC) - timedelta(minutes=1))
    join(door)
    assert answer().received == []


def test_every_state_has_its_sentence() -> None:
    assert set(received_words._BECAME) == {state.value for state in DeliveryState}


def test_the_public_page_says_in_general_why_and_names_nobody(door: httpx.Client) -> None:
    join(door)
    number = factories.alert_resolved(now=datetime.now(UTC))
    mine = door.get(f"/alerts/{number}?lang=en").text
    door.cookies.clear()
    assert door.get(f"/alerts/{number}?lang=en").text == mine, "the same for everybody"
    assert 'href="/me/why?lang=en"' in mine
    assert "chose its topic" in mine
    assert door.get("/me/why", follow_redirects=False).headers["location"].startswith("/me/sign-in")


def test_what_came_together_says_so(door: httpx.Client) -> None:
    join(door)
    first, second = (factories.alert_resolved(event="storm", now=datetime.now(UTC)) for _ in range(2))
    as_owner("UPDATE deliveries SET state = 'delivered', sent_at = now(), settled_at = now()")
    as_owner(f"UPDATE deliveries SET reason = 'merged' WHERE alert_id = {first}")
    as_owner(
        "INSERT INTO merged (delivery_id, carrier_id, merged_at) SELECT m.id, k.id, now()"
        f" FROM deliveries m, deliveries k WHERE m.alert_id = {first} AND k.alert_id = {second}"
    )
    assert {one.why for one in answer().received} == {"It came together with others, in one message."}
