"""RFC 8058, sentence by sentence: what the server does with a mail program's POST, and with everything else.

What stands in the mail is in tests/notify/delivery/test_one_click_headers.py.
"""

import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.channels.contract import Inbound
from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import claims, leases
from notify.delivery.requests import EVERYTHING, unsubscribe_url
from notify.inbound import messages
from notify.models import Topic
from notify.subscribers import changing, consent, importing, serving
from tests import factories
from tests.api import asked, joins
from tests.factories import Resident

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MAIL = "maria.lopez@example.org"


@pytest.fixture
def maria(door: httpx.Client, database: str) -> Resident:
    with transaction() as s:
        return factories.resident(s, phone=None, email=MAIL, now=datetime.now(UTC) - timedelta(hours=1))


@pytest.fixture
def link(maria: Resident) -> str:
    return unsubscribe_url(settings(), maria.mail or 0, "storm")


def suppressed() -> list[tuple[object, ...]]:
    return asked.rows("SELECT topic::text, reason FROM suppressions ORDER BY id")


def click(door: httpx.Client, link: str) -> httpx.Response:
    door.cookies.clear()
    return door.post(link, content=ONE_CLICK, headers=FORM, follow_redirects=False)


def test_a_post_with_exactly_the_pair_unsubscribes(door: httpx.Client, link: str) -> None:
    """3.2: the receiver sends the pair of List-Unsubscribe-Post as the body of an HTTPS POST to the URI."""
    assert click(door, link).status_code == 200
    assert suppressed() == [("storm", "opt-out")]


def test_a_multipart_body_unsubscribes(door: httpx.Client, link: str) -> None:
    """3.2: the content should be sent as multipart/form-data, and may be sent as application/x-www-form-urlencoded."""
    assert door.post(link, files={"List-Unsubscribe": (None, "One-Click")}).status_code == 200
    assert suppressed() == [("storm", "opt-out")]


def test_no_cookie_no_authorization_and_no_origin_is_needed(door: httpx.Client, link: str) -> None:
    """3.1: the POST must not include cookies, HTTP authorization or any other context."""
    with httpx.Client(timeout=60) as stranger:
        request = stranger.build_request("POST", link, content=ONE_CLICK, headers=FORM)
        assert not {"cookie", "authorization", "origin", "referer"} & set(request.headers)
        answer = stranger.send(request)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert suppressed() == [("storm", "opt-out")]


def test_context_of_another_person_changes_nothing(door: httpx.Client, link: str) -> None:
    """3.1: unsubscribing is unrelated to any previous activity on the web, such as a session of somebody else."""
    joins.city_that_sends()
    joins.join(door, "+12155550142")
    door.post(link, content=ONE_CLICK, headers=FORM)
    ((topic, masked),) = asked.rows("""SELECT x.topic::text, c.subscriber_id::text FROM suppressions x
                                         JOIN contacts c USING (channel, address_index)""")
    ((maria,),) = asked.rows("SELECT subscriber_id::text FROM contacts WHERE channel = 'email'")
    assert (topic, masked) == ("storm", maria)


def test_the_answer_is_no_redirect(door: httpx.Client, link: str) -> None:
    """3.1: the sender must not return an HTTPS redirect, because redirected POSTs become GETs."""
    for _ in range(2):
        answer = click(door, link)
        assert answer.status_code == 200
        assert "location" not in answer.headers


def test_no_further_step_is_asked_for(door: httpx.Client, link: str) -> None:
    """1: one click, after which nothing more is needed from the recipient."""
    assert "<form" not in click(door, link).text
    assert suppressed() == [("storm", "opt-out")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_fetching_the_uri_does_not_unsubscribe(door: httpx.Client, link: str, method: str) -> None:
    """1: mail software fetches URIs of header fields by itself, and must not trigger an unsubscription by it."""
    door.request(method, link)
    assert suppressed() == []


def test_the_same_uri_serves_the_reader_who_opens_it(door: httpx.Client, link: str) -> None:
    """3.2: the target of the POST is the one of the GET of an unsubscription by hand."""
    page = door.get(f"{link}?lang=en").text
    assert "Stop messages about" in page
    assert "You will still get the others" in page, "topics are offered before everything"
    assert suppressed() == []


@pytest.mark.parametrize("change", ["last", "contact", "purpose", "topic"])
def test_a_forged_component_is_refused(door: httpx.Client, link: str, maria: Resident, change: str) -> None:
    """3.1: the server should verify that the opaque or hard-to-forge component is valid."""
    forged = {
        "last": link[:-1] + ("A" if link[-1] != "A" else "B"),
        "contact": f"{settings().public_url}/u/{maria.mail}.storm",
        "purpose": f"{settings().public_url}/u/{crypto.sign_token('resident', f'{maria.mail}.storm')}",
        "topic": f"{settings().public_url}/u/{crypto.sign_token('unsubscribe', f'{maria.mail}.nonsense')}",
    }[change]
    assert click(door, forged).status_code == 422
    assert suppressed() == []


def test_only_the_named_list_is_left(door: httpx.Client, link: str, maria: Resident) -> None:
    """3.1: the URI says from which list the recipient is removed; that of an email about no topic means all."""
    click(door, link)
    assert suppressed() == [("storm", "opt-out")]
    click(door, unsubscribe_url(settings(), maria.mail or 0, EVERYTHING))
    assert suppressed() == [("storm", "opt-out"), (None, "opt-out")]


def test_a_storm_of_requests_unsubscribes_once(door: httpx.Client, link: str) -> None:
    """6: the requests that mail provokes may be many, and repeated."""
    assert {click(door, link).status_code for _ in range(30)} == {200}
    assert suppressed() == [("storm", "opt-out")]


# What has left stays left.


def test_it_is_effective_for_what_is_in_flight(door: httpx.Client, link: str) -> None:
    joins.city_that_sends()
    with transaction() as s:
        other = factories.resident(s, phone=None, email="ben@example.org", now=datetime.now(UTC))
    factories.alert_resolved(channels=["email"], now=datetime.now(UTC))
    ((batch,),) = asked.rows("SELECT id FROM batches")
    held = leases.lease(batch, 60)
    assert held is not None
    click(door, link)
    with transaction() as s:
        by_sender = factories.sender(s, "sendgrid").id
    assert [one.contact_id for one in claims.claim(held, by_sender, 10, datetime.now(UTC)) or ()] == [other.mail]
    assert ("skipped", "opt-out") in asked.rows("SELECT state::text, reason FROM deliveries")


def test_an_import_with_a_newer_consent_does_not_bring_back_who_left(door: httpx.Client, link: str) -> None:
    click(door, link)
    at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    lines = f"email,topics,lon,lat,consent_at,consent_how\n{MAIL},storm,0.5,0.5,{at},a newer list\n"
    importing.import_csv(io.StringIO(lines), datetime.now(UTC), outside=True, merge=True)
    assert suppressed() == [("storm", "opt-out")]


def test_a_second_contact_neither_brings_back_the_first_nor_is_stopped_by_it(
    door: httpx.Client, maria: Resident
) -> None:
    click(door, unsubscribe_url(settings(), maria.mail or 0, EVERYTHING))
    with transaction() as s:
        agent = factories.operator(s, "agent")
        changing.correct(s, maria.id, "+12155550199", "call to 311", datetime.now(UTC), agent)
    assert suppressed() == [(None, "opt-out")]
    joins.city_that_sends()
    factories.alert_resolved(channels=["email", "sms"], now=datetime.now(UTC))
    found = asked.rows("""SELECT c.channel, d.state::text FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                           ORDER BY 1""")
    assert found == [("email", "skipped"), ("sms", "queued")]


def test_somebody_elses_sign_up_with_the_address_does_not_bring_it_back(door: httpx.Client, maria: Resident) -> None:
    """Whoever types the address into the form, without the code that came there."""
    joins.city_that_sends()
    click(door, unsubscribe_url(settings(), maria.mail or 0, EVERYTHING))
    page = joins.begin(door, MAIL)
    joins.form(door, page, code="000000")
    assert suppressed() == [(None, "opt-out")]


def test_undo_of_a_forwarded_link_does_not_end_what_its_owner_stopped_elsewhere(door: httpx.Client, link: str) -> None:
    with transaction() as s:
        consent.opt_out(s, "email", MAIL, how="their own page on the web", now=datetime.now(UTC))
    click(door, link)
    assert door.post(link, data={"undo": "yes"}).status_code == 200
    assert suppressed() == [(None, "opt-out")]
    assert door.post(link, data={"undo": "yes"}).status_code == 409


def test_a_start_from_another_phone_does_not_bring_it_back(door: httpx.Client, database: str) -> None:
    with transaction() as s:
        consent.opt_out(s, "sms", "+12155550111", how="a test", now=datetime.now(UTC))
    with transaction() as s:
        messages.receive(s, "twilio", Inbound("+12155550112", "+15555550100", "START", "SM1"), datetime.now(UTC))
    assert suppressed() == [(None, "opt-out")]


# Links from before an erasure.


def erased(maria: Resident) -> None:
    with transaction() as s:
        serving.erase(s, maria.id, datetime.now(UTC), factories.operator(s, "agent"))


def test_a_link_from_before_an_erasure_says_that_nothing_is_sent_and_keeps_it_so(
    door: httpx.Client, link: str, maria: Resident
) -> None:
    erased(maria)
    assert "Nobody is signed up with the email that this link came to" in door.get(f"{link}?lang=en").text
    assert click(door, link).status_code == 200
    ((index,),) = asked.rows("SELECT address_index FROM suppressions")
    assert [(index,)] == asked.rows("SELECT address_index FROM contacts")


def test_a_link_from_before_an_erasure_stops_what_comes_to_the_address_today(
    door: httpx.Client, link: str, maria: Resident
) -> None:
    joins.city_that_sends()
    erased(maria)
    joins.join(door, MAIL)
    assert click(door, link).status_code == 200
    factories.alert_resolved(channels=["email"], now=datetime.now(UTC))
    assert asked.rows("SELECT state::text, reason FROM deliveries") == [("skipped", "opt-out")]
    with transaction() as s:
        assert consent.describe_unsubscribe(s, link.rpartition("/")[2]).masked == "m***@example.org"


def test_a_link_from_before_a_correction_stops_the_address_that_it_came_to(
    door: httpx.Client, link: str, maria: Resident
) -> None:
    with transaction() as s:
        agent = factories.operator(s, "agent")
        changing.correct(s, maria.id, "new@example.org", "call to 311", datetime.now(UTC), agent)
    click(door, link)
    with transaction() as s:
        assert consent.topics_left(s, "email", consent.addresses.index("email", MAIL)) == {Topic.STORM}
        assert consent.topics_left(s, "email", consent.addresses.index("email", "new@example.org")) == set()
