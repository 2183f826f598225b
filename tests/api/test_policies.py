"""Channel policies: made and ended by admins, and shown to whoever writes or launches an alert."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.alerts.writing import working_drafts
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]
IN_A_YEAR = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
POLICY = {"channel": "sms", "topic": "snow", "owner": "Mayor <Lee>", "reason": "Texts cost.", "review_on": IN_A_YEAR}


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text.partition("<main")[2]).split())


@pytest.fixture
def senders(city: datetime) -> None:
    with transaction() as s:
        factories.sender(s, now=city)
        factories.sender(s, "sendgrid", now=city)


def make(at_desk: Desk, **given: str) -> None:
    assert at_desk("admin").post("/console/policies", data=POLICY | given).status_code == 303


def default_channels(at_desk: Desk, event: str) -> set[str]:
    path = at_desk("author").post("/console/compose", data={"template": f"{event} issue"}).headers["location"]
    with transaction() as s:
        draft = working_drafts.find(s, int(path.rpartition("/")[2]), factories.operator(s, "author"))
        return {name for name, field in draft.fields.items() if name.startswith("channel.") and field["value"]}


def test_only_an_admin_makes_and_ends_one(senders: None, at_desk: Desk) -> None:
    assert at_desk("approver").post("/console/policies", data=POLICY).status_code == 403
    make(at_desk)
    page = at_desk("agent").get("/console/policies").text
    assert "Mayor &lt;Lee&gt;. Review by" in page
    assert "End this policy" not in page
    number = asked.number("SELECT id FROM channel_policies")
    assert at_desk("approver").post(f"/console/policies/{number}/end").status_code == 403
    assert at_desk("admin").post(f"/console/policies/{number}/end").status_code == 303
    assert at_desk("admin").post(f"/console/policies/{number}/end").status_code == 404
    assert "No policy excludes a channel." in at_desk("agent").get("/console/policies").text
    acts = asked.rows("SELECT action FROM audit WHERE subject = 'channel_policy' ORDER BY id")
    assert [row.action for row in acts] == ["add", "end"]


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        ({"channel": "fax"}, 422, "Choose a channel."),
        ({"topic": "fog"}, 422, "Choose a topic"),
        ({"owner": " "}, 422, "Give an owner"),
        ({"reason": "x" * 501}, 422, "501 characters"),
        ({"review_on": "soon"}, 422, "is not a day"),
        ({"review_on": "2020-01-01"}, 422, "in the past"),
        ({}, 409, "already"),
    ],
)
def test_bad_input_is_named(senders: None, at_desk: Desk, given: dict[str, str], status: int, told: str) -> None:
    make(at_desk)
    answer = at_desk("admin").post("/console/policies", data=POLICY | given)
    assert (answer.status_code, told in answer.text) == (status, True)
    assert asked.number("SELECT count(*) FROM channel_policies") == 1


def test_alerts_begin_without_the_channel_and_say_why(senders: None, at_desk: Desk, city: datetime) -> None:
    assert default_channels(at_desk, "snow") == {"channel.sms", "channel.email"}
    make(at_desk)
    assert default_channels(at_desk, "snow") == {"channel.email"}
    assert default_channels(at_desk, "storm") == {"channel.sms", "channel.email"}
    path = at_desk("author").post("/console/compose", data={"template": "snow issue"}).headers["location"]
    assert "Texts are left out by a policy of Mayor &lt;Lee&gt;: Texts cost." in plain(at_desk("author").get(path).text)
    with transaction() as s:
        by_default = factories.alert_draft(s, event="snow", channels=None, now=city)  # type: ignore[arg-type]
        assert by_default.channels == ["email"]


def test_a_policy_never_blocks_and_is_marked_when_its_review_is_overdue(
    senders: None, at_desk: Desk, city: datetime
) -> None:
    make(at_desk)
    with transaction() as s:
        alert = factories.alert_draft(s, event="snow", now=city).id
        storm = factories.alert_draft(s, now=city).id
    page = plain(at_desk("author").get(f"/console/alerts/{alert}").text)
    assert "Texts are left out by a policy" in page
    assert "This alert uses them all the same." in page
    assert "overdue" not in page
    assert "left out by a policy" not in plain(at_desk("author").get(f"/console/alerts/{storm}").text)
    as_owner("UPDATE channel_policies SET review_on = '2026-01-01'")
    assert "overdue" in plain(at_desk("author").get(f"/console/alerts/{alert}").text)
