"""Phones and emails that pass to somebody else: who proves one sees nothing of who had it before."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from notify.channels.contract import Inbound
from notify.core import crypto
from notify.core.db import transaction
from notify.inbound import messages
from notify.models import Topic
from notify.subscribers import consent, importing, record, serving
from notify.subscribers.homes import SEALED_ADDRESS
from tests import factories
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, PHONE, form, join, sent_code


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def imported(phone: str | None = None, email: str | None = None, proved: datetime | None = None) -> int:
    """A resident with a place, who has proved none of this unless at a time."""
    with transaction() as s:
        at, verified = proved or datetime.now(UTC), proved is not None
        known = factories.resident(s, at=[(0.4, 0.4)], phone=phone, email=email, verified=verified, now=at).id
        s.execute(
            text("UPDATE places SET address_sealed = :sealed, label = 'their flat' WHERE subscriber_id = :known"),
            {"sealed": crypto.seal("7 Former Ave", SEALED_ADDRESS), "known": known},
        )
        return known


def owner(channel: str) -> int:
    has = "SELECT subscriber_id FROM contacts WHERE channel = :channel AND address_sealed IS NOT NULL"
    return asked.number(has, channel=channel)


def test_who_proves_an_imported_phone_sees_nothing_of_who_had_it(door: httpx.Client) -> None:
    former = imported(PHONE, MAIL)
    asked.do("DELETE FROM resident_changes")
    mine = join(door).text
    assert "You have joined" in mine
    assert "120 Main St" in mine
    for of_the_former in ("7 Former Ave", "their flat", "m***@example.org"):
        assert of_the_former not in mine
    assert owner("sms") != former
    assert owner("email") == former
    assert asked.rows("SELECT label FROM places WHERE subscriber_id = :s", s=former) == [("their flat",)]
    assert asked.rows("SELECT topic::text FROM preferences WHERE subscriber_id = :s", s=former) == [("storm",)]
    assert asked.rows("SELECT subject_id, detail->>'new' FROM audit WHERE action = 'pass-on'") == [
        (former, str(owner("sms")))
    ]
    changed = asked.rows("SELECT subscriber_id FROM resident_changes")
    assert {(former,), (owner("sms"),)} <= set(changed), "both are counted anew"


def test_an_opt_out_of_who_had_the_email_stays_until_its_owner_presses_start(door: httpx.Client) -> None:
    imported(email=MAIL)
    with transaction() as s:
        consent.opt_out(s, "email", MAIL, how="link", now=datetime.now(UTC))
        consent.opt_out(s, "email", MAIL, how="link", now=datetime.now(UTC), topic=Topic.SNOW)
    mine = join(door, MAIL).text
    assert "Nothing goes to m***@example.org yet" in mine
    assert "Start again" in mine
    assert asked.number("SELECT count(*) FROM suppressions") == 2
    form(door, "/me/start")
    assert asked.number("SELECT count(*) FROM suppressions") == 0
    assert "yet" not in door.get("/me?lang=en").text


LONG_AGO, LATELY = timedelta(days=45), timedelta(days=44)
AT_HOME, NEAR_HOME = "0.4 0.4 7 Former Ave", "0.4003 0.4003 7 Former Ave"


@pytest.mark.parametrize(
    ("ago", "reported", "place", "is_theirs"),
    [
        (LATELY, False, HOME, True),
        (LONG_AGO, False, HOME, False),
        (LONG_AGO, False, NEAR_HOME, True),
        (LATELY, True, HOME, False),
        (LATELY, True, AT_HOME, True),
        (None, False, HOME, False),
        (None, False, NEAR_HOME, True),
    ],
)
def test_what_was_silent_or_dead_or_never_proved_opens_with_the_place(
    door: httpx.Client, ago: timedelta | None, reported: bool, place: str, is_theirs: bool
) -> None:
    former = imported(PHONE, proved=datetime.now(UTC) - ago if ago else None)
    if reported:
        asked.do(
            "INSERT INTO suppressions (channel, address_index, reason, at)"
            " SELECT channel, address_index, 'invalid', now() - interval '1 day' FROM contacts"
        )
    mine = join(door, place=place).text
    assert (owner("sms") == former, "7 Former Ave" in mine) == (is_theirs, is_theirs)
    assert ("The city had other places" in mine) != is_theirs
    assert asked.number("SELECT count(*) FROM suppressions") == 0, "somebody has read what came there"
    assert asked.number("SELECT count(*) FROM contacts WHERE verified_at > now() - interval '1 minute'") == 1


def test_a_look_needs_a_proof_that_is_not_old(door: httpx.Client) -> None:
    imported(PHONE, proved=datetime.now(UTC) - LONG_AGO)
    page = form(door, "/me/sign-in?lang=en", contact=PHONE).headers["location"].split("?")[0]
    assert "Join with your address" in form(door, f"{page}?lang=en", code=sent_code()).text
    assert "tocsin-me" not in door.cookies


def test_an_older_list_adds_nothing_to_who_has_joined(door: httpx.Client) -> None:
    join(door)
    now = datetime.now(UTC)
    header = "phone,language,topics,lon,lat,label,consent_at,consent_how"
    line = f"{PHONE},en,general,0.4,0.4,their flat"
    for proof in (",", f"{now - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ},form"):
        for dry_run in (True, False):
            report = importing.import_csv([header, f"{line},{proof}"], now, outside=True, dry_run=dry_run)
            assert report.bad_count == 1
            assert "signed up" in report.bad[0].reason
    assert "their flat" not in door.get("/me").text
    newer = f"{line},{now + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ},form"
    assert importing.import_csv([header, newer], now + timedelta(minutes=1), outside=True).bad == ()


def report_dead(ago: timedelta, reason: str = "invalid") -> None:
    asked.do(
        "INSERT INTO suppressions (channel, address_index, reason, at)"
        " SELECT channel, address_index, :reason, :at FROM contacts",
        reason=reason,
        at=datetime.now(UTC) - ago,
    )


def look(door: httpx.Client, contact: str) -> httpx.Response:
    page = form(door, "/me/sign-in?lang=en", contact=contact).headers["location"].split("?")[0]
    return form(door, f"{page}?lang=en", code=sent_code())


@pytest.mark.parametrize(("died", "opens"), [(timedelta(hours=1), False), (timedelta(days=9), True)])
def test_a_text_from_a_phone_that_was_dead_does_not_show_who_has_it(
    door: httpx.Client, died: timedelta, opens: bool
) -> None:
    former = imported(PHONE, MAIL, proved=datetime.now(UTC) - timedelta(days=2))
    report_dead(died)
    with transaction() as s:
        messages.receive(s, "twilio", Inbound(PHONE, "+15555550100", "HELP", "SM1"), datetime.now(UTC))
    assert asked.rows("SELECT channel FROM suppressions") == [("email",)], "somebody has the number"
    assert (look(door, PHONE).status_code == 303) == opens
    mine = join(door).text
    assert ("7 Former Ave" in mine, owner("sms") == former) == (opens, opens)


def test_a_bounce_that_an_operator_lifts_does_not_show_who_has_the_email(door: httpx.Client) -> None:
    imported(email=MAIL, proved=datetime.now(UTC) - timedelta(days=2))
    report_dead(timedelta(hours=1), "hard-bounce")
    with transaction() as s:
        agent = factories.operator(s, "agent")
        serving.lift(s, MAIL, "hard-bounce", "call to 311", datetime.now(UTC), agent)
    assert "Nobody is signed up" in look(door, MAIL).text
    assert "7 Former Ave" not in join(door, MAIL).text


def test_the_record_of_who_joins_shows_no_alert_to_who_had_the_phone(door: httpx.Client) -> None:
    former = imported(PHONE, proved=datetime.now(UTC) - LONG_AGO)
    before = factories.alert_resolved(now=datetime.now(UTC))

    def alerts(resident: int) -> list[int]:
        with transaction() as s:
            found = record.read(s, resident)
        assert found is not None
        return [one.alert_id for one in found.alerts]

    assert alerts(former) == [before]
    join(door)
    assert owner("sms") != former
    assert alerts(owner("sms")) == []
    after = factories.alert_resolved(now=datetime.now(UTC))
    assert alerts(owner("sms")) == [after]


@pytest.mark.parametrize(
    ("proved", "texts", "opens"),
    [(80, [40], True), (80, [34], False), (80, [60, 2], False), (120, [80, 40], True)],
)
def test_a_phone_that_was_never_silent_for_as_long_as_numbers_rest_is_the_same_persons(
    door: httpx.Client, proved: int, texts: list[int], opens: bool
) -> None:
    now = datetime.now(UTC)
    imported(PHONE, proved=now - timedelta(days=proved))
    for days in texts:
        with transaction() as s:
            text_in = Inbound(PHONE, "+15555550100", "HELP", f"SM{days}")
            messages.receive(s, "twilio", text_in, now - timedelta(days=days))
    assert (look(door, PHONE).status_code == 303) == opens


@pytest.mark.parametrize(("state", "opens"), [("delivered", True), ("undelivered", False)])
def test_what_was_delivered_is_a_sign_of_life(door: httpx.Client, state: str, opens: bool) -> None:
    then = datetime.now(UTC) - timedelta(days=30)
    imported(PHONE, proved=then - timedelta(days=30))
    factories.alert_resolved(now=then)
    asked.do(
        "UPDATE deliveries SET state = CAST(:state AS delivery_state), settled_at = :at, reason = 'unreachable'",
        state=state,
        at=then,
    )
    assert (look(door, PHONE).status_code == 303) == opens


def test_nothing_is_said_of_other_places_where_there_were_none(door: httpx.Client) -> None:
    with transaction() as s:
        factories.resident(s, at=[], phone=PHONE, verified=False)
    assert "You have joined" in (mine := join(door).text)
    assert "other places" not in mine
